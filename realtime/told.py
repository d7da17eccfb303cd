"""Which changes of memberships users here were told of, so that nobody is told twice on two ways, or never."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

REMEMBERED = 50_000
"""Pairs of a user (or socket) and a conversation; the oldest are forgotten."""

PUT_OUT = {"conversation:participant-removed", "conversation:deleted"}


@dataclass(slots=True, frozen=True)
class Word:
    """The newest rev that they were told of, and whether they were in the conversation after that."""

    rev: int
    inside: bool


class Told:
    """The last word to a user or a socket about a conversation."""

    def __init__(self) -> None:
        self._words: OrderedDict[tuple[str, str], Word] = OrderedDict()

    def word(self, who: str, conversation_id: str) -> Word | None:
        """The last one; None where none is remembered."""
        return self._words.get((who, conversation_id))

    def rev(self, who: str, conversation_id: str) -> int:
        """Its rev; 0 where none is remembered."""
        word = self._words.get((who, conversation_id))
        return word.rev if word is not None else 0

    def note(self, who: str, conversation_id: str, rev: int, event: str) -> None:
        """They have been told of everything up to this rev that is for them, this event last."""
        key = who, conversation_id
        if rev >= self.rev(*key):
            self._words.pop(key, None)
            self._words[key] = Word(rev, event not in PUT_OUT)
            if len(self._words) > REMEMBERED:
                self._words.popitem(last=False)
