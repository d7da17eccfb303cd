"""What is kept of what was sent: numbered, found by rooms, bounded in bytes and by age."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from engine.blocks import Group
from engine.history import CROWD, STAYS, History

HERE = {None: 0, "me": 0, "room": 0}
PLENTY = 1_000_000


def send(history: History, target: str | list[str] | None, *skipped: str, size: int = 10) -> int:
    """Send something to a room, to several, or to all; its number."""
    history.stamp()
    history.keep(b"%0*d" % (size, history.number), target, skipped)
    return history.number


def send_group(history: History, targets: list[str], *skipped: tuple[str, ...], size: int = 10) -> list[int]:
    """Send events together, each but to these sids; their numbers."""
    numbers = [history.number + place for place in range(1, len(skipped) + 1)]
    history.number = numbers[-1]
    history.keep(Group([b"%0*d" % (size, number) for number in numbers], skipped), targets)
    return numbers


def missed(history: History, rooms: dict[str | None, int], number: int = 0, limit: int = PLENTY) -> list[int] | None:
    """The numbers of what `me` missed."""
    found = history.missed("me", rooms, number, limit)
    return None if found is None else [int(one) for one in found if isinstance(one, bytes)]


def test_each_event_once_and_in_order_whatever_rooms_it_was_for() -> None:
    history = History(PLENTY)
    mine = [send(history, target) for target in ("room", "me", ["room", "other"], None, ["me", "room"], "room")]
    send(history, "other")
    send(history, ["other", "another"])
    assert missed(history, HERE) == mine
    assert missed(history, HERE, mine[2]) == mine[3:]
    assert missed(history, HERE, history.number) == []


def test_who_was_left_out_has_missed_nothing() -> None:
    history = History(PLENTY)
    send(history, "room", "me")
    send(history, ["room", "other"], "someone", "me")
    assert missed(history, HERE) == []
    assert missed(history, HERE) is not None


def test_only_from_entering_a_room_until_leaving_it() -> None:
    history = History(PLENTY)
    send(history, "room")
    entered = history.number
    inside = [send(history, "room"), send(history, "room")]
    assert missed(history, {None: 0, "me": 0, "room": entered}) == inside
    history.note_stay("me", "room", entered)
    send(history, "room")
    assert missed(history, {None: 0, "me": 0}) == inside
    again = history.number
    later = send(history, "room")
    assert missed(history, {None: 0, "me": 0, "room": again}, inside[0]) == [inside[1], later]
    history.forget_stays("me")
    assert missed(history, {None: 0, "me": 0}) == []


def test_who_left_very_many_rooms_begins_anew() -> None:
    history = History(PLENTY)
    for number in range(STAYS + 5):
        send(history, f"room {number}")
        history.note_stay("me", f"room {number}", number)
    assert missed(history, {None: 0, "me": 0}) is None
    assert missed(history, {None: 0, "me": 0}, 5) == list(range(6, STAYS + 6))


def test_what_went_to_a_crowd_is_kept_once() -> None:
    history = History(PLENTY)
    everybody = [f"user {number}" for number in range(CROWD + 1)]
    first = send(history, ["room", *everybody])
    second = send(history, "room")
    send(history, everybody)
    third = send(history, [*everybody, "me"])
    assert missed(history, HERE) == [first, second, third]
    assert missed(history, HERE, first) == [second, third]
    assert history.last("me", HERE) == third


def test_the_oldest_is_forgotten_first_and_whoever_missed_it_knows() -> None:
    history = History(100_000)
    quiet = send(history, "quiet")
    first = send(history, "room")
    while missed(history, {"me": 0, "room": 0}) is not None:
        send(history, "room", size=1000)
    assert missed(history, {"me": 0, "quiet": 0}) is None
    assert missed(history, {"me": 0, "quiet": quiet}, quiet) == []
    assert missed(history, {"me": 0, "room": 0}, first) is not None or first < history.number
    assert missed(history, {"me": 0, "room": 0}, history.number) == []


def test_the_newest_that_was_for_a_client() -> None:
    history = History(20_000)
    rooms: dict[str | None, int] = {None: 0, "me": 0, "room": 0}
    assert history.last("me", rooms) == 0
    send(history, "other")
    mine = send(history, "me")
    send(history, "room", "me")
    assert history.last("me", rooms) == mine
    before = send(history, "late")
    assert history.last("me", {**rooms, "late": before}) == mine
    second = send(history, ["other", "room"])
    assert history.last("me", rooms) == second
    for _ in range(40):
        send(history, "other", size=1000)
    assert history.last("me", rooms) == second
    assert history.last("me", {None: second, "me": second, "room": second}) == 0


def test_too_much_for_one_client() -> None:
    history = History(PLENTY)
    for _ in range(10):
        send(history, "room", size=1000)
    assert missed(history, HERE, limit=9_999) is None
    assert missed(history, HERE, 1, limit=9_000) == list(range(2, 11))


@pytest.mark.parametrize("offset", [None, 7, "", "x", "ABCDEF1", "\uff11", [], {}])
def test_an_offset_that_is_none_of_ours(offset: object) -> None:
    history = History(PLENTY)
    assert history.number_of(offset) is None


def test_an_offset_of_ours() -> None:
    history = History(PLENTY)
    first, second = history.stamp(), history.stamp()
    assert (history.number_of(first), history.number_of(second)) == (1, 2)
    assert history.number_of(f"{history.tag}3") is None
    assert history.number_of(f"{history.tag}-1") is None
    assert history.number_of(f"{history.tag}{'9' * 5000}") is None


def test_what_is_old_is_forgotten_and_nobody_begins_anew_for_it() -> None:
    history = History(PLENTY)
    send(history, "room")
    history.sweep(0, 100)
    young = send(history, "room")
    history.sweep(99, 100)
    assert missed(history, HERE) == [1, young]
    history.sweep(101, 100)
    assert missed(history, HERE) == [young]
    history.sweep(300, 100)
    assert missed(history, HERE) == []
    assert history.last("me", HERE) == 0


def test_what_is_old_leaves_no_floor_where_memory_is_needed_before_its_block_is_old() -> None:
    history = History(100_000)
    mine = send(history, "quiet")
    send(history, "quiet", "me")
    history.sweep(0, 100)
    send(history, "other")
    history.sweep(101, 100)
    for _ in range(200):
        send(history, "other", size=1000)
    assert missed(history, {None: 0, "me": 0, "quiet": 0}, mine) == []
    assert history.last("me", {None: 0, "me": 0, "quiet": 0}) == 0


def test_of_a_long_room_the_newest_are_kept_in_order() -> None:
    history = History(30_000)
    for _ in range(500):
        send(history, "room")
        newest = history.number
        assert missed(history, HERE, max(0, newest - 50)) == list(range(max(1, newest - 49), newest + 1))
    assert missed(history, HERE) is None


def test_a_group_for_the_same_rooms_after_they_were_forgotten() -> None:
    history, several = History(PLENTY), ["room", "other"]
    assert missed(history, HERE) == []
    first, second = send(history, several), send(history, several)
    assert missed(history, HERE) == [first, second]
    history.sweep(0, 1)
    history.sweep(2, 1)
    assert missed(history, HERE) == []
    third, fourth = send(history, several), send(history, several)
    assert missed(history, HERE) == [third, fourth]


@pytest.mark.parametrize("targets", [["room", "other"], ["room", *(f"room {number}" for number in range(CROWD))]])
def test_of_a_group_each_event_is_for_whom_it_was_for(targets: list[str]) -> None:
    history = History(PLENTY)
    before = send(history, "room")
    first, second, third = send_group(history, targets, ("someone",), ("me",), ())
    assert missed(history, HERE) == [before, first, third]
    assert missed(history, HERE, first) == missed(history, HERE, second) == [third]
    assert history.last("me", HERE) == third
    assert history.last("me", {None: third, "me": third, "room": third}) == 0
    assert missed(history, {None: 0, "me": 0, "room": second}) == [third]
    history.sweep(0, 1)
    history.sweep(2, 1)
    assert missed(history, HERE) == []


def test_a_group_in_a_room_that_was_left() -> None:
    history = History(PLENTY)
    first, second = send_group(history, ["room", "other"], (), ("me",))
    history.note_stay("me", "room", 0)
    send_group(history, ["room", "other"], (), ())
    assert missed(history, {None: 0, "me": 0}) == [first]
    assert missed(history, {None: 0, "me": 0}, second) == []


def test_a_group_that_had_to_be_forgotten() -> None:
    history = History(20_000)
    numbers = send_group(history, ["room", "other"], (), ())
    while missed(history, HERE) is not None:
        send(history, "another", size=1000)
    assert missed(history, HERE, numbers[0]) is None
    assert missed(history, HERE, numbers[1]) == []


def test_it_stays_within_its_memory() -> None:
    """Whatever it is given: many rooms, few, several at once, small and large."""
    rng, limit = random.Random(1), 2_000_000
    history = History(limit)
    tracemalloc.start()
    try:
        before, seen = tracemalloc.get_traced_memory()[0], 0
        for rooms, size in ((8_000, 10), (10, 10), (500, 3000), (5_000, 300)):
            for _ in range(4_000):
                several = [f"r{rng.randrange(rooms)}" for _ in range(rng.choice((1, 1, 1, 5, 40)))]
                if len(several) == 5:
                    send_group(history, several, *[()] * rng.randrange(1, 30), size=size)
                else:
                    send(history, several if len(several) > 1 else several[0], size=size)
            kept = tracemalloc.get_traced_memory()[0] - before
            # Beside it are the floors: a number for each room that was sent more than is kept.
            seen += rooms
            assert kept < 1.1 * limit + 200 * seen, (rooms, size, kept)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("limit", [10**9, 400_000])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_as_if_everything_was_kept_in_one_list(seed: int, limit: int) -> None:
    rng, history = random.Random(seed), History(limit)
    crowd = ["me", "room", *(f"room {number}" for number in range(CROWD))]
    choices: list[str | list[str] | None] = ["room", "me", "room 1", None, ["room", "room 1", "me"], crowd]
    kept: list[tuple[int, list[str | None]]] = []  # what was for me: number, and the rooms that it was for
    complete = 0
    for _ in range(2000):
        target = rng.choices(choices, [9, 9, 9, 9, 9, 1])[0]
        skipped = ("me",) if rng.random() < 0.2 else ()
        if isinstance(target, list) and rng.random() < 0.5:
            numbers = send_group(history, target, skipped, skipped)
        else:
            numbers = [send(history, target, *skipped)]
        kept += [(one, [*target] if isinstance(target, list) else [target]) for one in numbers if not skipped]
        if rng.random() < 0.05:
            history.stamp()  # of one that could not be sent
        rooms: dict[str | None, int] = {one: rng.randrange(history.number + 1) for one in (None, "me", "room")}
        number = rng.randrange(history.number + 1)
        mine = [one for one, to in kept if any(one > rooms.get(room, one) for room in to)]
        found = missed(history, rooms, number, limit)
        if found is not None or limit > PLENTY:
            assert found == [one for one in mine if one > number]
            complete += 1
        if limit > PLENTY:
            assert history.last("me", rooms) == max(mine, default=0)
    assert complete > 300
