"""The connections to PostgreSQL that write, kept between one transaction and the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import QueuePool

KEPT = 2
"""As many as are used all the time (`Store.writes_at_once`)."""


class Kept:
    """A few connections out of the pool.

    The pool asks each connection whether it lives before it hands it out, which is a fifth of a batch's time. Of one
    that is kept a transaction finds out by itself, and begins again; so they are for writing only.
    """

    def __init__(self) -> None:
        self._kept: list[Connection] = []

    @contextmanager
    def connection(self, engine: Engine) -> Iterator[Connection]:
        """One that is kept, or, where there is none or all are in use, one of the pool."""
        connection = self._kept.pop() if self._kept else engine.connect()
        try:
            yield connection
        finally:
            connection.rollback()
            if self._may_keep(connection, engine):
                self._kept.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Let go of them."""
        while self._kept:
            self._kept.pop().close()

    def _may_keep(self, connection: Connection, engine: Engine) -> bool:
        """Whether it is good, few are kept, and the pool has more than those."""
        pool, kept = engine.pool, len(self._kept) + 1
        return kept <= KEPT and not connection.invalidated and isinstance(pool, QueuePool) and pool.size() > kept
