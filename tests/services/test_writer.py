"""What is written together: requests that follow each other closely wait a moment for the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import runtime
from services import writer as module
from services.marks import Mark
from services.writer import FEW, GATHER_SECONDS, LONELY, Writer


class Watched(Writer):
    """One that notes its pauses and batches, and stores nothing; what `comes` is submitted in the next pause."""

    def __init__(self) -> None:
        super().__init__()
        self._strangers = 0
        self.pauses: list[float] = []
        self.batches: list[int] = []
        self.comes: int | list[str] = 0

    def pause(self, seconds: float) -> None:
        """In the place of `runtime.sleep`."""
        self.pauses.append(seconds)
        coming, self.comes = self.comes, 0
        for name in coming if isinstance(coming, list) else ["" for _ in range(coming)]:
            self.say(name)

    def say(self, name: str = "") -> None:
        """Somebody, nobody twice unless they have a name, has something to be written."""
        self._strangers += 1
        self.submit(Mark(name or f"stranger-{self._strangers}", "conversation", 1, 1), lambda _: None)

    def _commit(self, requests: Sequence[Any], _committed: list[Any]) -> Sequence[None]:
        self.batches.append(len(requests))
        return [None] * len(requests)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """One whose every step is done when `say` returns, and to which a gap of a minute is none."""
    watched = Watched()
    monkeypatch.setattr(runtime, "sleep", watched.pause)
    monkeypatch.setattr(runtime, "spawn", lambda function, *given: function(*given))
    monkeypatch.setattr(module, "GAP_SECONDS", 60.0)
    return watched


def test_small_batches_that_follow_each_other_are_gathered_for(watched: Watched) -> None:
    watched.say()
    for _ in range(3):
        watched.comes = 1
        watched.say()
    assert watched.pauses == [0.0, *[GATHER_SECONDS] * 3]
    assert watched.batches == [1, 2, 2, 2]


def test_after_a_large_batch_or_a_gap_nobody_waits(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.comes = FEW
    watched.say()
    watched.say()
    assert watched.batches == [FEW + 1, 1]
    monkeypatch.setattr(module, "GAP_SECONDS", 0.0)
    watched.say()
    assert watched.pauses == [0.0] * 3


def test_a_client_that_waits_for_each_answer_waits_once_in_a_while(watched: Watched) -> None:
    for _ in range(LONELY + 4):
        watched.say()
    assert watched.pauses == [0.0, GATHER_SECONDS, *[0.0] * LONELY, GATHER_SECONDS, 0.0]


def test_so_do_a_few_clients_that_all_do(watched: Watched) -> None:
    for _ in range(LONELY + 4):
        watched.comes = ["anna", "ben"]
        watched.say("carl")
    assert watched.batches == [3] * (LONELY + 4)
    assert watched.pauses == [0.0, GATHER_SECONDS, *[0.0] * LONELY, GATHER_SECONDS, 0.0]


def test_nothing_is_gathered_for_on_a_busy_loop(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes meanwhile is gathered there anyway."""
    monkeypatch.setattr(runtime, "others_wait", lambda: True)
    watched.say()
    watched.say()
    assert watched.pauses == [0.0, 0.0]
