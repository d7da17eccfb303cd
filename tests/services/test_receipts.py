"""Receipts are gathered: few writes, nothing lost, everybody answered."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from schemas.errors import ChatError, unavailable
from services import receipts
from services.marks import Mark
from services.receipts import CROWD_SECONDS, GATHER_SECONDS, Gatherer


class Written:
    """Stands for the writer: keeps what comes, and answers at once."""

    def __init__(self, outcome: ChatError | None = None) -> None:
        self.marks: list[Mark] = []
        self.outcome = outcome

    def submit(self, mark: Mark, done: Callable[[ChatError | None], None]) -> None:
        """As `Writer.submit`."""
        self.marks.append(mark)
        done(self.outcome)


class Answers:
    """Counts acknowledgements."""

    def __init__(self) -> None:
        self.outcomes: list[ChatError | None] = []
        self._news = threading.Condition()

    def add(self, error: ChatError | None) -> None:
        """One came."""
        with self._news:
            self.outcomes.append(error)
            self._news.notify_all()

    def wait(self, number: int) -> None:
        """Until so many came."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.outcomes) >= number, 10), self.outcomes


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """Nothing reaches a database."""
    fake = Written()
    monkeypatch.setattr(receipts, "writer", fake)
    return fake


def test_a_busy_readers_marks_become_two_writes(written: Written) -> None:
    gatherer, answers = Gatherer(), Answers()
    gatherer.add(Mark("ben", "c", 1, 0), False, answers.add)
    answers.wait(1)
    for seq in range(2, 50):
        gatherer.add(Mark("ben", "c", seq, seq - 1), False, answers.add)
    answers.wait(49)
    assert written.marks == [Mark("ben", "c", 1, 0), Mark("ben", "c", 49, 48)]
    assert answers.outcomes == [None] * 49
    assert GATHER_SECONDS == 0.25


def test_readers_and_conversations_do_not_wait_for_each_other(written: Written) -> None:
    gatherer, answers = Gatherer(), Answers()
    marks = [Mark(user, conversation, 1, 1) for user in ("anna", "ben") for conversation in ("c", "d")]
    for mark in marks:
        gatherer.add(mark, False, answers.add)
    answers.wait(4)
    assert sorted(written.marks, key=repr) == sorted(marks, key=repr)


def test_who_comes_while_others_wait_does_not_wait_with_them(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "GATHER_SECONDS", 60.0)
    gatherer, answers, others = Gatherer(), Answers(), Answers()
    gatherer.add(Mark("ben", "c", 1, 1), False, answers.add)
    answers.wait(1)
    gatherer.add(Mark("ben", "c", 2, 2), False, others.add)
    for number, name in enumerate(("anna", "carl"), start=2):
        gatherer.add(Mark(name, "c", 1, 1), False, answers.add)
        answers.wait(number)
    assert [mark.user_id for mark in written.marks] == ["ben", "anna", "carl"]
    assert others.outcomes == []


def test_a_crowd_is_written_once_a_second(written: Written) -> None:
    gatherer, answers = Gatherer(), Answers()
    gatherer.add(Mark("first", "c", 1, 1), True, answers.add)
    answers.wait(1)
    for number in range(200):
        gatherer.add(Mark(f"user-{number}", "c", 1, 1), True, answers.add)
        gatherer.add(Mark(f"user-{number}", "c", 2, 0), True, answers.add)
    assert len(written.marks) == 1
    answers.wait(401)
    assert written.marks[1:] == [Mark(f"user-{number}", "c", 2, 1) for number in range(200)]
    assert CROWD_SECONDS == 1.0


def test_everybody_hears_that_it_failed(written: Written) -> None:
    written.outcome = unavailable()
    gatherer, answers = Gatherer(), Answers()
    for seq in (1, 2, 3):
        gatherer.add(Mark("ben", "c", seq, 0), False, answers.add)
    answers.wait(3)
    assert {error.code for error in answers.outcomes if error} == {"unavailable"}
    assert len(answers.outcomes) == 3
