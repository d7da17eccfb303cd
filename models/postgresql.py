"""The writes to PostgreSQL: where they were called, on a connection that is kept. Its waits are cooperative."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

import runtime
from models.ahead_postgresql import Ahead
from models.clocks import Clocks
from models.hot import Plain, Shifts
from models.kept import Kept
from models.transaction import Transaction

log = logging.getLogger("parley.store")
T = TypeVar("T")

ATTEMPTS = 4
"""Tries of a transaction that lost to another one (deadlock, serialization)."""

RETRY_SECONDS = 0.01

_LOST_TO_ANOTHER = {"40001", "40P01"}


class PostgreSQL:
    """See `models.store.Store`, whose half this is."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._clocks = Clocks()

    def close(self) -> None:
        """Let go of the connection, and of what its database was like."""
        self._kept.close()
        self._clocks = Clocks()

    def transact(self, engine: Engine, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction, again where it lost to another one. Raises SQLAlchemy's errors."""
        attempt = 1
        while True:
            with self._kept.connection(engine) as connection:
                transaction = Transaction(connection)
                try:
                    return transaction.whole(work)
                except (OperationalError, InterfaceError) as error:
                    lost_beforehand = error.connection_invalidated and not transaction.begun
                    lost_to_another = getattr(error.orig, "pgcode", None) in _LOST_TO_ANOTHER
                    if attempt == ATTEMPTS or not (lost_beforehand or lost_to_another):
                        raise
            attempt += 1
            runtime.sleep(RETRY_SECONDS * attempt * random.random())

    def ahead(self, engine: Engine, place: Callable[[Plain], T]) -> tuple[T, Shifts] | None:
        """See `models.store.Store.ahead`. Where the connection is lost, nobody knows what became of the messages."""
        try:
            with self._kept.connection(engine) as connection:
                transaction = Transaction(connection)
                batch = Ahead(transaction, self._clocks)
                transaction.begin()
                try:
                    placed = place(batch)
                    shifts = batch.write()
                except engine.dialect.loaded_dbapi.Error as error:
                    raise transaction.as_ours(error) from error
                finally:
                    transaction.end()
        except DBAPIError as error:
            log.debug("a batch could not be written ahead", extra={"why": str(error.orig)})
            return None
        return None if shifts is None else (placed, shifts)
