"""SQLite's log, moved into the database file beside the writes instead of within them.

As it comes, SQLite does so in the commit that finds the log grown to 1,000 pages, and writes then wait for two flushes
to disk: that is what sets the 99th percentile of a busy server (prototype/README.md). Here a thread of its own copies
while writes go on; then one short step between two writes lets the log begin anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

PAGES = 10_000
"""Pages in the log before it is moved: 40 MB, some 4,000 messages of a busy server. A page that many of them have
changed is copied once."""

NET_PAGES = 50_000
"""Where nobody moved it, a commit does (200 MB)."""

PASSES = 2
"""Copies beside the writes. The second has only what was written during the first, and leaves next to nothing."""

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
"""Of the log, and of each page in it (sqlite.org/walformat.html, 1.1 and 1.2)."""


_databases: dict[tuple[int, int], int] = {}
"""A descriptor of each database file, for as long as the process lives: to close one anywhere in the process drops all
locks that SQLite holds on the file (sqlite.org/howtocorrupt.html, 2.2), and processes that share it lose data."""


class Checkpoints:
    """Knows when it is time. `connection` is one that nobody else uses."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        database = connection.execute("PRAGMA database_list").fetchone()[2]
        self._log = Path(database + "-wal")
        self._database = _descriptor(database)
        self._begun = b""
        self._pages_before = 0

    def due(self) -> bool:
        """Whether the log has grown by so much since the last time.

        Only the log's own file may be opened and closed for this, as `_databases` says.
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
        """Copy what can be copied; nobody waits for it.

        SQLite flushes the database file only once all of the log is in it, which is in `begin_anew`, where everybody
        waits: 20 ms for 10,000 pages. So it is flushed here. With 4,000 messages a second the slowest hundredth of them
        took 6 to 7 ms instead of 9, side by side.
        """
        for _ in range(PASSES):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            os.fsync(self._database)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def begin_anew(connection: Any) -> None:
    """Copy the rest and let the next write begin at the log's start; where somebody reads the log, another time.

    The writer's own `connection` does so: to it, what another one did to the log is a database that has changed, and
    all pages that it knew are forgotten.
    """
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def _descriptor(database: str) -> int:
    found = os.stat(database)  # noqa: PTH116 (a path of SQLite's)
    identity = found.st_dev, found.st_ino
    if identity not in _databases:
        _databases[identity] = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    return _databases[identity]
