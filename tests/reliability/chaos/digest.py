"""A message's state in sixteen letters, so that a client's can be compared with the server's."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(message: dict[str, Any]) -> str:
    """Of what a client shows: id, content or tombstone, and reactions."""
    gone = message["deletedAt"] is not None
    reactions = {emoji: sorted(one["users"]) for emoji, one in message["reactions"].items() if one["users"]}
    state = [message["id"], message["seq"], message["temp_id"], None if gone else message["content"], reactions]
    return hashlib.blake2b(json.dumps(state, sort_keys=True).encode(), digest_size=8).hexdigest()
