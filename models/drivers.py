"""What each connection of a driver is told before anything else."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event

from settings import settings


def prepare_sqlite(engine: Engine) -> None:
    """Settings of every SQLite connection; transactions begin where we say so, and not where the driver thinks."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (
            "busy_timeout = 0",
            "journal_mode = WAL",
            f"synchronous = {settings.sqlite_synchronous}",
            "foreign_keys = ON",
            "cache_size = -65536",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("BEGIN")


def prepare_postgresql(engine: Engine) -> None:
    """A commit that was answered is on disk, whatever the server's own default is (protocol.md, promise 1)."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
        connection.commit()
