"""Whatever a client sends, it gets its error, its connection stays, and the log has no traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import Api, User, unique
from tests.support.server import ServerProcess
from tests.support.wire import RawPolling, RawSocket, forget, hear_nothing, heard

EVENTS = ["join-room", "leave-room", "send-message", "delivered-ack", "read", "typing", "react", "presence", "sync"]

NOT_AN_OBJECT: list[Any] = [None, 5, 1.5, True, "text", [], [1], b"bytes"]


@pytest.fixture(scope="module")
def anna(_shared_server: ServerProcess) -> Iterator[User]:
    """One user for all of this module's tables; none of them changes anything."""
    api = Api(_shared_server)
    yield api.register(unique("anna"))
    api.close()


@pytest.mark.core
@pytest.mark.parametrize("event", [*EVENTS, "auth:refresh"])
def test_a_payload_that_is_no_object_is_refused(anna: User, sock: SockFactory, event: str) -> None:
    hers = sock(anna)
    for payload in NOT_AN_OBJECT:
        assert hers.refused(event, payload, "validation_failed")["fields"]
        hers.emit(event, payload)
    errors = hers.wait_count("error", len(NOT_AN_OBJECT))
    assert {(error["error"], error["event"]) for error in errors} == {("validation_failed", event)}
    assert heard(hers) == ["error"] * len(NOT_AN_OBJECT)


@pytest.mark.core
@pytest.mark.parametrize(
    "event", ["connect", "disconnect", "message", "no-such-event", "__proto__", "error", "x" * 500]
)
def test_an_unknown_event_is_refused(anna: User, sock: SockFactory, event: str) -> None:
    hers = sock(anna)
    hers.refused(event, {"conversationId": "x"}, "unknown_event")
    hers.emit(event, {"temp_id": "mine"})
    error = hers.wait_for("error")
    assert (error["error"], error["event"], error["temp_id"]) == ("unknown_event", event, "mine")
    hers.emit(event)
    assert heard(hers) == ["error", "error"]
    assert hers.closed_by is None


@pytest.mark.core
def test_an_event_takes_one_argument(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice), sock(bob, auto_join=True)
    forget(hers, his)
    draft = {"conversationId": conversation["id"], "content": "twice"}
    answer = hers.client.call("send-message", (draft, draft))
    assert (answer["ok"], answer["error"]) == (False, "validation_failed")
    hers.client.emit("send-message", (draft, "more"))
    assert hers.wait_for("error")["event"] == "send-message"
    hear_nothing(his)


@pytest.mark.core
def test_binary_where_text_belongs_is_refused(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice), sock(bob, auto_join=True)
    forget(his)
    for payload in (
        {"conversationId": conversation["id"], "content": b"bytes"},
        {"conversationId": conversation["id"].encode(), "content": "text"},
        {"conversationId": conversation["id"], "content": "text", "temp_id": b"x"},
    ):
        hers.refused("send-message", payload, "validation_failed")
    hear_nothing(his)


@pytest.mark.core
@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        1.5,
        True,
        "",
        "text",
        "\U0001f600",
        [],
        {},
        [1, [2]],
        {"a": {"b": None}},
        b"",
        b"\x00\xff",
        [b"1", {"c": b"2"}],
    ],
)
def test_echo_gives_back_anything(anna: User, sock: SockFactory, value: Any, transport: str) -> None:
    hers = sock(anna, transports=(transport,))
    assert hers.ok("echo", value)["data"] == value
    hers.emit("echo", value)
    assert hers.wait_count("echo-response", 2) == [value, value]


@pytest.mark.core
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_burst_of_one_clients_events_keeps_its_order(
    alice: User, bob: User, sock: SockFactory, transport: str
) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice, transports=(transport,)), sock(bob, auto_join=True, transports=(transport,))
    forget(hers, his)
    for number in range(60):
        hers.emit("send-message", {"conversationId": conversation["id"], "content": f"m{number}"})
        hers.emit("echo", number)
        hers.emit("no-such-event", {"temp_id": str(number)})
    assert hers.wait_count("echo-response", 60, timeout=20) == list(range(60))
    assert [error["temp_id"] for error in hers.wait_count("error", 60)] == [str(number) for number in range(60)]
    assert heard(hers) == ["echo-response", "error"] * 60
    assert [new["content"] for new in his.wait_count("message:new", 60)] == [f"m{number}" for number in range(60)]


