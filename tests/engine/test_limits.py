"""What a client may do to the server, on a real one: nothing that anybody else would notice."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import ServerFactory
from tests.engine.mutation import TEXT, plain_frame
from tests.engine.test_frames import masked
from tests.support.api import Api, User
from tests.support.server import ServerProcess
from tests.support.sockets import Sock

HELLO = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextmanager
def plain_socket(server: ServerProcess, user: User | None = None) -> Iterator[socket.socket]:
    """A TCP connection that has become a WebSocket, and with a user a Socket.IO client."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(HELLO.encode())
        await_bytes(connection, b'"maxPayload"')
        if user is not None:
            connection.sendall(masked(b"40" + json.dumps({"token": user.token}).encode()))
            await_bytes(connection, b'40{"sid"')
        yield connection


def await_bytes(connection: socket.socket, wanted: bytes) -> bytes:
    """Read until these bytes have come."""
    data = b""
    while wanted not in data:
        piece = connection.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def until_closed(connection: socket.socket) -> bytes:
    """All that still comes, to the end."""
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


@pytest.mark.parametrize(
    ("bytes_", "code"),
    [
        (b"\x81\x05hello" + b"\x00" * 8, 1002),
        (masked(b"x", 0x43), 1002),
        (masked(b"abc"), 1002),
        (masked(b""), 1002),
        (masked(b"\xff\xfe"), 1007),
        (b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\x00" * 4, 1009),
        (masked(b"x" * 2_000_000)[:1000], 1009),
    ],
)
def test_a_client_that_speaks_no_websocket_is_closed_with_the_reason(
    server: ServerProcess, alice: User, bytes_: bytes, code: int
) -> None:
    with plain_socket(server, alice) as connection:
        connection.sendall(bytes_)
        assert until_closed(connection).endswith(b"\x88\x02" + code.to_bytes(2, "big"))


def test_pings_and_close_frames_are_answered(server: ServerProcess, alice: User) -> None:
    with plain_socket(server, alice) as connection:
        connection.sendall(masked(b"are you there?", 0x9))
        await_bytes(connection, b"\x8a\x0eare you there?")
        connection.sendall(masked((1000).to_bytes(2, "big") + b"bye", 0x8))
        assert until_closed(connection).endswith(b"\x88\x02\x03\xe8")


def test_a_client_that_never_connects_is_closed(fresh_server: ServerFactory) -> None:
    server = fresh_server(CONNECT_SECONDS="0.5")
    with plain_socket(server) as connection:
        started = time.monotonic()
        until_closed(connection)
        assert time.monotonic() - started < 5


def test_a_client_that_answers_no_ping_is_closed_and_others_are_not(fresh_server: ServerFactory) -> None:
    server = fresh_server(PING_INTERVAL="1", PING_TIMEOUT="1", PRESENCE_GRACE="0")
    api = Api(server)
    alice, bob = api.register("alice"), api.register("bob")
    alice.direct(bob)
    with Sock(server, bob.token) as his, plain_socket(server, alice) as silent:
        his.wait_for("user:status", lambda status: status["status"] == "online")
        until_closed(silent)
        his.wait_for("user:status", lambda status: status["status"] == "offline")
        his.settle()
        assert his.closed_by is None
    api.close()


def test_a_client_that_does_not_read_is_cut_and_nobody_waits_for_it(fresh_server: ServerFactory) -> None:
    server = fresh_server(SEND_QUEUE_BYTES="200000", PRESENCE_GRACE="0")
    api = Api(server)
    alice, bob, slow = api.register("alice"), api.register("bob"), api.register("slow")
    conversation = alice.group(bob, slow)
    with plain_socket(server, slow) as connection, Sock(server, bob.token, auto_join=True) as his:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(masked(b"42" + json.dumps(["join-room", {"conversationId": conversation["id"]}]).encode()))
        await_bytes(connection, b"room-joined")
        with Sock(server, alice.token) as hers:
            draft = {"conversationId": conversation["id"], "content": "x" * 7900}
            worst, sent = 0.0, 0
            while not any(
                status["userId"] == slow.id and status["status"] == "offline" for status in his.events("user:status")
            ):
                started = time.monotonic()
                hers.ok("send-message", draft)
                worst, sent = max(worst, time.monotonic() - started), sent + 1
                assert sent < 5000, "the slow client was never cut"
            assert [message["seq"] for message in his.wait_count("message:new", sent)] == list(range(1, sent + 1))
        assert worst < 5
    api.close()


def test_a_client_that_floods_is_held_back_and_served_whole(fresh_server: ServerFactory) -> None:
    server = fresh_server(EVENTS_IN_FLIGHT="8")
    api = Api(server)
    alice, bob = api.register("alice"), api.register("bob")
    conversation = alice.direct(bob)
    with Sock(server, bob.token, auto_join=True) as his, plain_socket(server, alice) as flood:
        for number in range(500):
            event = ["send-message", {"conversationId": conversation["id"], "content": str(number)}]
            flood.sendall(masked(b"42" + json.dumps(event).encode()))
        heard = his.wait_count("message:new", 500, timeout=30)
        assert [message["content"] for message in heard] == [str(number) for number in range(500)]
    api.close()


def test_a_client_that_floods_and_reads_late_gets_every_answer(fresh_server: ServerFactory) -> None:
    """Reading on where it was held back made the loop forget that bytes waited to be written to the same socket."""
    server = fresh_server(EVENTS_IN_FLIGHT="8", SEND_QUEUE_BYTES="100000000")
    api = Api(server)
    waits = b'42["send-message",{"conversationId":"none","content":"looked up in the database"}]'
    with plain_socket(server, api.register("alice")) as flood:
        flood.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        for number in range(4_000):  # more than the system keeps between the two
            flood.sendall(plain_frame(b"42" + str(number).encode() + b'["echo","' + b"x" * 8_000 + b'"]', TEXT))
            if number % 5 == 0:
                flood.sendall(plain_frame(waits, TEXT))
        heard = bytearray()
        while b"433999[" not in heard[-20_000:]:
            piece = flood.recv(262_144)
            assert piece, "closed"
            heard += piece
        answered = [int(number) for number in re.findall(rb"43(\d+)\[", heard)]
        assert answered == list(range(4_000))
    api.close()
