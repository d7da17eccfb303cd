"""Conversations' counters, as the last batch left them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

REMEMBERED = 20_000
"""Conversations at most; past that the memory starts anew."""


@dataclass(slots=True)
class Clock:
    """A conversation's counters."""

    id: str
    seq: int
    rev: int
    members_rev: int


class Clocks:
    """What batches left behind, for as long as nothing else was written by the connection that writes them.

    Other processes may have written; a batch that is placed by this memory finds out as it is stored
    (`models.ahead_sqlite`, `models.ahead_postgresql`). The memory is emptied by who takes it and filled again after the
    commit, so that a batch that was not stored leaves nothing.
    """

    def __init__(self) -> None:
        self._known: dict[str, Clock] = {}
        self._changes = -1

    def take(
        self, changes: int, wanted: Collection[str], read: Callable[[Collection[str]], dict[str, Clock]]
    ) -> dict[str, Clock]:
        """What may still be true of a connection that has written so many rows; what is wanted besides is read."""
        known, self._known = self._known, {}
        if changes != self._changes:
            known = {}
        unknown = [one for one in wanted if one not in known]
        if unknown:
            known.update(read(unknown))
        return known

    def keep(self, changes: int, known: dict[str, Clock]) -> None:
        """A batch is committed, these are the counters now, and the connection has written so many rows."""
        if len(known) < REMEMBERED:
            self._known, self._changes = known, changes
