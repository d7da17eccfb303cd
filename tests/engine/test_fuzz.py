"""A hundred thousand mutated frames against one server: it answers or closes, and goes on."""

from __future__ import annotations

import contextlib
import json
import random
import socket
from pathlib import Path

from tests.conftest import TRACEBACK, ServerFactory
from tests.engine.mutation import TEXT, batch, broken, frame
from tests.engine.test_limits import HELLO, await_bytes, until_closed
from tests.support.api import Api, User
from tests.support.server import ServerProcess
from tests.support.sockets import Sock

FRAMES, CONNECTIONS, BATCH = 100_000, 16, 125
BROKEN = 1_000
"""Connections more, on which the frames themselves are broken."""

GROWTH_MB = 60
"""Of the server's memory, at most: a mutated frame leaves nothing behind."""


def connect(server: ServerProcess) -> socket.socket:
    """A WebSocket; nothing is said on it yet."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(HELLO.encode())
    await_bytes(connection, b'"maxPayload"')
    return connection


def resident_mb(server: ServerProcess) -> float:
    """Memory of the process, MB."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class Client:
    """A connection that is opened anew where it was closed: a mutated packet may have been a bye."""

    def __init__(self, server: ServerProcess, user: User, rng: random.Random) -> None:
        self._server = server
        self._rng = rng
        self._hello = frame(b"40" + json.dumps({"token": user.token}).encode(), TEXT, rng)
        self._question = frame(b'4298765["echo",0]', TEXT, rng)
        self._connection = connect(server)

    def say(self) -> None:
        """A batch, which begins with a CONNECT and ends with a question."""
        with contextlib.suppress(OSError):
            self._connection.sendall(self._hello + batch(self._rng, BATCH) + self._hello + self._question)

    def confirmed(self) -> int:
        """How many mutated frames the server has read, as it answered the question after them."""
        heard = b""
        try:
            while b'4398765[{"ok":true' not in heard and (piece := self._connection.recv(262_144)):
                heard += piece
        except ConnectionResetError:
            pass
        except TimeoutError as error:
            raise AssertionError(f"no answer, and not closed; the last that came: {heard[-2000:]!r}") from error
        assert TRACEBACK.encode() not in heard
        if b'4398765[{"ok":true' in heard:
            return BATCH
        self.close()
        self._connection = connect(self._server)
        return 0

    def close(self) -> None:
        """Gone."""
        self._connection.close()


def test_mutated_frames_never_do_more_than_be_refused(fresh_server: ServerFactory) -> None:
    server = fresh_server(LOG_LEVEL="warning")
    api = Api(server)
    alice, bob = api.register("alice"), api.register("bob")
    rng, confirmed = random.Random(4), 0
    before = resident_mb(server)
    with Sock(server, bob.token) as his, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(Client(server, alice, rng))) for _ in range(CONNECTIONS)]
        while confirmed < FRAMES:
            for client in clients:
                client.say()
            confirmed += sum(client.confirmed() for client in clients)
        his.ok("echo", "nobody else notices")
        break_connections(server, alice, rng)
        his.ok("echo", "not then either")
        assert his.closed_by is None
    assert resident_mb(server) - before < GROWTH_MB
    assert TRACEBACK not in server.log_text()
    api.close()


def break_connections(server: ServerProcess, user: User, rng: random.Random) -> None:
    """Frames that are none; whatever comes back is in order, and what was left open, the client closes."""
    for _ in range(BROKEN):
        with connect(server) as connection:
            connection.sendall(frame(b"40" + json.dumps({"token": user.token}).encode(), TEXT, rng) + broken(rng))
            connection.shutdown(socket.SHUT_WR)
            assert TRACEBACK.encode() not in until_closed(connection)
