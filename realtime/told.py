"""Which changes of memberships users here were told of, so that nobody is told twice on two ways."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 50_000
"""Pairs of a user (or socket) and a conversation; the oldest are forgotten."""


class Told:
    """For a user or a socket, and a conversation, the rev up to which they have been told."""

    def __init__(self) -> None:
        self._revs: OrderedDict[tuple[str, str], int] = OrderedDict()

    def rev(self, who: str, conversation_id: str) -> int:
        """The newest rev; 0 where nothing is remembered."""
        return self._revs.get((who, conversation_id), 0)

    def note(self, who: str, conversation_id: str, rev: int) -> None:
        """They have been told of everything up to this rev that is for them."""
        key = who, conversation_id
        self._revs[key] = max(rev, self._revs.pop(key, 0))
        if len(self._revs) > REMEMBERED:
            self._revs.popitem(last=False)
