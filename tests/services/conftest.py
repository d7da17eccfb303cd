"""Services by themselves, on a database of this test's own: no server, no sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from extensions import Base
from models import EPOCH, Meta, User, store
from settings import database_url
from tests.support.postgres import Postgres


class Queries:
    """Counts the statements that are sent to the database."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    @property
    def selects(self) -> int:
        """How many of them read."""
        return sum(statement.lstrip().upper().startswith("SELECT") for statement in self.statements)


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[Queries]:
    """The bound store, empty but for its epoch, and what is asked of it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'test.db'}", connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    engine.dispose()
    store.bind(engine)
    store.write(lambda session: session.add(Meta(key=EPOCH, value="first")))
    counted = Queries()
    event.listen(engine, "before_cursor_execute", lambda *args: counted.statements.append(args[2]))
    yield counted
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[None]:
    """The store is bound to an empty database: each kind has statements of its own."""
    if request.param == "sqlite":
        request.getfixturevalue("queries")
        yield
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.database()
    engine = create_engine(database_url(url))
    Base.metadata.create_all(engine)
    store.bind(engine)
    store.write(lambda session: session.add(Meta(key=EPOCH, value="first")))
    yield
    store.close()
    postgres.drop(url)


def add_user(name: str) -> str:
    """A user without a password; their id."""

    def run(session: Session) -> None:
        session.add(User(id=name, username=name, name_key=name, display_name=name, display_key=name))

    store.write(run)
    return name
