"""The migrations: up, down and up again on both databases, to just the tables that the models describe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

import models
from extensions import Base
from settings import PROJECT, database_url
from tests.conftest import ServerFactory
from tests.support.postgres import Postgres
from tests.support.processes import Child
from tests.support.server import READY, SECRET

ENV = {"PATH": os.environ.get("PATH", os.defpath), "JWT_SECRET": SECRET, "PYTHONWARNINGS": "ignore"}
TABLES = set(Base.metadata.tables)

Flask = Callable[..., None]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Engine, Flask]]:
    """An engine on a new, empty database, and a function that runs `flask db ...` on it."""
    env = {**ENV, "DATA_DIR": str(tmp_path)}
    if request.param == "postgresql":
        cluster: Postgres = request.getfixturevalue("postgres")
        url = cluster.database()
        env["DATABASE_URL"] = url
        engine = create_engine(database_url(url))
    else:
        engine = create_engine(f"sqlite:///{tmp_path / 'parley.db'}")

    def flask_db(*words: str) -> None:
        command = [sys.executable, "-m", "flask", "--app", "app", "db", *words]
        done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    yield engine, flask_db
    engine.dispose()
    if request.param == "postgresql":
        cluster.drop(url)


def tables(engine: Engine) -> set[str]:
    """The tables that are there, but Alembic's own."""
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def differences(engine: Engine) -> list[Any]:
    """What would have to change for the database to be as the models are."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def test_up_down_and_up_again(place: tuple[Engine, Flask]) -> None:
    engine, flask_db = place
    flask_db("upgrade")
    assert tables(engine) == TABLES
    assert differences(engine) == []
    first = epoch(engine)
    flask_db("upgrade")
    assert epoch(engine) == first, "upgrading twice keeps what is there"
    flask_db("downgrade", "base")
    assert tables(engine) == set()
    flask_db("upgrade")
    assert tables(engine) == TABLES
    assert differences(engine) == []
    assert epoch(engine) != first, "a database that begins anew is another one to its clients"


def epoch(engine: Engine) -> str:
    """The name of the database's life."""
    with engine.connect() as connection:
        return str(connection.scalar(text("SELECT value FROM meta WHERE key = :key"), {"key": models.EPOCH}))


def test_a_difference_would_be_seen(place: tuple[Engine, Flask]) -> None:
    engine, _ = place
    Base.metadata.create_all(engine)
    assert differences(engine) == []
    execute(engine, ["ALTER TABLE users ADD COLUMN shoe_size INTEGER", "DROP INDEX ix_messages_reply_to"])
    found = {difference[0] for difference in differences(engine)}
    assert found == {"remove_column", "add_index"}


def test_temp_ids_of_before_get_their_keys(place: tuple[Engine, Flask]) -> None:
    engine, flask_db = place
    flask_db("upgrade", "0003")
    execute(engine, OLD_ROWS)
    flask_db("upgrade")
    with engine.connect() as connection:
        keys = connection.execute(text("SELECT temp_key FROM messages ORDER BY id")).scalars().all()
        assert [key if key is None else bytes(key) for key in keys] == [models.temp_key("u", "c", "t"), None]
        assert connection.scalar(text("SELECT count(*) FROM reactions")) == 1
    flask_db("downgrade", "0003")
    flask_db("upgrade")


def test_own_messages_are_counted_by_64s(place: tuple[Engine, Flask]) -> None:
    engine, flask_db = place
    flask_db("upgrade", "0005")
    execute(engine, OWN_ROWS)
    flask_db("upgrade")
    assert skipped(engine) == {"reader": 0, "writer": 54}, "of the first 64, the ten that were read aside"
    execute(engine, [*map(own_row, range(71, 131)), "UPDATE conversations SET seq = 130"])
    assert skipped(engine) == {"reader": 0, "writer": 118}, "by the database itself, at 128"
    flask_db("downgrade", "0005")
    assert skipped(engine) == {"reader": 0, "writer": 120}


