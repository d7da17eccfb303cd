"""Cursors of lists: opaque to clients, a place in the order to us."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from schemas.base import storable
from schemas.errors import invalid

MAX_INTEGER = 2**63 - 1
"""What a database's integer holds."""


def encode_cursor(*place: str | int) -> str:
    """A cursor for the item at this place."""
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> Any:
    """The place that a cursor names. Raises ChatError `validation_failed` for one that we did not make."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise invalid(cursor="is not a cursor of this list") from None
    if not isinstance(place, list) or [type(part) for part in place] != list(types):
        raise invalid(cursor="is not a cursor of this list")
    try:
        if any(abs(part) > MAX_INTEGER if isinstance(part, int) else not storable(part) for part in place):
            raise ValueError
    except ValueError:
        raise invalid(cursor="is not a cursor of this list") from None
    return place
