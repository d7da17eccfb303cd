"""SQLite's log, moved into the database file beside the writes instead of within them.

As it comes, SQLite does so in the commit that finds the log grown to 1,000 pages, and writes then wait for two flushes
to disk: that is what sets the 99th percentile of a busy server (prototype/README.md). Here a thread of its own copies
while writes go on; then one short step between two writes lets the log begin anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

PAGES = 10_000
"""Pages in the log before it is moved: 40 MB, some 4,000 messages of a busy server. A page that many of them have
changed is copied once."""

NET_PAGES = 50_000
"""Where nobody moved it, a commit does (200 MB)."""


class Checkpoints:
    """Knows when it is time. `connection` is one that nobody else uses."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._index = Path(connection.execute("PRAGMA database_list").fetchone()[2] + "-shm")
        self._pages_before = 0

    def due(self) -> bool:
        """Whether the log has grown by so much since the last time."""
        pages = self._pages()
        if pages < self._pages_before:  # it has begun anew
            self._pages_before = 0
        if pages - self._pages_before < PAGES:
            return False
        self._pages_before = pages
        return True

    def _pages(self) -> int:
        """Pages in the log: `mxFrame`, in the header of its index (sqlite.org/walformat.html, 2.1)."""
        try:
            with self._index.open("rb") as index:
                header = index.read(20)
        except FileNotFoundError:
            return 0
        return int.from_bytes(header[16:20], sys.byteorder)

    def copy(self) -> None:
        """Copy what can be copied; nobody waits for it."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def begin_anew(self) -> None:
        """Copy the rest and let the next write begin at the log's start; where somebody reads the log, another time."""
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
