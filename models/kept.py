"""The connection to PostgreSQL that writes, kept between one transaction and the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import QueuePool


class Kept:
    """One connection out of the pool.

    The pool asks each connection whether it lives before it hands it out, which is a fifth of a batch's time. Of one
    that is kept a transaction finds out by itself, and begins again; so it is for writing only.
    """

    def __init__(self) -> None:
        self._kept: Connection | None = None

    @contextmanager
    def connection(self, engine: Engine) -> Iterator[Connection]:
        """The one that is kept, or, where there is none or it is in use, one of the pool."""
        connection = self._kept or engine.connect()
        self._kept = None
        try:
            yield connection
        finally:
            connection.rollback()
            if self._may_keep(connection, engine):
                self._kept = connection
            else:
                connection.close()

    def close(self) -> None:
        """Let go of it."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _may_keep(self, connection: Connection, engine: Engine) -> bool:
        """Whether it is good, none is kept, and the pool has more than this one."""
        pool = engine.pool
        return self._kept is None and not connection.invalidated and isinstance(pool, QueuePool) and pool.size() > 1
