"""On SQLite a batch that was placed beforehand is stored whole, or not at all where something has changed since."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session

from extensions import Base
from models import Conversation, Message, Participant, User, new_id
from models.hot import COLUMNS, Plain, Row
from models.messages import KEY_BYTES
from models.store import Store
from models.unread import unread_counts

CONVERSATION, SENDER = "one", "who"
NOW = 1_790_000_000_000
EARLIER = 5
"""Messages that somebody else sent before."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    """A store on SQLite with one conversation of one member, and its file."""
    path = tmp_path / "parley.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    store = Store()
    store.bind(engine)
    rows = (
        Conversation(id=CONVERSATION, type="group", seq=EARLIER, rev=9, members_rev=2),
        User(id=SENDER, username=SENDER, name_key=SENDER, display_name=SENDER, display_key=SENDER),
        Participant(conversation_id=CONVERSATION, user_id=SENDER),
    )
    for one in rows:
        store.write(functools.partial(Session.add, instance=one))
    yield store, path
    store.close()


def row(seq: int, rev: int, key: bytes | None = None) -> Row:
    """A message as it is stored."""
    return new_id(), CONVERSATION, seq, rev, SENDER, "t", f"number {seq}", None, NOW, key, None


def send(store: Store, keys: Sequence[bytes | None]) -> tuple[int, int, int] | None:
    """Place one message for each key; what its batch found beforehand, None where it was not stored."""

    def decide(batch: Plain) -> tuple[int, int, int]:
        clock = batch.lock([CONVERSATION])[CONVERSATION]
        found = clock.seq, clock.rev, clock.members_rev
        rows = [row(clock.seq + one + 1, clock.rev + one + 1, key) for one, key in enumerate(keys)]
        clock.seq, clock.rev = clock.seq + len(keys), clock.rev + len(keys)
        batch.finish(rows, 0, NOW)
        return found

    found = store.ahead(decide, named=False)
    return found[0] if found else None


def stored(store: Store) -> tuple[int, int, int, int]:
    """The conversation's seq and rev, how many messages there are, and how many their sender has not read."""
    with store.read() as session:
        conversation = session.get_one(Conversation, CONVERSATION)
        places = session.scalars(select(Message.seq).order_by(Message.seq)).all()
        assert list(places) == list(range(6, 6 + len(places)))
        unread = unread_counts(session, [(conversation, session.get_one(Participant, (CONVERSATION, SENDER)))])
        return conversation.seq, conversation.rev, len(places), unread[0]


def test_a_batch_goes_on_where_the_last_one_ended(place: tuple[Store, Path]) -> None:
    store, _ = place
    assert [send(store, [None, None]) for _ in range(3)] == [(5, 9, 2), (7, 11, 2), (9, 13, 2)]
    assert stored(store) == (11, 15, 6, EARLIER)


def test_every_field_is_stored(place: tuple[Store, Path]) -> None:
    store, path = place
    texts = ['so "it"\n is ✓', "[1, 2]", '{"a": null}', "17", "null", "\\u0041\x01\t\u2028😀", " ", "x" * 8000]
    keys = [b"k" * KEY_BYTES, b"short", None, b"\x00\xff\x00", b"k", None, "✓".encode(), b" " * 9]
    rows: list[Row] = [
        (*row(seq, seq + 4)[:6], text, None, NOW, key, None)
        for seq, (text, key) in enumerate(zip(texts, keys, strict=True), start=6)
    ]

    def decide(batch: Plain) -> bool:
        batch.lock([CONVERSATION])
        batch.finish(rows, 0, NOW)
        return True

    assert store.ahead(decide, named=False)
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute(f"SELECT {','.join(COLUMNS)} FROM messages ORDER BY seq").fetchall() == rows
        kinds = plain.execute("SELECT DISTINCT typeof(seq), typeof(content), typeof(temp_key) FROM messages").fetchall()
        assert sorted(kinds) == [("integer", "text", "blob"), ("integer", "text", "null")]


@pytest.mark.parametrize("count", [1, 3, 58, 59, 60, 100, 256])
def test_a_batch_of_any_size(place: tuple[Store, Path], count: int) -> None:
    store, _ = place
    assert send(store, [None] * count) == (5, 9, 2)
    assert stored(store) == (5 + count, 9 + count, count, EARLIER)


def test_the_counters_are_not_read_again(place: tuple[Store, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = place
    send(store, [None])
    monkeypatch.setattr(store, "rows", None)
    assert send(store, [None]) == (6, 10, 2)


def test_what_another_process_wrote_in_between_leaves_nothing_of_it(place: tuple[Store, Path]) -> None:
    store, path = place
    send(store, [None])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE conversations SET rev = 90, members_rev = 80")
    assert send(store, [None, None]) is None
    assert stored(store) == (6, 90, 1, EARLIER)
    assert send(store, [None]) == (6, 90, 80)


def test_what_this_process_wrote_otherwise_is_seen(place: tuple[Store, Path]) -> None:
    store, _ = place
    send(store, [None])
    store.write(lambda session: session.execute(update(Conversation).values(rev=100, members_rev=100)))
    assert send(store, [None]) == (6, 100, 100)


def test_a_key_that_is_known_leaves_nothing_of_it(place: tuple[Store, Path]) -> None:
    store, _ = place
    assert send(store, [None, b"known"]) == (5, 9, 2)
    assert send(store, [b"new", b"known", None]) is None
    assert stored(store) == (7, 11, 2, EARLIER)
    assert send(store, [b"new"]) == (7, 11, 2)


def test_what_cannot_be_decided_leaves_nothing(place: tuple[Store, Path]) -> None:
    store, _ = place
    send(store, [None])

    def decide(batch: Plain) -> None:
        clock = batch.lock([CONVERSATION])[CONVERSATION]
        clock.seq = clock.rev = 1_000
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        store.ahead(decide, named=False)
    assert send(store, [None]) == (6, 10, 2)


def test_where_another_process_writes_it_is_for_the_transaction(place: tuple[Store, Path]) -> None:
    store, path = place
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert send(store, [None]) is None
        other.execute("ROLLBACK")
    assert stored(store) == (5, 9, 0, EARLIER)


def test_a_conversation_that_is_deleted_is_gone(place: tuple[Store, Path]) -> None:
    store, _ = place
    send(store, [None])
    store.write(lambda session: session.execute(update(Conversation).values(deleted_at=1)))
    with pytest.raises(KeyError):
        send(store, [None])


def test_one_that_is_deleted_by_another_process_takes_nothing(place: tuple[Store, Path]) -> None:
    store, path = place
    send(store, [None])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE conversations SET deleted_at = 1")
    assert send(store, [None]) is None
    assert stored(store) == (6, 10, 1, EARLIER)
