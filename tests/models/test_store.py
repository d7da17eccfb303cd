"""The way to the database, against databases that are locked, gone or in each other's way."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text, update
from sqlalchemy.orm import Session

from extensions import Base
from models import Meta, Unavailable
from models.store import BUSY_SECONDS, Store
from settings import PROJECT, database_url
from tests.conftest import ServerFactory
from tests.support.api import Api
from tests.support.postgres import Postgres
from tests.support.server import SECRET, ServerProcess

UNFROZEN_SECONDS = 1.5
"""Answers within this time show that nothing stands still: a frozen loop would be silent for `BUSY_SECONDS`."""


@pytest.fixture
def embedded(fresh_server: ServerFactory) -> ServerProcess:
    """A server on SQLite, whatever the cell of the matrix."""
    return fresh_server(DATABASE_URL="")


class Holder:
    """Another process's write transaction, as the server sees it: it holds the one write lock until `let_go`."""

    def __init__(self, server: ServerProcess) -> None:
        self._connection = sqlite3.connect(server.data_dir / "parley.db", isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        """Give the lock back."""
        self._connection.rollback()
        self._connection.close()


def slowest_answer(server: ServerProcess, during: Future[Any]) -> float:
    """The longest that /healthz and a read from the database took, asked again and again while `during` is going on."""
    api, slowest = Api(server), 0.0
    while not during.done():
        started = time.monotonic()
        assert api.root("/healthz").status_code == 200
        assert api.root("/readyz").status_code == 200
        slowest = max(slowest, time.monotonic() - started)
    api.close()
    return slowest


def test_a_write_waits_for_another_process_and_succeeds(embedded: ServerProcess) -> None:
    api = Api(embedded)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    holder = Holder(embedded)
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(alice.say, conversation, "patience")
        # The server reads while it waits; two answers later the send has been asking for a while.
        for _ in range(2):
            assert api.root("/readyz").status_code == 200
        assert not sending.done()
        holder.let_go()
        assert sending.result(timeout=BUSY_SECONDS)["seq"] == 1
    api.close()


def test_a_write_gives_up_after_its_time_and_freezes_nobody(embedded: ServerProcess) -> None:
    api = Api(embedded)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    body = {"conversationId": conversation["id"], "content": "impatience", "temp_id": "once"}
    holder = Holder(embedded)
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(alice.post, "/messages", body)
        slowest = slowest_answer(embedded, sending)
    took, response = time.monotonic() - started, sending.result()
    assert (response.status_code, response.json()["error"]) == (503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert BUSY_SECONDS <= took < BUSY_SECONDS + 3
    assert slowest < UNFROZEN_SECONDS
    assert alice.answer("GET", f"/conversations/{conversation['id']}/messages")["items"] == []
    holder.let_go()
    assert alice.answer("POST", "/messages", body, status=201)["seq"] == 1
    api.close()


@pytest.mark.parametrize(("setting", "level"), [("full", 2), ("normal", 1)])
def test_each_connection_flushes_as_the_setting_says(tmp_path: Path, setting: str, level: int) -> None:
    """SQLite's own numbers: 2 is FULL, 1 is NORMAL."""
    ask = """
for pragma in ("synchronous", "journal_mode", "busy_timeout", "foreign_keys"):
    ask = lambda session: session.connection().exec_driver_sql(f"PRAGMA {pragma}").scalar()
    with models.store.read() as session: print("answer", ask(session), models.store.write(ask))

"""
    env = {"PATH": os.environ.get("PATH", os.defpath), "JWT_SECRET": SECRET, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", f"import app, models\nwith app.create_app().app_context():\n    exec({ask!r})"],
        cwd=PROJECT,
        env={**env, "DATA_DIR": str(tmp_path), "SQLITE_SYNCHRONOUS": setting},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"answer {level} {level}", "answer wal wal", "answer 0 0", "answer 1 1"]


def test_a_connection_that_died_is_replaced(fresh_server: ServerFactory, postgres: Postgres) -> None:
    url = postgres.database()
    server = fresh_server(DATABASE_URL=url)
    api = Api(server)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    engine = create_engine(database_url(url), isolation_level="AUTOCOMMIT")
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        killed = connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) {others}")).scalars().all()
        assert killed
        assert set(killed) == {True}
    engine.dispose()
    assert api.root("/readyz").status_code == 200
    assert alice.say(conversation, "still here")["seq"] == 1
    api.close()
    assert server.stop() == 0


@pytest.fixture
def pair(postgres: Postgres) -> Iterator[Store]:
    """A store on PostgreSQL with two rows to fight over."""
    url = postgres.database()
    engine = create_engine(database_url(url), pool_pre_ping=True)
    Base.metadata.tables["meta"].create(engine)
    store = Store()
    store.bind(engine)
    store.write(lambda session: session.add_all([Meta(key="one", value=""), Meta(key="two", value="")]))
    yield store
    store.close()
    postgres.drop(url)


def test_whoever_loses_a_deadlock_tries_again(pair: Store) -> None:
    both_hold_one = threading.Barrier(2)
    attempts = {"a": 0, "b": 0}

    def work(session: Session, name: str, keys: tuple[str, str]) -> str:
        attempts[name] += 1
        for key in keys:
            session.execute(update(Meta).where(Meta.key == key).values(value=Meta.value + name))
            if attempts[name] == 1 and key == keys[0]:
                both_hold_one.wait(timeout=10)
        return name

    with ThreadPoolExecutor() as pool:
        a = pool.submit(pair.write, lambda session: work(session, "a", ("one", "two")))
        b = pool.submit(pair.write, lambda session: work(session, "b", ("two", "one")))
        assert (a.result(timeout=30), b.result(timeout=30)) == ("a", "b")
    assert sorted(attempts.values()) == [1, 2], "one of them lost, once"
    with pair.read() as session:
        values = {sorted(row.value).__repr__() for row in session.query(Meta)}
    assert values == {"['a', 'b']"}, "each wrote both rows, once"


def test_a_read_is_of_one_moment(pair: Store) -> None:
    with pair.read() as session:
        assert session.get_one(Meta, "one").value == ""
        pair.write(lambda other: other.execute(update(Meta).values(value="new")))
        assert session.get_one(Meta, "two").value == ""
    with pair.read() as session:
        assert session.get_one(Meta, "two").value == "new"


def test_a_database_that_is_gone_is_unavailable(postgres: Postgres) -> None:
    url = postgres.database()
    store = Store()
    store.bind(create_engine(database_url(url), pool_pre_ping=True))
    postgres.drop(url)
    with pytest.raises(Unavailable), store.read() as session:
        session.execute(text("SELECT 1"))
    with pytest.raises(Unavailable):
        store.write(lambda session: session.execute(text("SELECT 1")))
    store.close()


def test_what_work_raises_rolls_back_and_the_next_write_goes_on(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}", connect_args={"check_same_thread": False})
    Base.metadata.tables["meta"].create(engine)
    store = Store()
    store.bind(engine)

    def fails(session: Session) -> None:
        session.add(Meta(key="half", value=""))
        session.flush()
        raise LookupError("no")

    with pytest.raises(LookupError):
        store.write(fails)
    store.write(lambda session: session.add(Meta(key="whole", value="")))
    store.close()
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert connection.execute("SELECT key FROM meta").fetchall() == [("whole",)]


def test_what_others_have_committed_is_news_and_ones_own_is_not(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}", connect_args={"check_same_thread": False})
    Base.metadata.tables["meta"].create(engine)
    store = Store()
    store.bind(engine)
    assert store.moved()
    store.write(lambda session: session.add(Meta(key="mine", value="")))
    assert not store.moved()
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("INSERT INTO meta (key, value) VALUES ('theirs', '')")
        connection.commit()
    assert [store.moved(), store.moved()] == [True, False]
    store.close()
    store.bind(engine)
    assert store.moved(), "nobody knows what came between two connections"
    store.close()
