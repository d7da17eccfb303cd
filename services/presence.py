"""Who is online, for those who may know."""

from __future__ import annotations

from collections.abc import Sequence

from realtime.presence import statuses
from services.access import reading


def ask(user_id: str, asked: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Status and last sight of those of `asked` who share a conversation with the user; the others are left out."""
    with reading() as session:
        return statuses(session, user_id, list(dict.fromkeys(asked)))
