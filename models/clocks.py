"""Conversations' counters, as the connection that writes left them: SQLite has one writer, who need not ask again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

REMEMBERED = 20_000
"""Conversations at most; past that the memory starts anew."""


@dataclass(slots=True)
class Clock:
    """A conversation's counters, known under its lock."""

    id: str
    seq: int
    rev: int
    members_rev: int


class Clocks:
    """What batches of messages left behind, for as long as nobody else has written anything.

    SQLite says so itself: `data_version` counts the commits of other connections, `total_changes` the rows that this
    one has written. The memory is emptied by who takes it and filled again after the commit, so that a batch that was
    rolled back leaves nothing.
    """

    def __init__(self) -> None:
        self._known: dict[str, Clock] = {}
        self._version = -1
        self._changes = -1

    def take(self, driver: Any) -> dict[str, Clock]:
        """What is still true, in the transaction that has begun on this connection."""
        known, self._known = self._known, {}
        version = driver.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version or driver.total_changes != self._changes:
            known = {}
            self._version = version
        return known

    def keep(self, driver: Any, changes: int, known: dict[str, Clock], written: Iterable[Clock]) -> None:
        """The batch is committed; `changes` are the rows written when its own statements were done."""
        if driver.total_changes == changes and len(known) < REMEMBERED:
            known.update((clock.id, clock) for clock in written)
            self._known, self._changes = known, changes
