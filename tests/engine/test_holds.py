"""No client holds the loop for more than 5 ms of processor time, with a megabyte neither (the median of 20 tries)."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.engine.measured import ANSWER, QUESTION, Measured, join
from tests.engine.mutation import BINARY, PING, TEXT, plain_frame
from tests.engine.test_limits import await_bytes
from tests.support.api import User

pytestmark = pytest.mark.alone

MEGABYTE = 994_900
MISSED, CONVERSATIONS = 5_000, 10
ROOMS = 300
FLOOD = 1_000
PLACE = b'{"_placeholder":true,"num":%d}'


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """A server with a stopwatch."""
    server = Measured(tmp_path_factory.mktemp("measured"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def missed(measured: Measured) -> dict[str, int]:
    """What a user asks for who was away while 5,000 messages came."""
    other = measured.api.register("other")
    ids = [str(measured.user.group(other, title=f"group {number}")["id"]) for number in range(CONVERSATIONS)]
    with contextlib.closing(measured.connect(other)) as connection:
        for number in range(MISSED):
            draft = {
                "conversationId": ids[number % CONVERSATIONS],
                "content": f"message {number}, as people write them",
            }
            connection.sendall(plain_frame(f'42{number}["send-message",{json.dumps(draft)}]'.encode(), TEXT))
        await_bytes(connection, b'43%d[{"ok":true' % (MISSED - 1))
    return dict.fromkeys(ids, 0)


@pytest.fixture(scope="module")
def popular(measured: Measured) -> tuple[User, list[str]]:
    """A user who is in many conversations, and those."""
    user, other = measured.api.register("popular"), measured.api.register("another")
    return user, [str(user.group(other, title=f"group {number}")["id"]) for number in range(ROOMS)]


def event(name: str, payload: bytes) -> bytes:
    """An event in one frame."""
    return plain_frame(b'42["%s",%s]' % (name.encode(), payload), TEXT)


def filled(beginning: bytes, unit: bytes, end: bytes, times: int | None = None) -> bytes:
    """JSON with so many units, or a megabyte of them."""
    return beginning + unit * (times or (MEGABYTE - 100) // len(unit)) + end


def keys(count: int) -> bytes:
    """A `sync` of so many conversations."""
    return b'{"conversations":{' + b",".join(b'"%d":1' % number for number in range(count)) + b"}}"


def fragments(size: int) -> bytes:
    """An echo in frames of one byte."""
    middle = plain_frame(b"x", 0, final=False) * size
    return plain_frame(b'42["echo","', TEXT, final=False) + middle + plain_frame(b'"]', 0)


SAID = {
    "a text that is too long": event("send-message", filled(b'{"conversationId":"x","content":"', b"x", b'"}')),
    "a text": event("echo", filled(b'"', b"x", b'"')),
    "a text of escapes": event("echo", filled(b'"', b"\\u00e9", b'"')),
    "halves of emoji": event("echo", filled(b'"', b"\\ud83d", b'"')),
    "numbers": event("echo", filled(b"[", b"1,", b"1]")),
    "as many numbers as are taken": event("echo", filled(b"[", b"1,", b"1]", 24_000)),
    "lists": event("echo", filled(b"[", b"[],", b"1]")),
    "lists that never end": event("echo", filled(b"[", b"[],", b"")),
    "objects": event("send-message", filled(b"[", b'{"a":1},', b"1]")),
    "keys": event("sync", keys(90_000)),
    "as many keys as are taken": event("sync", keys(9_900)),
    "depth": event("echo", filled(b"", b"[", b"")),
    "attachments": plain_frame(b'4510-["echo",' + b",".join(PLACE % number for number in range(10)) + b"]", TEXT)
    + plain_frame(b"y" * 99_000, BINARY) * 10,
    "one attachment in many places": plain_frame(b'451-["echo",' + (PLACE % 0 + b",") * 400 + b"1]", TEXT)
    + plain_frame(b"y" * 990_000, BINARY),
    "places": plain_frame(filled(b'451-["echo",', PLACE % 0 + b",", b"1]"), TEXT) + plain_frame(b"y", BINARY),
    "fragments": fragments(60_000),
    "pings": plain_frame(b"", PING) * (MEGABYTE // 6),
    "small events": event("echo", b"1") * FLOOD,
    "unknown events": event("?", b"1") * FLOOD,
    "what is no event": plain_frame(b"4x", TEXT) * FLOOD,
}
"""A megabyte of each, or as much as is taken; of what has to be answered one by one enough for many turns."""


@pytest.mark.parametrize("what", SAID)
def test_a_megabyte(measured: Measured, what: str) -> None:
    def say() -> None:
        with contextlib.closing(measured.connect(measured.user)) as connection, contextlib.suppress(OSError):
            connection.sendall(SAID[what] + QUESTION)
            await_bytes(connection, ANSWER)

    measured.check(say)


@pytest.mark.parametrize("unit", ['42["echo",1]', '42["?"]', "4"])
def test_many_packets_in_one_poll(measured: Measured, unit: str) -> None:
    with requests.Session() as http:
        url = f"{measured.url}/socket.io/?EIO=4&transport=polling"
        url += "&sid=" + json.loads(http.get(url, timeout=20).text[1:])["sid"]
        http.post(url, data="40" + json.dumps({"token": measured.user.token}), timeout=20)

        def say() -> None:
            posted = http.post(url, data="\x1e".join([unit] * FLOOD + ['4298765["echo",0]']), timeout=20)
            assert posted.text == "ok"
            while ANSWER.decode() not in (polled := http.get(url, timeout=20)).text:
                assert polled.status_code == 200

        measured.check(say)


def ask(measured: Measured, user: User, name: str, payload: Any) -> None:
    """Ask, and read the whole answer."""
    with contextlib.closing(measured.connect(user)) as connection:
        connection.sendall(plain_frame(f'421["{name}",{json.dumps(payload)}]'.encode(), TEXT) + QUESTION)
        assert b'431[{"ok":true' in await_bytes(connection, ANSWER)


def test_a_sync_of_all_that_one_answer_may_have(measured: Measured, missed: dict[str, int]) -> None:
    measured.check(lambda: ask(measured, measured.user, "sync", {"conversations": missed}))


def test_a_join_after_five_hundred_messages(measured: Measured, missed: dict[str, int]) -> None:
    payload = {"conversationId": next(iter(missed)), "since": 0}
    measured.check(lambda: ask(measured, measured.user, "join-room", payload))


def test_a_sync_of_many_conversations(measured: Measured, popular: tuple[User, list[str]]) -> None:
    user, ids = popular
    measured.check(lambda: ask(measured, user, "sync", {"conversations": dict.fromkeys(ids, 0)}))


def test_a_connection_that_joins_many_rooms_at_once(measured: Measured, popular: tuple[User, list[str]]) -> None:
    def come(connection: socket.socket) -> None:
        join(connection, popular[0], autoJoin=True)
        connection.sendall(QUESTION)
        await_bytes(connection, ANSWER)

    with contextlib.ExitStack() as stack:
        connections = iter([stack.enter_context(contextlib.closing(measured.open())) for _ in range(20)])
        measured.check(lambda: come(next(connections)))


def test_a_client_that_joins_many_rooms_one_by_one(measured: Measured, popular: tuple[User, list[str]]) -> None:
    user, ids = popular
    joins = b"".join(event("join-room", json.dumps({"conversationId": one}).encode()) for one in ids)

    def come() -> None:
        with contextlib.closing(measured.connect(user)) as connection:
            connection.sendall(joins + QUESTION)
            await_bytes(connection, ANSWER)

    measured.check(come)
