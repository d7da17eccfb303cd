"""Where messages stand: a message's conversation and `seq` never change, so they are remembered without a doubt."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from models import store

GENERATION = 25_000
"""Messages that are remembered together, and forgotten together where as many have come after them: 10 MB at most."""

ROW = 5_000
"""Messages that stand in a row until somebody asks for one: to put them in order takes a millisecond at most."""

Place = tuple[str, int]
"""A message's conversation and its `seq` in it."""


class Places:
    """The places of messages that were told or asked for lately.

    Where nobody asks, they cost next to nothing: new ones are noted in a row, and put in order at the next question.
    Without a lock: what a thread might lose here to another is read again.
    """

    def __init__(self) -> None:
        self._noted: list[Any] = []
        self._young: dict[str, Place] = {}
        self._old: dict[str, Place] = {}

    def note(self, message_id: str, conversation_id: str, seq: int) -> None:
        """A message that is new."""
        noted = self._noted
        noted += (message_id, conversation_id, seq)
        if len(noted) > 3 * ROW:  # nobody has asked for a long time
            del noted[: 3 * (ROW // 2)]

    def of(self, message_ids: Collection[str]) -> list[Place]:
        """Those of these messages that exist. Raises Unavailable."""
        self._put_in_order()
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

    def _put_in_order(self) -> None:
        noted, self._noted = self._noted, []
        if noted and len(self._young) >= GENERATION:
            self._old, self._young = self._young, {}
        self._young.update(zip(noted[::3], zip(noted[1::3], noted[2::3], strict=True), strict=True))


places = Places()
