"""How Alembic reaches the database: through the application's own engine, one migrator at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from extensions import Base

LOCK = 7_274_503_957
"""PostgreSQL's advisory lock of everybody who migrates this database: several dynos may start at once."""


def migrate(connection: Connection) -> None:
    """Run what is asked for; on SQLite tables are rebuilt where they cannot be altered."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


@contextlib.contextmanager
def rebuilding(connection: Connection) -> Iterator[None]:
    """SQLite rebuilds a table by dropping it, which foreign keys that name it forbid (sqlite.org, ALTER TABLE, 7).

    Said to the driver: within a transaction, which SQLAlchemy would begin, it has no effect.
    """
    driver: Any = connection.connection.dbapi_connection if connection.dialect.name == "sqlite" else None
    if driver is not None:
        driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        if driver is not None:
            driver.execute("PRAGMA foreign_keys = ON")


if context.is_offline_mode():
    url = current_app.config["SQLALCHEMY_DATABASE_URI"]
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with current_app.extensions["migrate"].db.engine.connect() as open_connection, rebuilding(open_connection):
        migrate(open_connection)
