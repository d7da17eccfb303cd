"""A write transaction: plain statements straight to the driver for what is hot, a session for everything else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

T = TypeVar("T")


class Transaction:
    """What a unit of work is given of the database. Whoever made it commits it or rolls it back.

    A session and the statements through it cost 0.2 ms in a transaction of one message, its plain statements 0.05 ms;
    so the session is made where somebody asks for it. PostgreSQL is told of the beginning with the first statement, and
    of the end with the last: a batch of messages is two journeys. Its driver would send each by itself, and wait for
    the first without letting anybody else run; so it is in autocommit mode meanwhile.
    """

    __slots__ = ("_connection", "_last", "_sent", "_session", "begun", "driver")

    def __init__(self, connection: Connection) -> None:
        """`begun`: PostgreSQL has answered. Until then nothing is lost with the connection."""
        self._connection = connection
        self._session: Session | None = None
        self._sent = False
        self.begun = False
        self._last: tuple[str, Sequence[object]] | None = None
        self.driver: Any = connection.connection.dbapi_connection

    @property
    def is_sqlite(self) -> bool:
        """Whether the statements are for the embedded database."""
        return self._connection.dialect.name == "sqlite"

    @property
    def session(self) -> Session:
        """A session in this transaction."""
        if self._session is None:
            self._session = Session(self._connection, expire_on_commit=False)
        if not self.is_sqlite:
            self._catch_up()
        return self._session

    def begin(self) -> None:
        """Begin: on SQLite at once, with its one lock for writing."""
        if self.is_sqlite:
            self.driver.execute("BEGIN IMMEDIATE")
        else:
            self.driver.autocommit = True

    def ask(self, statement: str, value: str) -> str:
        """The one value that a statement of one parameter finds, on SQLite."""
        return str(self.driver.execute(statement, (value,)).fetchone()[0])

    def alone(self, statement: str, values: Sequence[object]) -> Any:
        """A statement for PostgreSQL that is a transaction by itself, where none has begun; returns its cursor."""
        cursor = self.driver.cursor()
        cursor.execute(statement, values)
        return cursor

    def run(self, statement: str, values: Sequence[object]) -> Any:
        """A statement for PostgreSQL, with `%s` for each value; returns its cursor."""
        if self._last is not None:
            self._catch_up()
        return self._execute(statement, values)

    def run_last(self, statement: str, values: Sequence[object]) -> None:
        """One whose outcome nobody needs before the end: it goes with the commit, unless something comes after it."""
        if self._last is not None:
            self._catch_up()
        self._last = statement, values

    def _catch_up(self) -> None:
        """Let the server know what it has not been told yet."""
        last, self._last = self._last, None
        if last is not None or not self.begun:
            self._execute(*(last or ("", ())))

    def _execute(self, statement: str, values: Sequence[object]) -> Any:
        cursor = self.driver.cursor()
        self._sent = True
        cursor.execute(statement if self.begun else f"BEGIN;{statement}", values)
        self.begun = True
        return cursor

    def whole(self, work: Callable[[Transaction], T]) -> T:
        """Begin, do the work, and commit it, or roll it back and raise why; returns what it returned."""
        try:
            self.begin()
            result = work(self)
            self.commit()
        except self._connection.dialect.loaded_dbapi.Error as error:
            self.roll_back()
            raise self.as_ours(error) from error
        except BaseException:
            self.roll_back()
            raise
        finally:
            self.end()
        return result

    def commit(self) -> None:
        """Make it last."""
        if self._session is not None:
            self._session.commit()
            self._session.close()
        if self.is_sqlite:
            if self._session is None:
                self.driver.commit()
        elif self._last is not None:
            self._execute(f"{self._last[0]};COMMIT", self._last[1])
        elif self.begun:
            self._execute("COMMIT", ())

    def roll_back(self) -> None:
        """Undo everything; where the connection is gone, it has been undone."""
        if self._session is not None:
            self._session.close()
        with contextlib.suppress(self._connection.dialect.loaded_dbapi.Error):
            if self.is_sqlite:
                self.driver.rollback()
            elif self._sent:
                self.driver.cursor().execute("ROLLBACK")

    def end(self) -> None:
        """Hand the connection back as it was."""
        if not self.is_sqlite and not self.driver.closed:
            with contextlib.suppress(self._connection.dialect.loaded_dbapi.Error):
                self.driver.autocommit = False

    def as_ours(self, error: Any) -> Exception:
        """The driver's error as SQLAlchemy's; a connection that it ended is not used again."""
        dialect = self._connection.dialect
        lost = dialect.is_disconnect(error, self.driver, None)
        if lost:
            self._connection.invalidate(error)
        ours: Exception = DBAPIError.instance(
            None, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
        )
        return ours
