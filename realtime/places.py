"""Where messages stand: a message's conversation and `seq` never change, so they are remembered without a doubt."""

from __future__ import annotations

from collections.abc import Collection

from models import store

GENERATION = 25_000
"""Messages that are remembered together, and forgotten together where as many have come after them: 10 MB at most."""

Place = tuple[str, int]
"""A message's conversation and its `seq` in it."""


class Places:
    """The places of messages that were told or asked for lately. Without a lock: each step is one of Python's own."""

    def __init__(self) -> None:
        self._young: dict[str, Place] = {}
        self._old: dict[str, Place] = {}

    def note(self, message_id: str, conversation_id: str, seq: int) -> None:
        """A message that is new."""
        young = self._young
        if len(young) >= GENERATION:
            self._old = young
            self._young = young = {}
        young[message_id] = conversation_id, seq

    def of(self, message_ids: Collection[str]) -> list[Place]:
        """Those of these messages that exist. Raises Unavailable."""
        young, old = self._young, self._old
        found = [place for one in message_ids if (place := young.get(one) or old.get(one)) is not None]
        if len(found) == len(message_ids):
            return found
        unknown = [one for one in message_ids if one not in young and one not in old]
        marks = ",".join("?" * len(unknown))
        query = f"SELECT id, conversation_id, seq FROM messages WHERE id IN ({marks})"  # noqa: S608 (marks only)
        for message_id, conversation_id, seq in store.rows(query, *unknown):
            self.note(message_id, conversation_id, seq)
            found.append((conversation_id, seq))
        return found


places = Places()
