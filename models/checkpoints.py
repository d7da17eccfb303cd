"""SQLite's log, moved into the database file beside the writes instead of within them.

As it comes, SQLite does so in the commit that finds the log grown to 1,000 pages, and writes then wait for two flushes
to disk: that is what sets the 99th percentile of a busy server (prototype/README.md). Here a thread of its own copies
while writes go on; then one short step between two writes lets the log begin anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAGES = 10_000
"""Pages in the log before it is moved: 40 MB, some 4,000 messages of a busy server. A page that many of them have
changed is copied once."""

NET_PAGES = 50_000
"""Where nobody moved it, a commit does (200 MB)."""

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
"""Of the log, and of each page in it (sqlite.org/walformat.html, 1.1 and 1.2)."""


class Checkpoints:
    """Knows when it is time. `connection` is one that nobody else uses."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._log = Path(connection.execute("PRAGMA database_list").fetchone()[2] + "-wal")
        self._begun = b""
        self._pages_before = 0

    def due(self) -> bool:
        """Whether the log has grown by so much since the last time.

        Only the log's own file may be opened for this: closing the database or its index anywhere in the process drops
        all locks that SQLite holds on it (sqlite.org/howtocorrupt.html, 2.2), and processes that share it lose data.
        """
        try:
            with self._log.open("rb", buffering=0) as log:
                header = log.read(HEADER_BYTES)
                if header[16:24] != self._begun:
                    self._begun, self._pages_before = header[16:24], 0
                frame = FRAME_HEADER_BYTES + int.from_bytes(header[8:12])
                log.seek(HEADER_BYTES + (self._pages_before + PAGES - 1) * frame)
                # A page of an earlier turn of the log, which is not overwritten yet, bears that turn's salts.
                if len(header) < HEADER_BYTES or log.read(FRAME_HEADER_BYTES)[8:16] != self._begun:
                    return False
        except FileNotFoundError:
            return False
        self._pages_before += PAGES
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
