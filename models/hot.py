"""The statements of a batch of messages, as plain SQL.

The rest of Parley speaks through SQLAlchemy. This is the path of every message, and there the work around a statement
costs more than the statement. So a statement is for the whole batch, in one step: Python gives up its interpreter lock
for each step of SQLite, and a thread that wants it back beside a busy loop waits for it each time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from models.messages import Message
from models.transaction import Transaction

COLUMNS = tuple(column.key for column in Message.__table__.columns)
"""The columns of a message's row, in their order."""


@dataclass(slots=True)
class Clock:
    """A conversation's counters, read under its lock."""

    id: str
    seq: int
    rev: int
    members_rev: int
    updated_at: int = 0


class Hot(Protocol):
    """What a batch of messages asks of the database, in its transaction."""

    def lock(self, conversation_ids: Collection[str]) -> list[Clock]:
        """Lock those of these conversations that exist, in id order."""

    def sent_before(self, keys: Sequence[tuple[str, str, str]]) -> list[str]:
        """The ids of the messages that these (sender, conversation, temp_id) name."""

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages, each with the values of `COLUMNS`."""

    def advance(self, clocks: Sequence[Clock]) -> None:
        """Write the counters back."""

    def skip(self, own: Sequence[tuple[int, str, str]]) -> None:
        """So many more messages, of this conversation, are nothing for this user to read: they are their own."""


ROWS = (128, 64, 32, 16, 8, 4, 2, 1)
"""Messages in one INSERT: few steps, and few statements, so that each is prepared once and kept."""

_ROW = f"({','.join('?' * len(COLUMNS))})"
_INSERTS = {
    rows: f"INSERT INTO messages ({','.join(COLUMNS)}) VALUES {','.join([_ROW] * rows)}"  # noqa: S608 (our own names)
    for rows in ROWS
}


class _SQLite:
    def __init__(self, transaction: Transaction) -> None:
        self._execute = transaction.driver.execute

    def lock(self, conversation_ids: Collection[str]) -> list[Clock]:
        """See `Hot.lock`; the transaction has the database's one lock already."""
        found = self._execute(
            "SELECT json_group_array(json_array(id, seq, rev, members_rev)) FROM"
            " (SELECT id, seq, rev, members_rev FROM conversations"
            " WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL ORDER BY id)",
            (_json(list(conversation_ids)),),
        ).fetchone()[0]
        return [Clock(*row) for row in orjson.loads(found)]

    def sent_before(self, keys: Sequence[tuple[str, str, str]]) -> list[str]:
        """See `Hot.sent_before`."""
        rows = self._execute(
            "SELECT messages.id FROM json_each(?) AS wanted CROSS JOIN messages"
            " ON sender_id = wanted.value ->> 0 AND conversation_id = wanted.value ->> 1"
            " AND temp_id = wanted.value ->> 2",
            (_json(keys),),
        )
        return [row[0] for row in rows]

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """See `Hot.insert`."""
        start = 0
        for size in ROWS:
            while len(rows) - start >= size:
                self._execute(_INSERTS[size], [value for row in rows[start : start + size] for value in row])
                start += size

    def advance(self, clocks: Sequence[Clock]) -> None:
        """See `Hot.advance`."""
        self._execute(
            "UPDATE conversations SET seq = value ->> 1, rev = value ->> 2, updated_at = value ->> 3"
            " FROM json_each(?) WHERE conversations.id = value ->> 0",
            (_json([(clock.id, clock.seq, clock.rev, clock.updated_at) for clock in clocks]),),
        )

    def skip(self, own: Sequence[tuple[int, str, str]]) -> None:
        """See `Hot.skip`."""
        self._execute(
            "UPDATE participants SET skipped = skipped + (value ->> 0)"
            " FROM json_each(?) WHERE conversation_id = value ->> 1 AND user_id = value ->> 2",
            (_json(own),),
        )


def _json(rows: Any) -> str:
    return orjson.dumps(rows).decode()


class _PostgreSQL:
    def __init__(self, transaction: Transaction) -> None:
        self._cursor = transaction.driver.cursor()

    def lock(self, conversation_ids: Collection[str]) -> list[Clock]:
        """See `Hot.lock`."""
        self._cursor.execute(
            "SELECT id, seq, rev, members_rev FROM conversations"
            " WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
            (list(conversation_ids),),
        )
        return [Clock(*row) for row in self._cursor]

    def sent_before(self, keys: Sequence[tuple[str, str, str]]) -> list[str]:
        """See `Hot.sent_before`."""
        self._cursor.execute(
            "SELECT messages.id FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (sender, conversation, temp)"
            " JOIN messages ON sender_id = sender AND conversation_id = conversation AND temp_id = temp",
            _columns(keys),
        )
        return [row[0] for row in self._cursor]

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """See `Hot.insert`."""
        arrays = ",".join(f"%s::{_ARRAYS[key]}[]" for key in COLUMNS)
        statement = f"INSERT INTO messages ({','.join(COLUMNS)}) SELECT * FROM unnest({arrays})"  # noqa: S608 (our own)
        self._cursor.execute(statement, _columns(rows))

    def advance(self, clocks: Sequence[Clock]) -> None:
        """See `Hot.advance`."""
        self._cursor.execute(
            "UPDATE conversations SET seq = new.seq, rev = new.rev, updated_at = new.updated_at"
            " FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS new (id, seq, rev, updated_at)"
            " WHERE conversations.id = new.id",
            _columns([(clock.id, clock.seq, clock.rev, clock.updated_at) for clock in clocks]),
        )

    def skip(self, own: Sequence[tuple[int, str, str]]) -> None:
        """See `Hot.skip`."""
        self._cursor.execute(
            "UPDATE participants SET skipped = skipped + own.count"
            " FROM unnest(%s::int[], %s::text[], %s::text[]) AS own (count, conversation, person)"
            " WHERE conversation_id = own.conversation AND user_id = own.person",
            _columns(own),
        )


_ARRAYS = {
    column.key: {"INTEGER": "int", "BIGINT": "bigint", "BLOB": "bytea"}.get(str(column.type).split("(")[0], "text")
    for column in Message.__table__.columns
}


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    """Rows as PostgreSQL's arrays, one a column."""
    return tuple(list(column) for column in zip(*rows, strict=True))


def hot(transaction: Transaction) -> Hot:
    """The statements for the transaction's database."""
    return _SQLite(transaction) if transaction.is_sqlite else _PostgreSQL(transaction)
