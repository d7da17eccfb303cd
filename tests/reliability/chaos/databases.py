"""The databases of a run: where they are, how they are broken, and what is in them, read directly."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psycopg2

from tests.reliability.chaos.checker import Row, Stored
from tests.support.postgres import READY, Postgres
from tests.support.processes import Child

LOCKED_SECONDS = 8.5
"""Longer than the server asks for a locked database (5 s), so that sends behind the first ones are refused too."""

ENDS = (signal.SIGKILL, signal.SIGINT, signal.SIGQUIT)
"""How PostgreSQL ends: a crash, a fast shutdown, an immediate one."""

Query = Callable[[str], list[Any]]


class Database(Protocol):
    """What a run needs of its database."""

    url: str | None

    async def break_once(self, number: int) -> None:
        """Make it unusable for a while; returns once it is usable again."""

    def read(self, folder: Path) -> Stored:
        """All that is in it; the server has stopped. `folder` is the server's DATA_DIR. Fails where it is damaged."""

    def stop(self) -> None:
        """Let go of it."""


def _stored(query: Query) -> Stored:
    messages = query("SELECT conversation_id, seq, id, sender_id, temp_id, content, deleted_at FROM messages")
    return Stored(
        messages=[Row(row[0], row[1], row[2], row[3], row[4], row[5], row[6] is not None) for row in messages],
        heads=dict(query("SELECT id, seq FROM conversations")),
        reactions={tuple(row) for row in query("SELECT message_id, user_id, emoji FROM reactions")},
        reads={
            (row[0], row[1]): row[2] for row in query("SELECT conversation_id, user_id, read_seq FROM participants")
        },
    )


class Embedded:
    """SQLite in DATA_DIR."""

    url: str | None = None

    def __init__(self, folder: Path) -> None:
        self._path = folder / "parley.db"

    async def break_once(self, number: int) -> None:
        """Another process's write lock, for longer than the server waits."""
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        try:
            connection.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(LOCKED_SECONDS)
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def read(self, folder: Path) -> Stored:
        """See `Database.read`; from a copy, as the folder may belong to another namespace."""
        with tempfile.TemporaryDirectory() as copy:
            for path in folder.glob("parley.db*"):
                shutil.copy(path, copy)
            connection = sqlite3.connect(Path(copy) / "parley.db")
            try:
                state = connection.execute("PRAGMA integrity_check").fetchone()[0]
                assert state == "ok", f"the database is damaged: {state}"
                return _stored(lambda text: connection.execute(text).fetchall())
            finally:
                connection.close()

    def stop(self) -> None:
        """Nothing runs."""


class Cluster(Postgres):
    """A PostgreSQL that comes back on its port after it was killed."""

    def restart(self, number: signal.Signals) -> None:
        """End it by a signal (`ENDS`) and start it with the same data."""
        if number is signal.SIGKILL:
            self._child.kill()
        else:
            self._child.stop(number, timeout=30)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            options = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
            child = Child(
                self._run_as.command("postgres", [*options, "-c", "max_connections=200"]),
                env=self._env,
                cwd=self.folder,
                uid=self._run_as.uid,
            )
            if child.err.wait_for(READY, timeout=30):
                self._child = child
                return
            # The killed one's children hold its shared memory for a moment.
            child.kill()
        raise AssertionError("PostgreSQL did not come back")


class Served:
    """PostgreSQL."""

    def __init__(self) -> None:
        self._cluster = Cluster()
        self.url: str | None = self._cluster.database()

    async def break_once(self, number: int) -> None:
        """A crash, a fast shutdown and an immediate one, in turns, each followed by a start."""
        await asyncio.to_thread(self._cluster.restart, ENDS[number % len(ENDS)])

    def read(self, folder: Path) -> Stored:
        """See `Database.read`."""
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:

                def query(text: str) -> list[Any]:
                    cursor.execute(text)
                    return cursor.fetchall()

                assert query("SHOW fsync") == [("on",)]
                assert query("SHOW synchronous_commit") == [("on",)]
                return _stored(query)
        finally:
            connection.close()

    def stop(self) -> None:
        """End the cluster, and remove its files."""
        self._cluster.stop()
