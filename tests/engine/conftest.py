"""A protocol server for the tests of the protocols: once with our engine, once with the libraries as they come."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.conftest import TRACEBACK
from tests.engine.raw import Peer
from tests.support.processes import PROJECT, Child

PING_INTERVAL, PING_TIMEOUT, CONNECT_SECONDS = 0.3, 0.2, 1.2
"""Seconds. The official suites' own intervals; they have a second for the CONNECT, and three pings before it."""


def serve_protocols(engine: str, **intervals: float) -> Iterator[Peer]:
    """`bin/protocol-server`; at the end its log must have no traceback."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    env |= {"PORT": "0", "ENGINE": engine, **{name: str(seconds) for name, seconds in intervals.items()}}
    child = Child([PROJECT / "bin" / "protocol-server"], env=env)
    ready = child.out.wait_for(r"is listening on http://localhost:(\d+)", 60)
    assert ready, child.err.text()
    yield Peer(f"localhost:{ready[1]}", late_seconds=0.02 if engine == "stock" else 0.0)
    assert child.stop() == 0, child.err.text()
    assert TRACEBACK not in child.err.text(), child.err.text()


@pytest.fixture(scope="session", params=["fast", "stock"])
def protocol_server(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """One for the checks of the protocols, with the official suites' short intervals."""
    yield from serve_protocols(
        request.param, PING_INTERVAL=PING_INTERVAL, PING_TIMEOUT=PING_TIMEOUT, CONNECT_SECONDS=CONNECT_SECONDS
    )


@pytest.fixture(scope="session", params=["fast", "stock"])
def patient_server(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """One for whole clients, which a busy machine may hold up."""
    yield from serve_protocols(request.param, PING_INTERVAL=10, PING_TIMEOUT=10, CONNECT_SECONDS=10)


@pytest.fixture(params=["engine.io", "socket.io"])
def engine(protocol_server: Peer, request: pytest.FixtureRequest) -> Peer:
    """Engine.IO by itself, and below Socket.IO: both have to keep its protocol."""
    return protocol_server.at(request.param)


@pytest.fixture
def echo(protocol_server: Peer) -> Peer:
    """Engine.IO by itself, where every message comes back."""
    return protocol_server.at("engine.io")


@pytest.fixture
def socketio(protocol_server: Peer) -> Peer:
    """Socket.IO."""
    return protocol_server.at("socket.io")
