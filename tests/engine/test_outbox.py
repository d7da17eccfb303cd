"""What waits for a socket, by itself."""

from __future__ import annotations

import socket

import pytest

from engine import outbox as outbox_module
from engine.outbox import Outbox, blocked
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
