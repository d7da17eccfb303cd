"""SQLite's log, moved into the database file beside the writes instead of within them.

As it comes, SQLite does so in the commit that finds the log grown to 1,000 pages, and writes then wait for two flushes
to disk: that is what sets the 99th percentile of a busy server (prototype/README.md). Here a thread of its own copies
while writes go on; then one short step between two writes lets the log begin anew.
"""

from __future__ import annotations

from typing import Any

ROWS = 12_000
"""Rows written before the log is moved: 4,000 messages, 40 MB. A page that many of them have changed is copied once."""

NET_PAGES = 50_000
"""Where nobody moved it, a commit does (200 MB)."""


class Checkpoints:
    """Knows when it is time. `connection` is one that nobody else uses."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows_before = 0

    def due(self, rows_written: int) -> bool:
        """Whether enough has been written since the last time, by a connection that counts its rows."""
        if rows_written < self._rows_before:  # the writer has a new connection, which counts from 0
            self._rows_before = 0
        if rows_written - self._rows_before < ROWS:
            return False
        self._rows_before = rows_written
        return True

    def copy(self) -> None:
        """Copy what can be copied; nobody waits for it."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def begin_anew(self) -> None:
        """Copy the rest and let the next write begin at the log's start; where somebody reads the log, another time."""
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