@pytest.mark.parametrize(
    "frame",
    [
        '42{"a":1}',
        "42[",
        "42" + "[" * 5_000,
        "42" + "[" * 200_000,
        "42",
        "42[]",
        "42null",
        "42{}",
        '42["echo"',
        '42["echo",}',
        '42["echo"]]',
        "4[",
        "4",
        "47",
        "49[]",
        "44{}",
        "45",
        '4599999999999-["echo",1]',
        '459999-["echo",1]',
        '45-["echo",1]',
        "46",
        "4x",
        "4" + "[" * 100_000,
        "42" + "9" * 200 + '["echo"]',
    ],
    ids=lambda frame: frame[:12],
)
@pytest.mark.parametrize("kind", [RawSocket, RawPolling])
def test_a_packet_that_cannot_be_read_gets_an_error_and_the_connection_stays(
    server: ServerProcess, anna: User, frame: str, kind: type[RawSocket | RawPolling]
) -> None:
    with kind(server, anna.token) as raw:
        raw.send(frame)
        (answer,) = raw.answers()
        name, error = json.loads(answer[2:])
        assert name == "error"
        assert error["error"] == "validation_failed"
        assert error["message"]
        assert "fields" in error


@pytest.mark.parametrize("name", ["5", "null", "[1]", '{"a":1}', "true", '""'])
def test_an_events_name_is_text(server: ServerProcess, anna: User, name: str) -> None:
    with RawSocket(server, anna.token) as raw:
        raw.send(f"42[{name},1]")
        raw.send(f"427[{name},1]")
        frames = raw.answers()
        assert json.loads(frames[0][2:])[1]["error"] in {"unknown_event", "validation_failed"}
        assert len(frames) == 2


@pytest.mark.parametrize("depth", [10, 100, 200, 300, 400, 500, 700, 900, 2_000, 20_000])
def test_deep_payloads_are_answered_somehow(server: ServerProcess, anna: User, depth: int) -> None:
    """Each is echoed or refused; the fixture sees that no depth in between ends in a traceback."""
    with RawSocket(server, anna.token) as raw:
        deep = "[" * depth + "]" * depth
        raw.send(f'42["echo",{deep}]')
        raw.send(f'42["send-message",{{"conversationId":"x","content":"y","extra":{deep}}}]')
        first, second = raw.answers()
        name, value = json.loads(first[2:]) if depth < 900 else ("error", None)
        assert name in {"echo-response", "error"}
        assert value is None or name == "error" or json.dumps(value, separators=(",", ":")) == deep
        assert second.startswith('42["error"')


@pytest.mark.parametrize(
    "parts",
    [
        [b"x"],
        ['451-["echo",{"_placeholder":true,"num":4}]', b"x"],
        ['451-["echo",{"_placeholder":true,"num":"a"}]', b"x"],
        ['452-["echo",{"_placeholder":true,"num":0}]', b"x", b"x", b"x"],
        ['451-{"a":1}', b"x"],
    ],
    ids=repr,
)
def test_binary_that_does_not_fit_gets_an_error(server: ServerProcess, anna: User, parts: list[str | bytes]) -> None:
    with RawSocket(server, anna.token) as raw:
        for part in parts:
            if isinstance(part, bytes):
                raw.send_bytes(part)
            else:
                raw.send(part)
        assert [frame for frame in raw.answers() if frame.startswith('42["error"')]


@pytest.mark.parametrize(
    "frame", ["2x", "abc", "", "7", "0", "6", "b!!", "3" + "[" * 100_000, "\u00b2"], ids=lambda one: one[:4]
)
def test_what_is_no_engine_io_ends_that_connection_at_most(
    server: ServerProcess, anna: User, sock: SockFactory, frame: str
) -> None:
    """Below Socket.IO there is nothing to answer: the client is told by an error or by a close in order."""
    his = sock(anna)
    with RawSocket(server, anna.token) as raw:
        raw.send(frame)
        try:
            raw.send('4298765["echo",0]')
            while not (answer := raw.receive()).startswith("4398765") and answer:
                assert answer.startswith("42[")
        except OSError:
            pass
    his.ok("echo", "the others notice nothing")


def test_a_packet_over_the_limit_closes_that_connection(server: ServerProcess, anna: User, sock: SockFactory) -> None:
    his = sock(anna)
    with RawSocket(server, anna.token) as raw:
        raw.send('42["echo","' + "x" * 900_000 + '"]')
        assert raw.until('42["echo-response"')
        try:
            raw.send('42["echo","' + "x" * 1_100_000 + '"]')
            while raw.receive():
                pass
        except OSError:
            pass
    his.ok("echo", "the others notice nothing")
