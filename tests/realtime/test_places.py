"""Where messages stand is remembered for a while, and read where it is not."""

from __future__ import annotations

import pytest

from models import store
from realtime import places as module
from realtime.places import Places


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """A database in which every id of digits is a message with that `seq`; what it was asked for."""
    calls: list[tuple[object, ...]] = []

    def rows(_statement: str, *ids: str) -> list[tuple[str, str, int]]:
        calls.append(ids)
        return [(one, "read", int(one)) for one in ids if one.isdigit()]

    monkeypatch.setattr(store, "rows", rows)
    monkeypatch.setattr(module, "GENERATION", 4)
    monkeypatch.setattr(module, "ROW", 6)
    return calls


def test_what_was_noted_is_not_asked_for(asked: list[tuple[object, ...]]) -> None:
    places = Places()
    for seq in range(1, 4):
        places.note(str(seq), "noted", seq)
    assert sorted(places.of(["1", "3"])) == [("noted", 1), ("noted", 3)]
    places.note("4", "noted", 4)
    assert places.of(["4"]) == [("noted", 4)]
    assert asked == []


def test_what_is_unknown_is_read_once_and_what_does_not_exist_is_left_out(asked: list[tuple[object, ...]]) -> None:
    places = Places()
    places.note("1", "noted", 1)
    assert sorted(places.of(["1", "7", "none"])) == [("noted", 1), ("read", 7)]
    assert asked == [("7", "none")]
    assert places.of(["7"]) == [("read", 7)]
    assert len(asked) == 1


def test_what_two_generations_came_after_is_forgotten(asked: list[tuple[object, ...]]) -> None:
    places = Places()
    for seq in range(1, 13):
        places.note(str(seq), "noted", seq)
        assert places.of([str(seq)]) == [("noted", seq)]
    assert places.of(["5"]) == [("noted", 5)]
    assert asked == []
    assert places.of(["4"]) == [("read", 4)]
    assert asked == [("4",)]


def test_where_nobody_asks_only_the_newest_are_remembered(asked: list[tuple[object, ...]]) -> None:
    places = Places()
    for seq in range(1, 100):
        places.note(str(seq), "noted", seq)
    assert sorted(places.of(["97", "98", "99"])) == [("noted", 97), ("noted", 98), ("noted", 99)]
    assert asked == []
    assert places.of(["90"]) == [("read", 90)]
