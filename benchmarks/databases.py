"""Fresh databases with a place in them: made once each, then copied for every measurement."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psycopg2
import psycopg2.extensions
from psycopg2 import sql
from psycopg2.extras import execute_values
from sqlalchemy import create_engine

from benchmarks import rows
from benchmarks.node import PEER
from benchmarks.paths import PROJECT, CannotMeasure, environment
from benchmarks.world import SECRET, Place
from tests.support.postgres import Postgres

Kind = Literal["ours", "guide"]
Storage = Literal["sqlite", "postgresql"]

FILES: dict[Kind, str] = {"ours": "parley.db", "guide": "guide.db"}
INSERT_USERS = "insert into users(id, username) values "
INSERT_PARTICIPANTS = "insert into participants(conversation_id, user_id) values "


@dataclass(frozen=True, slots=True)
class Database:
    """One measurement's own: a folder for the server's files, and the PostgreSQL address where that is in use."""

    folder: Path
    url: str = ""


class Databases:
    """Makes databases, and removes everything at its end. PostgreSQL is started when it is first asked for."""

    def __init__(self) -> None:
        """Nothing is made before it is asked for."""
        self.folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
        self._names = itertools.count(1)
        self._files: dict[tuple[Kind, Place], Path] = {}
        self._templates: dict[tuple[Kind, Place], str] = {}
        self._postgres: Postgres | None = None

    @contextmanager
    def fresh(self, kind: Kind, storage: Storage, place: Place) -> Iterator[Database]:
        """A database with the place in it, for this kind of server; gone afterwards."""
        folder = self.folder / f"run-{next(self._names)}"
        folder.mkdir()
        try:
            if storage == "sqlite":
                shutil.copyfile(self._file(kind, place), folder / FILES[kind])
                yield Database(folder)
            else:
                with self._copy(kind, place) as url:
                    yield Database(folder, url)
        finally:
            shutil.rmtree(folder)

    def _file(self, kind: Kind, place: Place) -> Path:
        if (kind, place) not in self._files:
            path = self.folder / f"template-{next(self._names)}"
            if kind == "ours":
                shutil.copyfile(self._migrated(), path)
                _fill(f"sqlite:///{path}", place)
            else:
                _fill_guide_file(path, place)
            _fold_log(path)
            self._files[kind, place] = path
        return self._files[kind, place]

    def _migrated(self) -> Path:
        """Parley's tables, empty."""
        path = self.folder / FILES["ours"]
        if not path.is_file():
            _migrate(self.folder, "")
            _fold_log(path)
        return path

    @property
    def postgres(self) -> Postgres:
        """The one cluster of this run."""
        if self._postgres is None:
            self._postgres = Postgres()
        return self._postgres

    @contextmanager
    def _copy(self, kind: Kind, place: Place) -> Iterator[str]:
        """A copy of the template in PostgreSQL, made by PostgreSQL."""
        template = self._template(kind, place)
        name = f"bench_{next(self._names)}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield self.postgres.url(name)
        finally:
            self.postgres.drop(self.postgres.url(name))

    def _template(self, kind: Kind, place: Place) -> str:
        if (kind, place) not in self._templates:
            url = self.postgres.database()
            if kind == "ours":
                _migrate(self.folder, url)
                _fill(url.replace("postgresql://", "postgresql+psycopg2://"), place)
            else:
                _fill_guide_database(url, place)
            self._templates[kind, place] = url.rpartition("/")[2]
        return self._templates[kind, place]

    def _execute(self, statement: sql.Composed) -> None:
        with closing(psycopg2.connect(self.postgres.url("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._postgres is not None:
                self._postgres.stop()
        finally:
            shutil.rmtree(self.folder)


def _migrate(folder: Path, url: str) -> None:
    """Parley's tables, by its own command."""
    env = environment(DATA_DIR=str(folder), DATABASE_URL=url, JWT_SECRET=SECRET)
    command = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise CannotMeasure(f"Parley's tables cannot be made: {done.stderr}")


def _fill(url: str, place: Place) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            rows.fill(connection, place)
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
    finally:
        engine.dispose()


def _fill_guide_file(path: Path, place: Place) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((PEER / "schema.sql").read_text())
        connection.executemany(f"{INSERT_USERS} (?, ?)", rows.guide_users(place))
        connection.executemany(f"{INSERT_PARTICIPANTS} (?, ?)", rows.guide_participants(place))
        connection.commit()


def _fill_guide_database(url: str, place: Place) -> None:
    with closing(psycopg2.connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute((PEER / "schema.sql").read_text())
            execute_values(cursor, f"{INSERT_USERS} %s", rows.guide_users(place))
            execute_values(cursor, f"{INSERT_PARTICIPANTS} %s", rows.guide_participants(place))
        connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _fold_log(path: Path) -> None:
    """All of it into the one file, so that a copy of the file is a copy of the database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
