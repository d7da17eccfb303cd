"""Counters are remembered from batch to batch, and never believed when somebody else has written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, update

from extensions import Base
from models import Conversation, Transaction
from models.hot import hot
from models.store import Store

CONVERSATION = "one"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    """A store on SQLite with one conversation, and its file."""
    path = tmp_path / "parley.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    store = Store()
    store.bind(engine)
    store.write(lambda session: session.add(Conversation(id=CONVERSATION, type="group", seq=5, rev=9, members_rev=2)))
    yield store, path
    store.close()


def counters(store: Store, more: int = 0) -> tuple[int, int, int]:
    """What a batch finds under the lock, before it adds so many messages."""

    def run(transaction: Transaction) -> tuple[int, int, int]:
        statements = hot(transaction)
        clock = statements.lock([CONVERSATION])[CONVERSATION]
        found = clock.seq, clock.rev, clock.members_rev
        clock.seq, clock.rev = clock.seq + more, clock.rev + more
        statements.finish([], {CONVERSATION: (clock, more)} if more else {}, {}, now=1)
        return found

    return store.transact(run)


def test_a_batch_goes_on_where_the_last_one_ended(place: tuple[Store, Path]) -> None:
    store, _ = place
    assert [counters(store, 1) for _ in range(3)] == [(5, 9, 2), (6, 10, 2), (7, 11, 2)]


def test_they_are_not_read_again(place: tuple[Store, Path]) -> None:
    store, _ = place
    counters(store, 1)
    asked: list[str] = []

    def watch(transaction: Transaction) -> None:
        transaction.driver.set_trace_callback(asked.append)
        hot(transaction).lock([CONVERSATION])
        transaction.driver.set_trace_callback(None)

    store.transact(watch)
    assert asked == ["PRAGMA data_version"]


def test_what_another_process_wrote_is_seen(place: tuple[Store, Path]) -> None:
    store, path = place
    counters(store, 1)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE conversations SET seq = 50, rev = 90, members_rev = 80")
    assert counters(store) == (50, 90, 80)


def test_what_this_process_wrote_otherwise_is_seen(place: tuple[Store, Path]) -> None:
    store, _ = place
    counters(store, 1)
    store.write(lambda session: session.execute(update(Conversation).values(rev=100, members_rev=100)))
    assert counters(store) == (6, 100, 100)


def test_what_the_same_transaction_wrote_afterwards_is_seen(place: tuple[Store, Path]) -> None:
    store, _ = place

    def run(transaction: Transaction) -> None:
        statements = hot(transaction)
        clock = statements.lock([CONVERSATION])[CONVERSATION]
        clock.seq, clock.rev = clock.seq + 1, clock.rev + 1
        statements.finish([], {CONVERSATION: (clock, 1)}, {}, now=1)
        transaction.session.execute(update(Conversation).values(rev=100))

    store.transact(run)
    assert counters(store) == (6, 100, 2)


def test_a_batch_that_was_rolled_back_leaves_nothing(place: tuple[Store, Path]) -> None:
    store, _ = place
    counters(store, 1)

    def run(transaction: Transaction) -> None:
        clock = hot(transaction).lock([CONVERSATION])[CONVERSATION]
        clock.seq = clock.rev = 1_000
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        store.transact(run)
    assert counters(store) == (6, 10, 2)


def test_a_conversation_that_is_deleted_is_gone(place: tuple[Store, Path]) -> None:
    store, _ = place
    counters(store, 1)
    store.write(lambda session: session.execute(update(Conversation).values(deleted_at=1)))
    with pytest.raises(KeyError):
        counters(store)
