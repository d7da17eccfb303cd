"""What waits for a socket, by itself."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from engine import outbox as outbox_module
from engine.outbox import LEAST, SLICE, Flusher, Outbox, blocked
from settings import settings


def test_of_what_was_being_sent_when_a_socket_was_cut_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[int] = []

    class Runtime:
        @staticmethod
        def watch_writing(descriptor: int, _on_ready: object) -> object:
            watched.append(descriptor)
            return descriptor

        @staticmethod
        def unwatch(listener: int) -> None:
            watched.remove(listener)

    monkeypatch.setattr(outbox_module, "runtime", Runtime)
    reasons: list[str] = []

    def broken(why: str) -> None:
        reasons.append(why)
        outbox.close()

    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(ours, broken)
        outbox.write_pieces([b"x" * (settings.send_queue_bytes // 2 + 1)] * 5)
    assert reasons == ["it reads too slowly"]
    assert (watched, outbox.empty, outbox.pending_bytes) == ([], True, 0)
    assert outbox not in blocked


class Loop:
    """A loop that does what was asked of it a turn at a time; `busy` says whether something else is due."""

    def __init__(self) -> None:
        self.busy = False
        self._soon: list[Callable[[], object]] = []

    def call_soon(self, function: Callable[[], object]) -> None:
        self._soon.append(function)

    def others_wait(self) -> bool:
        return self.busy

    def turn(self) -> int:
        """One turn; how many functions were called."""
        due, self._soon = self._soon, []
        for function in due:
            function()
        return len(due)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(outbox_module, "runtime", made)
    return made


class Noted:
    """An outbox that notes when it was flushed."""

    def __init__(self, flushed: list[Noted], *, awaited: bool = False) -> None:
        self.awaited = awaited
        self._flushed = flushed

    def flush(self) -> None:
        self._flushed.append(self)


def test_who_waits_for_an_answer_is_written_to_before_a_crowd_and_the_crowd_is_not_forgotten(loop: Loop) -> None:
    flushed: list[Noted] = []
    flusher = Flusher()
    crowd = [Noted(flushed) for _ in range(SLICE)]
    flusher.mark_all(crowd)  # type: ignore[arg-type]
    senders = [Noted(flushed, awaited=True) for _ in range(SLICE)]
    for sender in senders:
        flusher.mark(sender)  # type: ignore[arg-type]
    half = SLICE // 2
    loop.turn()
    assert flushed == senders[:half] + crowd[:half]
    loop.turn()
    assert flushed == senders[:half] + crowd[:half] + senders[half:] + crowd[half:]
    assert not any(sender.awaited for sender in senders)
    assert loop.turn() == 0


def test_where_others_wait_a_crowd_takes_as_long_as_they_did(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    flushed: list[Noted] = []
    flusher = Flusher()
    flusher.mark_all([Noted(flushed) for _ in range(4 * SLICE)])  # type: ignore[misc]
    loop.turn()
    assert len(flushed) == SLICE
    loop.busy = True
    for seconds, count in ((0.0, LEAST), (0.0001, 22), (0.1, SLICE), (0.0, LEAST)):
        flushed.clear()
        now[0] += seconds
        loop.turn()
        assert len(flushed) == count
    loop.busy = False
    flushed.clear()
    loop.turn()
    assert len(flushed) == SLICE


def test_who_sent_something_need_not_wait_where_it_stands_already(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox stands behind a crowd; what it is told as an answer brings it forward, with all that was before."""
    flushed: list[Noted] = []
    flusher = Flusher()
    monkeypatch.setattr(outbox_module, "flusher", flusher)
    flusher.mark_all([Noted(flushed) for _ in range(2 * SLICE)])  # type: ignore[misc]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(ours, pytest.fail)
        outbox.write(b"news, ")
        outbox.awaited = True
        outbox.write(b"and an answer")
        loop.turn()
        assert theirs.recv(100) == b"news, and an answer"
        assert len(flushed) == SLICE - 1
        while loop.turn():
            pass
        assert len(flushed) == 2 * SLICE
