"""Where messages stand: a message's conversation and `seq` never change, so they are remembered without a doubt."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from models import store

REMEMBERED = 50_000
"""Messages at most: 10 MB. Beyond it the half that has been there longest goes."""

Place = tuple[str, int]
"""A message's conversation and its `seq` in it."""


class Places:
    """The places of messages that were told or asked for lately. Without a lock: each step is one of Python's own."""

    def __init__(self) -> None:
        self._known: dict[str, Place] = {}

    def note(self, message_id: str, conversation_id: str, seq: int) -> None:
        """A message that is new."""
        if len(self._known) >= REMEMBERED:
            self._known = dict(islice(self._known.items(), REMEMBERED // 2, None))
        self._known[message_id] = conversation_id, seq

    def of(self, message_ids: Collection[str]) -> list[Place]:
        """Those of these messages that exist. Raises Unavailable."""
        known = self._known
        found = [known[one] for one in message_ids if one in known]
        if len(found) == len(message_ids):
            return found
        unknown = [one for one in message_ids if one not in known]
        marks = ",".join("?" * len(unknown))
        query = f"SELECT id, conversation_id, seq FROM messages WHERE id IN ({marks})"  # noqa: S608 (marks only)
        for message_id, conversation_id, seq in store.rows(query, *unknown):
            self.note(message_id, conversation_id, seq)
            found.append((conversation_id, seq))
        return found


places = Places()
