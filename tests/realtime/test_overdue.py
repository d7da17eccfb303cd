"""Rooms that miss a packet: each is given its moment, and those that are late meanwhile are read together."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from realtime.gate import Gate
from realtime.overdue import Overdue

PATIENCE = 0.05


def gates(count: int) -> list[Gate]:
    """So many rooms."""
    return [
        Gate(f"room {number}", lambda _gate: None, lambda *_: pytest.fail("nobody boards")) for number in range(count)
    ]


class Reader:
    """Keeps what is read and when; the first reading takes until `go_on`."""

    def __init__(self, *, fails: bool = False) -> None:
        self.read: list[list[str]] = []
        self.times: list[float] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._news = threading.Condition()
        self._fails = fails

    def __call__(self, found: Sequence[Gate]) -> None:
        """As `Rooms` does it."""
        with self._news:
            self.read.append([gate.conversation_id for gate in found])
            self.times.append(time.monotonic())
            self._news.notify_all()
        self.begun.set()
        assert self.go_on.wait(5)
        if self._fails:
            raise LookupError("no")

    def wait(self, count: int) -> None:
        """Until so many readings."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.read) >= count, 5)


def test_a_room_is_read_once_after_its_moment_however_often_it_misses_something() -> None:
    reader = Reader()
    reader.go_on.set()
    overdue, (room,) = Overdue(lambda: PATIENCE, reader), gates(1)
    begun = time.monotonic()
    for _ in range(5):
        overdue.expect(room)
    reader.wait(1)
    assert reader.times[0] - begun >= PATIENCE
    overdue.expect(room)
    reader.wait(2)
    assert reader.read == [["room 0"]] * 2


def test_those_that_are_late_while_one_is_read_are_read_together() -> None:
    reader = Reader()
    overdue, (first, *others) = Overdue(lambda: 0.0, reader), gates(10)
    overdue.expect(first)
    assert reader.begun.wait(5)
    for room in others:
        overdue.expect(room)
    reader.go_on.set()
    reader.wait(2)
    assert reader.read == [["room 0"], [f"room {number}" for number in range(1, 10)]]


def test_a_reading_that_fails_keeps_nobody_else_from_theirs(caplog: pytest.LogCaptureFixture) -> None:
    reader = Reader(fails=True)
    overdue, (first, second) = Overdue(lambda: 0.0, reader), gates(2)
    overdue.expect(first)
    assert reader.begun.wait(5)
    overdue.expect(second)
    reader.go_on.set()
    reader.wait(2)
    assert reader.read == [["room 0"], ["room 1"]]
    assert "rooms could not be told" in caplog.text
