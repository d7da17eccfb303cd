"""The one way to the database: `store.read()` and `store.write(work)`.

SQLite has one write lock, and a greenlet that yields while it holds it freezes everybody. So a write transaction runs
whole in a thread of its own, on a connection of its own, one at a time; where another process holds the lock, it is
asked for again between turns of the loop (`busy_timeout` would sleep in C and freeze the hub). On PostgreSQL a write
runs where it was called; its waits are cooperative.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import runtime
from models.ahead_sqlite import Ahead, prepare
from models.checkpoints import NET_PAGES, Checkpoints, begin_anew
from models.clocks import Clocks
from models.drivers import prepare_postgresql, prepare_sqlite
from models.hot import Plain, Shifts
from models.postgresql import PostgreSQL
from models.transaction import Transaction

log = logging.getLogger("parley.store")
T = TypeVar("T")
BUSY_SECONDS = 5.0
"""How long a write asks for the database before it gives up (design.md, group commit)."""

RETRY_SECONDS = 0.01


class Unavailable(Exception):
    """The database cannot take or answer this now: locked, full, gone. Nothing was stored."""


class Store:
    """The database of this process. Bound once, by `create_app`."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._writer: Engine | None = None
        self._connection: Connection | None = None
        self._clocks = Clocks()
        self._postgresql = PostgreSQL()
        self._reader: Any = None
        self._reading = runtime.guard()
        self._checkpoints: Checkpoints | None = None
        self._version: Any = None
        self._turn = threading.Lock()
        self._thread = runtime.Thread()
        self._locked_since: float | None = None
        self._locked_last = 0.0

    def bind(self, engine: Engine) -> None:
        """Use `engine` from here on."""
        self.close()
        self._engine = engine
        if self.is_sqlite:
            prepare_sqlite(engine)
            self._writer = create_engine(engine.url, poolclass=NullPool, connect_args={"check_same_thread": False})
            prepare_sqlite(self._writer)
        else:
            prepare_postgresql(engine)

    def close(self) -> None:
        """Let go of every connection."""
        self._drop_connection()
        self._postgresql.close()
        for held in (self._reader, self._checkpoints):
            if held is not None:
                held.close()
        self._reader = self._checkpoints = None
        for engine in (self._writer, self._engine):
            if engine is not None:
                engine.dispose()
        self._writer = None

    @property
    def engine(self) -> Engine:
        """The bound engine. Raises RuntimeError before `bind`."""
        if self._engine is None:
            raise RuntimeError("create_app has not bound a database")
        return self._engine

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is in use."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; all that it reads is of one moment. Raises Unavailable."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            try:
                if not self.is_sqlite:
                    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                yield session
            except (OperationalError, InterfaceError) as error:
                log.exception("the database cannot be read")
                raise Unavailable from error

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What one plain statement finds, with `?` for each parameter; all of one moment. Raises Unavailable.

        For the few that come with every connection: through a session they cost ten times as much.
        """
        errors = self.engine.dialect.loaded_dbapi.Error
        try:
            if self.is_sqlite:
                with self._reading:
                    if self._reader is None:
                        self._reader = self._own_connection()
                    found: list[tuple[Any, ...]] = self._reader.execute(statement, parameters).fetchall()
                return found
            with self.engine.connect() as connection:
                return [tuple(row) for row in connection.exec_driver_sql(statement.replace("?", "%s"), parameters)]
        except (errors, OperationalError, InterfaceError) as error:
            log.exception("the database cannot be read")
            raise Unavailable from error

    def _own_connection(self) -> Any:
        """A connection of the driver that nobody else is given."""
        pooled = self.engine.raw_connection()
        pooled.detach()
        return pooled.dbapi_connection

    def checkpoint(self) -> None:
        """Move SQLite's log into the database where it has grown, beside the writes; to be called all the time.

        From the first call on, commits no longer do it. Raises Unavailable.
        """
        if not self.is_sqlite:
            return
        try:
            if self._checkpoints is None:
                self._checkpoints = Checkpoints(self._own_connection())
                with self._turn:
                    self._drop_connection()  # the next one knows
            elif self._checkpoints.due():
                runtime.run_blocking(self._checkpoints.copy)
                with self._turn:
                    self._thread.run(lambda: begin_anew(self._writing().connection))
        except (self.engine.dialect.loaded_dbapi.Error, OperationalError) as error:
            raise Unavailable from error

    def write(self, work: Callable[[Session], T]) -> T:
        """`transact` for work that needs a session only."""
        return self.transact(lambda transaction: work(transaction.session))

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction and commit it; returns what it returns.

        `work` may run again where the first try was rolled back, so it changes nothing outside its transaction; on
        SQLite it runs in another thread, so it waits for nothing. What it raises rolls back and is raised here.
        Raises Unavailable where the database takes nothing.
        """
        try:
            return self._write_sqlite(work) if self.is_sqlite else self._postgresql.transact(self.engine, work)
        except (OperationalError, InterfaceError) as error:
            log.exception("the database takes no write")
            raise Unavailable from error

    def ahead(self, place: Callable[[Plain], T], *, named: bool) -> tuple[T, Shifts] | None:
        """Let `place` say what is to be written, here and now, and write it in one statement.

        Returns what it returns, and how much further its messages stand than it placed them. It reads what it needs of
        what it is given. None where that was not to be: somebody else was faster, the database takes nothing; or where
        not all messages are `named` by a `temp_id`, on PostgreSQL. Then it is for `transact`, by which what is named is
        not stored twice, whatever became of it. Raises what `place` raises.
        """
        if not self.is_sqlite:
            return self._postgresql.ahead(self.engine, place) if named else None
        errors = self.engine.dialect.loaded_dbapi.Error
        with self._turn:
            if self._connection is None:
                return None
            batch = Ahead(self._connection.connection.dbapi_connection, self._clocks, self._ask)
            placed = place(batch)
            try:
                self._thread.run(batch.write)
            except errors as error:
                log.debug("a batch could not be written ahead", extra={"why": str(error)})
                return None
            batch.keep()
            return placed, {}

    def _ask(self, statement: str, value: str) -> str:
        return str(self.rows(statement, value)[0][0])

    def moved(self) -> bool:
        """Whether others have committed since the last call; always true where the database cannot say cheaply.

        SQLite's `data_version` tells of all connections but the asking one, the writer's. Raises Unavailable.
        """
        if not self.is_sqlite:
            return True
        try:
            with self._turn:
                version = self._thread.run(lambda: self._writing().connection.execute("PRAGMA data_version").fetchone())
                moved, self._version = bool(version != self._version), version
        except (self.engine.dialect.loaded_dbapi.Error, OperationalError, InterfaceError) as error:
            raise Unavailable from error
        return moved

    def _write_sqlite(self, work: Callable[[Transaction], T]) -> T:
        while True:
            try:
                with self._turn:
                    result: T = self._thread.run(self._transaction, work)
                self._locked_since = None
                return result
            except OperationalError as error:
                if "locked" not in str(error.orig) or self._locked_for() > BUSY_SECONDS:
                    raise
            runtime.sleep(RETRY_SECONDS * (0.5 + random.random()))

    def _locked_for(self) -> float:
        """Seconds for which every write has found the database locked, this one included.

        They are counted for all writes together: with a deadline of its own for each, those that wait in line for one
        another (a client's events do) would be answered after 5 s, 10 s, 15 s …
        """
        now = time.monotonic()
        if self._locked_since is None or now - self._locked_last > BUSY_SECONDS:
            self._locked_since = now
        self._locked_last = now
        return now - self._locked_since

    def _transaction(self, work: Callable[[Transaction], T]) -> T:
        """One transaction on the writer's own connection, in the writer's thread."""
        connection = self._writing()
        try:
            return Transaction(connection).whole(work)
        except DBAPIError as error:
            if error.connection_invalidated or not isinstance(error, OperationalError):
                raise
            self._drop_connection()
            raise

    def _writing(self) -> Connection:
        """The writer's own connection; in its thread, and by whoever has the `_turn`."""
        if self._connection is None:
            assert self._writer is not None
            self._connection, self._clocks, self._version = self._writer.connect(), Clocks(), None
            if self._checkpoints is not None:
                self._connection.connection.execute(f"PRAGMA wal_autocheckpoint = {NET_PAGES}")
            prepare(self._connection.connection)
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


store = Store()
