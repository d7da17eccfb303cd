"""What tests are given. The server, its databases, the clients and the browser are real ones, each a process.

The cell of the matrix comes from the environment: `DATABASE=postgresql`, `ASYNC_MODE=threading`, `ENGINE=stock`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.api import Api, User, unique
from tests.support.browser import Chromium, Visitor
from tests.support.postgres import Postgres
from tests.support.server import ServerProcess
from tests.support.sockets import Sock
from tests.support.valkey import Valkey

LOG_LINES = 200
"""Of each server's log, so many last lines go with a failing test."""

TRACEBACK = "Traceback (most recent call last)"

_servers: list[ServerProcess] = []


class ServerFactory(Protocol):
    """Starts servers with settings of their own."""

    def __call__(self, *, start: bool = True, data_dir: Path | None = None, **env: str) -> ServerProcess:
        """A server with the settings `env`, stopped at the end of the test; `start=False` only makes it."""


class SockFactory(Protocol):
    """Connects sockets."""

    def __call__(self, user: User | None = None, **options: Any) -> Sock:
        """A socket with the user's token, to their server, closed at the end; `options` as for Sock."""


class VisitorFactory(Protocol):
    """Opens browser profiles."""

    def __call__(self, **options: object) -> Visitor:
        """A fresh profile, closed at the end of the test; its console's complaints then fail the test."""


class Databases:
    """Databases of this cell of the matrix, in a PostgreSQL cluster, or none: SQLite has its own in DATA_DIR."""

    def __init__(self, cluster: Postgres | None) -> None:
        self._cluster = cluster

    def make(self) -> str | None:
        """The address of a new, empty database; None for SQLite."""
        return self._cluster.database() if self._cluster else None

    def drop(self, url: str | None) -> None:
        """Drop what `make()` answered."""
        if self._cluster and url:
            self._cluster.drop(url)


def pytest_configure() -> None:
    """Make SIGTERM end the run as an interrupt does, with every process that it started."""
    signal.signal(signal.SIGTERM, _interrupt)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs our own engine where another serves."""
    if os.environ.get("ENGINE") == "stock" or os.environ.get("ASYNC_MODE") == "threading":
        for item in items:
            if item.get_closest_marker("engine"):
                item.add_marker(pytest.mark.skip(reason="needs our own engine"))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def pytest_report_header() -> str:
    """The cell of the matrix."""
    return f"database: {_database()}, async mode: {os.environ.get('ASYNC_MODE') or 'eventlet'}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers wrote beside a failure."""
    report = yield
    if report.failed:
        for server in _servers:
            text = "\n".join(server.log_text().splitlines()[-LOG_LINES:])
            report.sections.append((f"log of the server on port {server.port}", text))
    return report


def _database() -> str:
    database = os.environ.get("DATABASE") or "sqlite"
    assert database in {"sqlite", "postgresql"}, f"DATABASE is sqlite or postgresql, not {database}"
    return database


def _end(server: ServerProcess) -> None:
    """Stop it if it runs; it must leave in order."""
    _servers.remove(server)
    if server.running:
        status = server.stop()
        assert status == 0, f"the server ended with {status}:\n{server.log_text()}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL cluster, whatever database the servers use."""
    cluster = Postgres()
    yield cluster
    cluster.stop()


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A Valkey of this test's own."""
    server = Valkey()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """Makes databases of this cell of the matrix."""
    return Databases(request.getfixturevalue("postgres") if _database() == "postgresql" else None)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str | None]:
    """A new, empty database of this test's own: its address, or None for SQLite."""
    url = databases.make()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def _shared_server(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[ServerProcess]:
    url = databases.make()
    server = ServerProcess(tmp_path_factory.mktemp("data"), {"DATABASE_URL": url} if url else None)
    _servers.append(server)
    server.start()
    yield server
    _end(server)


@pytest.fixture
def server(_shared_server: ServerProcess) -> Iterator[ServerProcess]:
    """The server that tests share, each with its own users. A traceback in its log fails the test."""
    before = _shared_server.log_text().count(TRACEBACK)
    yield _shared_server
    assert _shared_server.running, f"the server is gone:\n{_shared_server.log_text()}"
    assert _shared_server.log_text().count(TRACEBACK) == before, "the server logged a traceback"


@pytest.fixture
def fresh_server(tmp_path: Path, databases: Databases) -> Iterator[ServerFactory]:
    """Starts servers for this test alone, each with data of its own unless it is given a folder."""
    mine: list[ServerProcess] = []
    made: list[str | None] = []

    def make(*, start: bool = True, data_dir: Path | None = None, **env: str) -> ServerProcess:
        url = env.get("DATABASE_URL")
        if url is None:
            url = databases.make()
            made.append(url)
        folder = data_dir or tmp_path / f"data-{len(mine)}"
        folder.mkdir(exist_ok=True)
        server = ServerProcess(folder, {**({"DATABASE_URL": url} if url else {}), **env})
        mine.append(server)
        _servers.append(server)
        if start:
            server.start()
        return server

    yield make
    for server in mine:
        _end(server)
    for url in made:
        databases.drop(url)


@pytest.fixture
def api(server: ServerProcess) -> Iterator[Api]:
    """REST calls without a token."""
    client = Api(server)
    yield client
    client.close()


@pytest.fixture
def alice(api: Api) -> User:
    """A new user."""
    return api.register(unique("alice"), displayName="Alice")


@pytest.fixture
def bob(api: Api) -> User:
    """Another."""
    return api.register(unique("bob"), displayName="Bob")


@pytest.fixture
def carol(api: Api) -> User:
    """A third."""
    return api.register(unique("carol"), displayName="Carol")


@pytest.fixture
def sock(request: pytest.FixtureRequest) -> Iterator[SockFactory]:
    """Connects sockets: `sock(alice)`, `sock(alice, auto_join=True)`, `sock()` without a token."""
    mine: list[Sock] = []

    def connect(user: User | None = None, **options: Any) -> Sock:
        target = user.server if user else request.getfixturevalue("server")
        mine.append(Sock(target, user.token if user else None, **options))
        return mine[-1]

    yield connect
    for socket in mine:
        socket.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser."""
    browser = Chromium()
    yield browser
    browser.stop()


@pytest.fixture
def visitor(chromium: Chromium) -> Iterator[VisitorFactory]:
    """Opens browser profiles: `visitor().open(server.url)` is Playwright's page."""
    mine: list[Visitor] = []

    def make(**options: object) -> Visitor:
        mine.append(Visitor(chromium.browser, **options))
        return mine[-1]

    yield make
    for each in mine:
        each.close()
