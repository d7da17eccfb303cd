"""Several real servers on one PostgreSQL and one Valkey, and people with sockets on whichever of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import TRACEBACK
from tests.conftest import _servers as watched
from tests.support.api import Api, User, unique
from tests.support.postgres import Postgres
from tests.support.server import ServerProcess
from tests.support.sockets import Sock
from tests.support.valkey import Valkey

GRACE, LEASE = 0.5, 2.0
"""Seconds: short, so that tests see both end."""

SETTINGS = {"PRESENCE_GRACE": str(GRACE), "PRESENCE_LEASE": str(LEASE), "PING_INTERVAL": "5"}


class Cluster:
    """Servers that share a database and, where there is one, a relay."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        self._folder = folder
        self._env = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "REDIS_PREFIX": unique("test"), **SETTINGS}
        self.nodes: list[ServerProcess] = []

    def add(self, *, start: bool = True, kind: type[ServerProcess] = ServerProcess, **env: str) -> ServerProcess:
        """One more server, ready."""
        folder = self._folder / f"node-{len(self.nodes)}"
        folder.mkdir()
        node = kind(folder, {**self._env, **env})
        self.nodes.append(node)
        watched.append(node)
        if start:
            node.start()
            wait_ready(node)
        return node

    def stop(self) -> None:
        """End those that run; each must leave in order, and none may have logged a traceback."""
        try:
            for node in self.nodes:
                if node.running:
                    assert node.stop() == 0, node.log_text()
                if TRACEBACK in node.log_text():
                    raise AssertionError(_around(node.log_text()))
        finally:
            for node in self.nodes:
                watched.remove(node)
                if node.running:
                    node.kill()


def _around(log: str) -> str:
    """The lines with tracebacks."""
    return "\n".join(line for line in log.splitlines() if TRACEBACK in line)


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def wait_ready(node: ServerProcess, seconds: float = 10.0) -> None:
    """Until `/readyz` is green."""
    with_api = Api(node)
    try:
        eventually(lambda: with_api.root("/readyz").status_code == 200, seconds)
    finally:
        with_api.close()


def at(node: ServerProcess, user: User) -> User:
    """The same person, whose calls go to this node."""
    answer = {
        "token": user.token,
        "refreshToken": user.refresh_token,
        "expiresIn": user.expires_in,
        "user": user.profile,
    }
    return User(node, answer, user.password)


class People:
    """Users and sockets of one test, closed at its end."""

    def __init__(self) -> None:
        self._apis: list[Api] = []
        self._socks: list[Sock] = []

    def user(self, node: ServerProcess, name: str = "user") -> User:
        """Somebody new."""
        api = Api(node)
        self._apis.append(api)
        return api.register(unique(name))

    def at(self, node: ServerProcess, user: User) -> User:
        """See `at`."""
        there = at(node, user)
        self._apis.append(there)
        return there

    def sock(
        self,
        node: ServerProcess,
        user: User,
        *rooms: dict[str, object],
        auto_join: bool = False,
        auth: dict[str, object] | None = None,
    ) -> Sock:
        """A socket of the user on this node, in these conversations; `auth` besides the token."""
        given = {"token": user.token, "autoJoin": auto_join, **(auth or {})}
        sock = Sock(node, auth=given)
        self._socks.append(sock)
        for room in rooms:
            sock.ok("join-room", {"conversationId": room["id"]})
        return sock

    def close(self) -> None:
        """Everything."""
        for sock in self._socks:
            sock.close()
        for api in self._apis:
            api.close()


@pytest.fixture(scope="package")
def relay() -> Iterator[Valkey]:
    """A Valkey that these tests share, and none of them breaks."""
    server = Valkey()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def _shared(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, relay: Valkey) -> Iterator[Cluster]:
    url = postgres.database()
    cluster = Cluster(tmp_path_factory.mktemp("nodes"), url, relay.url)
    try:
        for _ in range(3):
            cluster.add()
        yield cluster
    finally:
        cluster.stop()
        postgres.drop(url)


@pytest.fixture
def nodes(_shared: Cluster) -> list[ServerProcess]:
    """Three servers that these tests share, each test with its own users."""
    return _shared.nodes


@pytest.fixture
def fresh_cluster(tmp_path: Path, postgres: Postgres, valkey: Valkey) -> Iterator[Cluster]:
    """No servers yet, on a database and a Valkey (the fixture `valkey`) of this test's own."""
    url = postgres.database()
    cluster = Cluster(tmp_path, url, valkey.url)
    try:
        yield cluster
    finally:
        cluster.stop()
        postgres.drop(url)


@pytest.fixture
def people() -> Iterator[People]:
    """Users and sockets."""
    made = People()
    yield made
    made.close()
