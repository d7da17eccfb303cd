"""SQLite's log is moved into the database as it grows, however few rows a transaction writes."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, update
from sqlalchemy.orm import Session

from extensions import Base
from models import Conversation, checkpoints
from models.store import Store

PAGES, PAGE_BYTES = 40, 4096

EMPTIED = """
import sqlite3, sys
print(*sqlite3.connect(sys.argv[1], timeout=0).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
"""
"""For another process: moves the whole log, and prints `1` first where somebody's reading kept it from that."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """On a file, with a conversation in it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'parley.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()  # the store prepares every connection that it uses
    store = Store()
    store.bind(engine)
    store.write(lambda session: session.add(Conversation(id="one", type="group")))
    yield store
    store.close()


@pytest.mark.parametrize("pages", [1, checkpoints.PAGES])
def test_a_look_at_the_files_takes_no_lock_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    """Two processes on one database lost messages: closing the log's index dropped what SQLite had locked in it."""
    monkeypatch.setattr(checkpoints, "PAGES", pages)
    with store.read() as session:
        assert session.get_one(Conversation, "one").rev == 0
        for rev in range(3):
            store.checkpoint()
            store.write(functools.partial(Session.execute, statement=update(Conversation).values(rev=rev)))
        command = [sys.executable, "-c", EMPTIED, str(tmp_path / "parley.db")]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0] == "1"


def test_the_database_file_is_flushed_beside_the_writes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not only in the one step for which all writes wait."""
    done: list[str] = []
    monkeypatch.setattr(checkpoints, "PAGES", 1)
    monkeypatch.setattr("os.fsync", lambda _: done.append("flush"))

    def noted(connection: Any) -> None:
        done.append("begin anew")
        checkpoints.begin_anew(connection)

    monkeypatch.setattr(sys.modules[Store.__module__], "begin_anew", noted)
    store.checkpoint()
    store.write(functools.partial(Session.execute, statement=update(Conversation).values(rev=1)))
    store.checkpoint()
    assert done == ["flush", "flush", "begin anew"]


def test_the_log_begins_anew_when_it_has_so_many_pages(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "PAGES", PAGES)
    store.checkpoint()
    assert store.moved()
    for rev in range(10 * PAGES):
        store.write(functools.partial(Session.execute, statement=update(Conversation).values(rev=rev)))
        store.checkpoint()
    log = tmp_path / "parley.db-wal"
    assert PAGES * PAGE_BYTES < log.stat().st_size < 2 * PAGES * PAGE_BYTES
    assert not store.moved(), "a log that began anew is no news to the writer, who would forget every page it knows"
    with store.read() as session:
        assert session.get_one(Conversation, "one").rev == 10 * PAGES - 1
