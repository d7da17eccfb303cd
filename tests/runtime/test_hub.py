"""Our loop over sockets calls whom eventlet's own would have called, once each, whatever one of them does."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from eventlet.hubs import epolls

from runtime import hub
from settings import PROJECT

pytestmark = pytest.mark.skipif(not hub.is_available(), reason="this system has no epoll")

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[hub.Hub, epolls.Hub], ids=["ours", "eventlet's"])
def loop(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    yield made
    made.poll.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [socket.socketpair() for _ in range(5)]
    yield made
    for one in made:
        for end in one:
            end.close()


def watch(loop: Any, event: str, end: socket.socket, called: list[Any], name: object) -> Any:
    return loop.add(event, end.fileno(), lambda number: called.append((name, number)), lambda *_: None, None)


def test_who_has_something_to_read_is_called_once_with_its_descriptor(loop: Any, pairs: list[Pair]) -> None:
    called: list[Any] = []
    for number, (mine, its) in enumerate(pairs):
        watch(loop, loop.READ, mine, called, number)
        if number != 2:
            its.send(b"x")
    loop.wait(5)
    assert sorted(called) == [(number, pairs[number][0].fileno()) for number in (0, 1, 3, 4)]


def test_nobody_is_called_where_nothing_is_ready(loop: Any, pairs: list[Pair]) -> None:
    called: list[Any] = []
    watch(loop, loop.READ, pairs[0][0], called, 0)
    loop.wait(0)
    loop.wait(0.01)
    assert called == []


def test_reading_and_writing_are_told_apart(loop: Any, pairs: list[Pair]) -> None:
    (both, its), (writing, _), (reading, _) = pairs[:3]
    called: list[Any] = []
    for event in (loop.READ, loop.WRITE):
        watch(loop, event, both, called, event)
    watch(loop, loop.WRITE, writing, called, "writes")
    watch(loop, loop.READ, reading, called, "reads")
    its.send(b"x")
    loop.wait(5)
    number = both.fileno()
    assert sorted(called) == sorted([("read", number), ("write", number), ("writes", writing.fileno())])


def test_a_connection_that_ends_wakes_reader_and_writer(loop: Any, pairs: list[Pair]) -> None:
    (mine, its), (other, other_its) = pairs[:2]
    called: list[Any] = []
    for event in (loop.READ, loop.WRITE):
        watch(loop, event, mine, called, event)
    watch(loop, loop.READ, other, called, "reads")
    its.close()
    other_its.close()
    loop.wait(5)
    number = mine.fileno()
    assert sorted(called) == sorted([("read", number), ("write", number), ("reads", other.fileno())])


def test_one_that_raises_stops_nobody_and_is_not_called_again(
    loop: Any, pairs: list[Pair], capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[Any] = []

    def fail(_: int) -> None:
        called.append("failed")
        raise ValueError("on purpose")

    loop.add(loop.READ, pairs[0][0].fileno(), fail, lambda *_: None, None)
    watch(loop, loop.READ, pairs[1][0], called, 1)
    for _, its in pairs[:2]:
        its.send(b"x")
    loop.wait(5)
    assert (1, pairs[1][0].fileno()) in called
    assert "failed" in called
    called.clear()
    loop.wait(5)
    assert called == [(1, pairs[1][0].fileno())]
    assert "on purpose" in capsys.readouterr().err


def test_what_one_does_to_another_changes_nothing_in_this_turn(loop: Any, pairs: list[Pair]) -> None:
    called: list[int] = []
    listeners: list[Any] = []

    def end_all(number: int) -> None:
        called.append(number)
        while listeners:
            loop.remove(listeners.pop())

    for mine, its in pairs:
        listeners.append(loop.add(loop.READ, mine.fileno(), end_all, lambda *_: None, None))
        its.send(b"x")
    loop.wait(5)
    assert sorted(called) == sorted(mine.fileno() for mine, _ in pairs)


def test_without_anything_to_watch_it_just_waits(loop: Any) -> None:
    loop.wait(0)


def test_the_process_that_serves_has_ours() -> None:
    program = "import runtime; runtime.patch(); import eventlet.hubs; print(type(eventlet.hubs.get_hub()).__module__)"
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert found.strip() == "runtime.hub"
