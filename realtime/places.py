"""Where messages stand: a message's conversation and `seq` never change, so they are remembered without a doubt."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from models import store

GENERATION = 25_000
"""Messages that are remembered together, and forgotten together where as many have come after them: 10 MB at most."""

Place = tuple[str, int]
"""A message's conversation and its `seq` in it."""


class _Generation:
    """Messages that came one after the other. They are noted in a row, and put in order once somebody asks for one."""

    __slots__ = ("_found", "noted")

    def __init__(self) -> None:
        self.noted: list[Any] = []
        self._found: dict[str, Place] = {}

    def find(self, message_id: str) -> Place | None:
        """Where a message stands, if it is one of these."""
        if self.noted:
            noted, self.noted = self.noted, []
            self._found.update(zip(noted[::3], zip(noted[1::3], noted[2::3], strict=True), strict=True))
        return self._found.get(message_id)

    @property
    def full(self) -> bool:
        """Whether there are as many as are remembered together."""
        return len(self._found) + len(self.noted) // 3 >= GENERATION


class Places:
    """The places of messages that were told or asked for lately.

    Without a lock: what a thread might lose here to another is read again.
    """

    def __init__(self) -> None:
        self._young = _Generation()
        self._old = _Generation()

    def note(self, message_id: str, conversation_id: str, seq: int) -> None:
        """A message that is new."""
        noted = self._young.noted
        noted += (message_id, conversation_id, seq)
        if len(noted) >= 3 * GENERATION:
            self._turn()

    def of(self, message_ids: Collection[str]) -> list[Place]:
        """Those of these messages that exist. Raises Unavailable."""
        places = {one: place for one in message_ids if (place := self._find(one)) is not None}
        unknown = [one for one in message_ids if one not in places]
        if unknown:
            marks = ",".join("?" * len(unknown))
            query = f"SELECT id, conversation_id, seq FROM messages WHERE id IN ({marks})"  # noqa: S608 (marks only)
            for message_id, conversation_id, seq in store.rows(query, *unknown):
                self.note(message_id, conversation_id, seq)
                places[message_id] = conversation_id, seq
        if self._young.full:
            self._turn()
        return list(places.values())

    def _find(self, message_id: str) -> Place | None:
        return self._young.find(message_id) or self._old.find(message_id)

    def _turn(self) -> None:
        self._old, self._young = self._young, _Generation()


places = Places()
