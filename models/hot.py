"""The statements that every message costs, as plain SQL: a batch is a handful of them, whatever its size.

SQLAlchemy's own constructs would be most of a batch's time (design.md measured 37%), and neither database takes a list
of rows in the same way: SQLite runs a statement for each row in one call, PostgreSQL unnests arrays.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from models.messages import Message

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
    """What a batch of messages asks of the database, in the transaction of `connection`."""

    def lock(self, connection: Connection, conversation_ids: Collection[str]) -> list[Clock]:
        """Lock those of these conversations that exist, in id order."""

    def sent_before(self, connection: Connection, keys: Sequence[tuple[str, str, str]]) -> list[str]:
        """The ids of the messages that these (sender, conversation, temp_id) name."""

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages, each with the values of `COLUMNS`."""

    def advance(self, connection: Connection, clocks: Sequence[Clock]) -> None:
        """Write the counters back."""

    def skip(self, connection: Connection, own: Sequence[tuple[int, str, str]]) -> None:
        """So many more messages, of this conversation, are nothing for this user to read: they are their own."""


class _SQLite:
    def lock(self, connection: Connection, conversation_ids: Collection[str]) -> list[Clock]:
        """See `Hot.lock`; the transaction has the database's one lock already."""
        rows = connection.exec_driver_sql(
            "SELECT id, seq, rev, members_rev FROM conversations"
            " WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL ORDER BY id",
            (json.dumps(list(conversation_ids)),),
        )
        return [Clock(*row) for row in rows]

    def sent_before(self, connection: Connection, keys: Sequence[tuple[str, str, str]]) -> list[str]:
        """See `Hot.sent_before`."""
        rows = connection.exec_driver_sql(
            "SELECT messages.id FROM json_each(?) AS wanted CROSS JOIN messages"
            " ON sender_id = wanted.value ->> 0 AND conversation_id = wanted.value ->> 1"
            " AND temp_id = wanted.value ->> 2",
            (json.dumps(keys),),
        )
        return [row[0] for row in rows]

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """See `Hot.insert`."""
        marks = ",".join("?" * len(COLUMNS))
        statement = f"INSERT INTO messages ({','.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 (our own names)
        connection.exec_driver_sql(statement, list(rows))

    def advance(self, connection: Connection, clocks: Sequence[Clock]) -> None:
        """See `Hot.advance`."""
        connection.exec_driver_sql(
            "UPDATE conversations SET seq = ?, rev = ?, updated_at = ? WHERE id = ?",
            [(clock.seq, clock.rev, clock.updated_at, clock.id) for clock in clocks],
        )

    def skip(self, connection: Connection, own: Sequence[tuple[int, str, str]]) -> None:
        """See `Hot.skip`."""
        connection.exec_driver_sql(
            "UPDATE participants SET skipped = skipped + ? WHERE conversation_id = ? AND user_id = ?", list(own)
        )


class _PostgreSQL:
    def lock(self, connection: Connection, conversation_ids: Collection[str]) -> list[Clock]:
        """See `Hot.lock`."""
        rows = connection.exec_driver_sql(
            "SELECT id, seq, rev, members_rev FROM conversations"
            " WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
            (list(conversation_ids),),
        )
        return [Clock(*row) for row in rows]

    def sent_before(self, connection: Connection, keys: Sequence[tuple[str, str, str]]) -> list[str]:
        """See `Hot.sent_before`."""
        rows = connection.exec_driver_sql(
            "SELECT messages.id FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (sender, conversation, temp)"
            " JOIN messages ON sender_id = sender AND conversation_id = conversation AND temp_id = temp",
            _columns(keys),
        )
        return [row[0] for row in rows]

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """See `Hot.insert`."""
        arrays = ",".join(f"%s::{_ARRAYS[key]}[]" for key in COLUMNS)
        statement = f"INSERT INTO messages ({','.join(COLUMNS)}) SELECT * FROM unnest({arrays})"  # noqa: S608 (our own)
        connection.exec_driver_sql(statement, _columns(rows))

    def advance(self, connection: Connection, clocks: Sequence[Clock]) -> None:
        """See `Hot.advance`."""
        connection.exec_driver_sql(
            "UPDATE conversations SET seq = new.seq, rev = new.rev, updated_at = new.updated_at"
            " FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS new (id, seq, rev, updated_at)"
            " WHERE conversations.id = new.id",
            _columns([(clock.id, clock.seq, clock.rev, clock.updated_at) for clock in clocks]),
        )

    def skip(self, connection: Connection, own: Sequence[tuple[int, str, str]]) -> None:
        """See `Hot.skip`."""
        connection.exec_driver_sql(
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


def hot(session: Session) -> tuple[Hot, Connection]:
    """The statements for the session's database, and the connection of its transaction."""
    connection = session.connection()
    return (_SQLite() if connection.dialect.name == "sqlite" else _PostgreSQL()), connection
