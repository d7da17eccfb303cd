"""The statements of a batch of messages, as plain SQL.

The rest of Parley speaks through SQLAlchemy. This is the path of every message, and there the work around a statement
costs more than the statement. So a statement is for the whole batch, in one step: Python gives up its interpreter lock
for each step of SQLite, and a thread that wants it back beside a busy loop waits for it each time; and PostgreSQL is
asked as few times as can be, since each time is a journey.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from models.clocks import Clock
from models.locks import lock_conversations
from models.reads import Reads, RowReads, as_json
from models.transaction import Transaction

COLUMNS = (
    "id",
    "conversation_id",
    "seq",
    "rev",
    "sender_id",
    "temp_id",
    "content",
    "reply_to",
    "created_at",
    "temp_key",
    "digest",
)
"""What a new message's row has, in this order; every other column is the same in all of them."""

CONSTANT = {"kind": "'text'", "reply_count": "0"}
"""Those of the others that may not be null."""

Row = tuple[Any, ...]
Found = Any
"""A row, as the method says."""

Shifts = Mapping[str, tuple[int, int]]
"""By how much `seq` and `rev` of conversations were further than a batch was placed after, of those that were."""


class Plain(Protocol):
    """What a batch of messages that refer to nothing asks of the database."""

    def lock(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """Lock those of these conversations that exist, in id order."""

    def members(self, conversation_ids: Sequence[str]) -> Iterable[Found]:
        """Who is in these conversations: conversation, user and role."""

    def users(self, user_ids: Sequence[str]) -> Iterable[Found]:
        """These users: id, username, displayed name and avatar."""

    def finish(self, rows: Sequence[Row], stored: int, now: int) -> None:
        """Store messages, of which so many are stored already, and move their conversations' counters."""


class Hot(Plain, Protocol):
    """What any batch of messages asks of the database, in its transaction."""

    def sent_before(self, keys: Sequence[bytes]) -> list[str]:
        """The ids of the messages that have these `temp_key`s."""

    def insert(self, rows: Sequence[Row]) -> None:
        """Store messages, each with the values of `COLUMNS`. Raises the driver's IntegrityError for a known key."""


ROWS = (128, 64, 32, 16, 8, 4, 2, 1)
"""Messages in one INSERT, by halves: a batch is a few of these, and each is prepared once and kept.

The thread that writes gives up the interpreter for each, and waits for the busy loop to have it back: 46 messages take
4 steps by halves, 7 by quarters.
"""

_NAMES = ",".join([*COLUMNS, *CONSTANT])
_ROW = f"({','.join([*'?' * len(COLUMNS), *CONSTANT.values()])})"
_INSERTS = {
    rows: f"INSERT INTO messages ({_NAMES}) VALUES {','.join([_ROW] * rows)}"  # noqa: S608 (our own names)
    for rows in ROWS
}


class _SQLite(Reads):
    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.ask)
        self._driver = transaction.driver

    def lock(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """See `Hot.lock`; the transaction has the database's one lock already."""
        return self.clocks(conversation_ids)

    def sent_before(self, keys: Sequence[bytes]) -> list[str]:
        """See `Hot.sent_before`."""
        found: list[str] = []
        for start in range(0, len(keys), ROWS[0]):
            some = [*keys[start : start + ROWS[0]]]
            places = ",".join("?" * len(some))
            rows = self._driver.execute(f"SELECT id FROM messages WHERE temp_key IN ({places})", some)  # noqa: S608
            found += [row[0] for row in rows]
        return found

    def insert(self, rows: Sequence[Row]) -> None:
        """See `Hot.insert`."""
        start, left = 0, len(rows)
        for size in ROWS:
            while left >= size:
                self._driver.execute(_INSERTS[size], [value for row in rows[start : start + size] for value in row])
                start, left = start + size, left - size

    def finish(self, rows: Sequence[Row], stored: int, now: int) -> None:
        """See `Hot.finish`."""
        self.insert(rows[stored:])
        for count, ids in _by_count(row[1] for row in rows):
            self._driver.execute(
                "UPDATE conversations SET seq = seq + ?, rev = rev + ?, updated_at = ?"
                " WHERE id IN (SELECT value FROM json_each(?))",
                (count, count, now, as_json(ids)),
            )


def _by_count(conversation_ids: Iterable[str]) -> Iterable[tuple[int, list[str]]]:
    """Those that come equally often together; nearly always that is once."""
    found: dict[int, list[str]] = defaultdict(list)
    for conversation_id, count in Counter(conversation_ids).items():
        found[count].append(conversation_id)
    return found.items()


_TYPES = {"seq": "bigint", "rev": "bigint", "created_at": "bigint"}
_BYTES = {"temp_key", "digest"}
_READ = ",".join(f"decode({name}, 'hex')" if name in _BYTES else name for name in COLUMNS)
_FIELDS = ",".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)
_INSERT = (
    f"INSERT INTO messages ({_NAMES}) SELECT {_READ},{','.join(CONSTANT.values())}"  # noqa: S608 (our own names)
    f" FROM json_to_recordset(%s) AS new ({_FIELDS})"
)
_MOVE = """
    UPDATE conversations SET seq = seq + more.count, rev = rev + more.count, updated_at = %s
        FROM (SELECT conversation_id, count(*)::int AS count FROM new GROUP BY conversation_id) AS more
        WHERE id = more.conversation_id
"""
_STORE = f"WITH new AS ({_INSERT} RETURNING conversation_id) {_MOVE}"
_STORED = f"WITH new AS (SELECT conversation_id FROM messages WHERE id = ANY(%s)) {_MOVE}"  # noqa: S608


class _PostgreSQL(RowReads):
    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.run)
        self._transaction = transaction

    def lock(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """See `Hot.lock`."""
        return lock_conversations(self._transaction, conversation_ids)

    def sent_before(self, keys: Sequence[bytes]) -> list[str]:
        """See `Hot.sent_before`."""
        found = self._transaction.run("SELECT id FROM messages WHERE temp_key = ANY(%s)", (list(keys),))
        return [row[0] for row in found.fetchall()]

    def insert(self, rows: Sequence[Row]) -> None:
        """See `Hot.insert`."""
        if rows:
            self._transaction.run(_INSERT, (_records(rows),))

    def finish(self, rows: Sequence[Row], stored: int, now: int) -> None:
        """See `Hot.finish`; one journey for all of it, and nearly always one statement."""
        statements: list[str] = []
        values: list[Any] = []
        if stored:
            statements.append(_STORED)
            values += [[row[0] for row in rows[:stored]], now]
        if rows[stored:]:
            statements.append(_STORE)
            values += [_records(rows[stored:]), now]
        if statements:
            self._transaction.run_last(";".join(statements), values)


def _records(rows: Sequence[Row]) -> str:
    """Rows as PostgreSQL reads them: one value to send, instead of one for each field."""
    return orjson.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], default=bytes.hex).decode()


def hot(transaction: Transaction) -> Hot:
    """The statements for the transaction's database."""
    return _SQLite(transaction) if transaction.is_sqlite else _PostgreSQL(transaction)
