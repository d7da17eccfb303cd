"""On PostgreSQL a batch that was placed beforehand stands behind what others stored meanwhile, or is not stored."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import psycopg2
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from extensions import Base
from models import Conversation, Message, Participant, User, new_id
from models.hot import COLUMNS, Plain, Row, Shifts
from models.messages import KEY_BYTES
from models.store import Store
from models.unread import unread_counts
from settings import database_url
from tests.support.postgres import Postgres

ONE, OTHER, SENDER = "one", "two", "who"
NOW = 1_790_000_000_000
EARLIER = 5
"""Messages that somebody else sent before."""

Counters = tuple[int, int, int]


@pytest.fixture
def place(postgres: Postgres) -> Iterator[tuple[Store, str]]:
    """A store on PostgreSQL with two conversations of one member, and its address."""
    url = postgres.database()
    engine = create_engine(database_url(url))
    Base.metadata.create_all(engine)
    store = Store()
    store.bind(engine)
    rows = (
        *(Conversation(id=name, type="group", seq=EARLIER, rev=9, members_rev=2) for name in (ONE, OTHER)),
        User(id=SENDER, username=SENDER, name_key=SENDER, display_name=SENDER, display_key=SENDER),
        *(Participant(conversation_id=name, user_id=SENDER) for name in (ONE, OTHER)),
    )
    for one in rows:
        store.write(functools.partial(Session.add, instance=one))
    yield store, url
    store.close()
    postgres.drop(url)


def key() -> bytes:
    """A key that no other message has."""
    return new_id().encode()


def send(store: Store, keys: Sequence[bytes], where: Sequence[str] = (ONE,)) -> tuple[list[Counters], Shifts] | None:
    """Place a message for each key in each of these; what its batch believed, and the answer."""

    def decide(batch: Plain) -> list[Counters]:
        found = []
        for name, clock in sorted(batch.lock(where).items()):
            if name in where:
                found.append((clock.seq, clock.rev, clock.members_rev))
                rows.extend(row(name, clock.seq + one, clock.rev + one, of) for one, of in enumerate(keys, start=1))
                clock.seq, clock.rev = clock.seq + len(keys), clock.rev + len(keys)
        batch.finish(rows, 0, NOW)
        return found

    rows: list[Row] = []
    return store.ahead(decide, named=True)


def row(conversation: str, seq: int, rev: int, of: bytes) -> Row:
    """A message as it is stored."""
    own = of + conversation[:1].encode()  # each conversation has keys of its own
    return new_id(), conversation, seq, rev, SENDER, "t", f"number {seq}", None, NOW, own, None


def stored(store: Store, name: str = ONE) -> tuple[int, int, list[tuple[int, int]], int]:
    """A conversation's seq and rev, its messages' places, and how many their sender has not read."""
    with store.read() as session:
        conversation = session.get_one(Conversation, name)
        places = select(Message.seq, Message.rev).where(Message.conversation_id == name).order_by(Message.seq)
        unread = unread_counts(session, [(conversation, session.get_one(Participant, (name, SENDER)))])
        return conversation.seq, conversation.rev, [(one.seq, one.rev) for one in session.execute(places)], unread[0]


def elsewhere(url: str, statement: str) -> None:
    """What another node does."""
    with psycopg2.connect(url) as other, other.cursor() as cursor:
        cursor.execute(statement)
    other.close()


def test_a_batch_goes_on_where_the_last_one_ended(place: tuple[Store, str]) -> None:
    store, _ = place
    answers = [send(store, [key(), key()]) for _ in range(2)]
    assert answers == [([(5, 9, 2)], {}), ([(7, 11, 2)], {})]
    assert stored(store) == (9, 13, [(6, 10), (7, 11), (8, 12), (9, 13)], EARLIER)


def test_what_others_stored_meanwhile_comes_first(place: tuple[Store, str]) -> None:
    store, url = place
    send(store, [key()], [ONE, OTHER])
    elsewhere(url, f"UPDATE conversations SET seq = seq + 2, rev = rev + 3 WHERE id = '{ONE}'")
    assert send(store, [key(), key()], [ONE, OTHER]) == ([(6, 10, 2), (6, 10, 2)], {ONE: (2, 3)})
    assert stored(store) == (10, 15, [(6, 10), (9, 14), (10, 15)], EARLIER + 2)
    assert stored(store, OTHER) == (8, 12, [(6, 10), (7, 11), (8, 12)], EARLIER)
    assert send(store, [key()]) == ([(10, 15, 2)], {}), "it is remembered"


@pytest.mark.parametrize("change", ["members_rev = 80", "deleted_at = 1"])
def test_where_members_changed_or_all_is_gone_nothing_is_stored(place: tuple[Store, str], change: str) -> None:
    store, url = place
    send(store, [key()], [ONE, OTHER])
    elsewhere(url, f"UPDATE conversations SET {change} WHERE id = '{ONE}'")
    assert send(store, [key()], [OTHER, ONE]) is None
    assert stored(store)[:2] == stored(store, OTHER)[:2] == (6, 10)
    found = send(store, [key()], [OTHER, ONE])
    assert found is not None
    assert found[0] == ([(6, 10, 80), (6, 10, 2)] if "members" in change else [(6, 10, 2)]), "it is read anew"


def test_one_that_is_not_written_to_is_not_asked_for(place: tuple[Store, str]) -> None:
    store, url = place
    send(store, [key()], [ONE, OTHER])
    elsewhere(url, f"UPDATE conversations SET members_rev = 80 WHERE id = '{OTHER}'")

    def decide(batch: Plain) -> None:
        clock = batch.lock([ONE, OTHER])[ONE]
        clock.seq, clock.rev = clock.seq + 1, clock.rev + 1
        batch.finish([row(ONE, clock.seq, clock.rev, key())], 0, NOW)

    assert store.ahead(decide, named=True) == (None, {})


def test_a_key_that_is_known_leaves_nothing_of_it(place: tuple[Store, str]) -> None:
    store, _ = place
    known = key()
    send(store, [known])
    assert send(store, [key(), known]) is None
    assert stored(store) == (6, 10, [(6, 10)], EARLIER)
    assert send(store, [key()]) == ([(6, 10, 2)], {})


def test_every_field_is_stored(place: tuple[Store, str]) -> None:
    store, _ = place
    texts = ['so "it"\n is ✓', "[1, 2]", '{"a": null}', "17", "null", "\\u0041\x01\t\u2028😀'%s", " ", "x" * 8000]
    keys = [b"k" * KEY_BYTES, b"short", b"\x00\xff\x00", b"k", b"\\", b"'", "✓".encode(), b" " * 9]
    rows: list[Row] = [
        (*row(ONE, seq, seq + 4, of)[:6], content, None, NOW, of, None)
        for seq, (content, of) in enumerate(zip(texts, keys, strict=True), start=6)
    ]

    def decide(batch: Plain) -> None:
        clock = batch.lock([ONE])[ONE]
        clock.seq, clock.rev = clock.seq + len(rows), clock.rev + len(rows)
        batch.finish(rows, 0, NOW)

    assert store.ahead(decide, named=True) == (None, {})
    with store.read() as session:
        found = session.execute(text(f"SELECT {','.join(COLUMNS)} FROM messages ORDER BY seq")).all()
        assert [tuple(bytes(one) if isinstance(one, memoryview) else one for one in each) for each in found] == rows
        assert session.scalars(select(Conversation.updated_at).where(Conversation.id == ONE)).one() == NOW


def test_a_message_without_a_name_is_for_the_transaction(place: tuple[Store, str]) -> None:
    store, _ = place
    assert store.ahead(lambda _: pytest.fail("not asked"), named=False) is None


def test_a_lost_connection_is_replaced(place: tuple[Store, str]) -> None:
    store, url = place
    send(store, [key()])
    elsewhere(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert send(store, [key()]) is None, "who knows"
    assert send(store, [key()]) == ([(6, 10, 2)], {})
    assert stored(store) == (7, 11, [(6, 10), (7, 11)], EARLIER)


def test_what_cannot_be_decided_leaves_nothing(place: tuple[Store, str]) -> None:
    store, _ = place

    def decide(batch: Plain) -> None:
        clock = batch.lock([ONE])[ONE]
        clock.seq = clock.rev = 1_000
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        store.ahead(decide, named=True)
    assert send(store, [key()]) == ([(5, 9, 2)], {})