def execute(engine: Engine, statements: Iterable[str]) -> None:
    """All of these, in one transaction."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def skipped(engine: Engine) -> dict[str, int]:
    """What each participant's row has counted."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT user_id, skipped FROM participants"))
        return {row.user_id: row.skipped for row in rows}


def own_row(seq: int) -> str:
    """A message by the writer."""
    return (
        "INSERT INTO messages (id, conversation_id, seq, rev, sender_id, kind, content, reply_count, created_at)"
        f" VALUES ('{seq}', 'c', {seq}, {seq}, 'writer', 'text', 'x', 0, 0)"
    )


OWN_ROWS = (
    *(
        "INSERT INTO users (id, username, name_key, display_name, display_key, rev, sessions_valid_from, disabled,"
        f" created_at) VALUES ('{name}', '{name}', '{name}', 'x', 'x', 0, 0, false, 0)"
        for name in ("writer", "reader")
    ),
    (
        "INSERT INTO conversations (id, type, seq, rev, first_seq, members_rev, props_rev, member_count, created_at,"
        " updated_at) VALUES ('c', 'direct', 70, 70, 1, 0, 0, 2, 0, 0)"
    ),
    *(
        "INSERT INTO participants (conversation_id, user_id, role, joined_at, delivered_seq, read_seq, skipped,"
        " mention_count, rev, member_rev, user_rev)"
        f" VALUES ('c', '{name}', 'member', 0, {read}, {read}, {own}, 0, 0, 0, 0)"
        for name, read, own in (("writer", 10, 60), ("reader", 0, 0))
    ),
    *map(own_row, range(1, 71)),
)
"""A conversation as revision 0005 had it: 70 messages by one of the two, who has read ten of them."""


OLD_ROWS = (
    (
        "INSERT INTO users (id, username, name_key, display_name, display_key, rev, sessions_valid_from, disabled,"
        " created_at) VALUES ('u', 'u', 'u', 'u', 'u', 0, 0, false, 0)"
    ),
    (
        "INSERT INTO conversations (id, type, seq, rev, first_seq, members_rev, props_rev, member_count, created_at,"
        " updated_at) VALUES ('c', 'group', 2, 2, 1, 0, 0, 1, 0, 0)"
    ),
    *(
        "INSERT INTO messages (id, conversation_id, seq, rev, sender_id, temp_id, kind, content, reply_count,"
        f" created_at) VALUES ('{number}', 'c', {number}, {number}, 'u', {temp_id}, 'text', 'x', 0, 0)"
        for number, temp_id in ((1, "'t'"), (2, "NULL"))
    ),
    "INSERT INTO reactions (message_id, user_id, emoji, created_at) VALUES ('1', 'u', '+', 0)",
)
"""A conversation as revision 0003 had it: two messages, one of them with a `temp_id` and a reaction."""


def test_two_servers_that_start_at_once_migrate_once(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    children = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        env = {**ENV, "DATABASE_URL": url, "HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": str(tmp_path / name)}
        children.append(Child([sys.executable, PROJECT / "app.py"], env=env))
    for child in children:
        assert child.out.wait_for(READY, timeout=30), child.err.text()
    engine = create_engine(database_url(url))
    try:
        assert tables(engine) == TABLES
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
            assert connection.scalar(text("SELECT count(*) FROM meta")) == 1
    finally:
        engine.dispose()
        for child in children:
            assert child.stop() == 0
    postgres.drop(url)


def test_a_database_of_a_newer_version_is_refused(fresh_server: ServerFactory) -> None:
    """The older code must not write into tables that it does not know."""
    server = fresh_server(DATABASE_URL="")
    assert server.stop() == 0
    engine = create_engine(f"sqlite:///{server.data_dir / 'parley.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(AssertionError, match="Can't locate revision identified by '9999'"):
        server.start()
