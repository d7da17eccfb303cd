"""The two lowest watermarks are enough for every message's status: against a model that looks at everybody."""

from __future__ import annotations

import random

import pytest

from realtime.watermarks import NOBODY, Watermarks, lowest


@pytest.mark.parametrize("seed", range(50))
def test_a_status_is_the_least_over_all_but_the_sender(seed: int) -> None:
    rng = random.Random(seed)
    people = [f"user-{number}" for number in range(rng.randint(1, 7))]
    delivered = {user: rng.randint(0, 6) for user in people}
    read = {user: rng.randint(0, at) for user, at in delivered.items()}
    marks = Watermarks(lowest(delivered), lowest(read))
    for sender in [*people, "who-left"]:
        others = [user for user in people if user != sender]
        for seq in range(1, 8):
            if others and all(read[user] >= seq for user in others):
                expected = "read"
            elif others and all(delivered[user] >= seq for user in others):
                expected = "delivered"
            else:
                expected = "sent"
            assert marks.status(sender, seq) == expected, (sender, seq, delivered, read)


def test_the_lowest_without_its_owner_is_the_next() -> None:
    found = lowest({"a": 3, "b": 1, "c": 2})
    assert (found.without("a"), found.without("b"), found.without("c"), found.without("d")) == (1, 2, 1, 1)


def test_equal_marks_stand_for_each_other() -> None:
    found = lowest({"a": 2, "b": 2, "c": 5})
    assert found.without("a") == found.without("b") == 2


def test_with_nobody_to_wait_for_nothing_is_delivered() -> None:
    assert lowest({}).without("a") == NOBODY
    alone = lowest({"a": 4})
    assert (alone.without("a"), alone.without("b")) == (NOBODY, 4)
    assert Watermarks(alone, alone).status("a", 1) == "sent"
