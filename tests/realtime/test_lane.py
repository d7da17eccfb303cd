"""How a connection to the relay is tried again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from realtime.bus import lane
from realtime.bus.address import Opened
from realtime.bus.commands import Commands

TRIES = 200
LONGEST = 2.0
"""Seconds (issue 5)."""


def test_the_pauses_between_tries_double_up_to_two_seconds_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == TRIES:
            tried.stop()

    def connect(_name: str) -> Opened:
        raise ConnectionRefusedError

    monkeypatch.setattr(lane, "runtime", SimpleNamespace(sleep=sleep))
    tried = Commands(connect, restored=lambda: None, moved=lambda: None)
    tried._run()
    assert len(pauses) == TRIES
    assert pauses[0] < 0.1, "a server that was only restarted is found at once"
    for number, pause in enumerate(pauses):
        whole = min(LONGEST, 0.05 * 2**number)
        assert whole / 2 <= pause <= whole
    settled = pauses[10:]
    assert max(settled) - min(settled) > LONGEST / 3, "nodes that lost it together do not come back together"
