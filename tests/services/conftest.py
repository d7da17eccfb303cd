"""Services by themselves, on a database of this test's own: no server, no sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from extensions import Base
from models import EPOCH, Meta, User, store


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


def add_user(name: str) -> str:
    """A user without a password; their id."""

    def run(session: Session) -> None:
        session.add(User(id=name, username=name, name_key=name, display_name=name, display_key=name))

    store.write(run)
    return name
