"""The line of what waits to be written: batches beside each other share nothing, and nobody is overtaken."""

from __future__ import annotations

from services.line import BATCH, Line, Waiting
from services.marks import Mark
from services.sending import Draft


def draft(user: str, conversation: str, text: str) -> Waiting:
    """A message that waits."""
    request = Draft(user, conversation, text, None, None, None, (), None)
    return Waiting(request, lambda _: None)


def mark(user: str, conversation: str) -> Waiting:
    """A receipt that waits."""
    return Waiting(Mark(user, conversation, 1, 1), lambda _: None)


def texts(batch: list[Waiting]) -> list[str]:
    """What the batch's messages say."""
    return [one.request.content if isinstance(one.request, Draft) else "mark" for one in batch]


def line_of(*waiting: Waiting) -> Line:
    """These, in this order."""
    line = Line()
    for one in waiting:
        line.add(one)
    return line


def test_batches_alone_are_simply_the_first() -> None:
    line = line_of(*(draft("a", "x", str(number)) for number in range(BATCH + 3)))
    assert texts(line.take(alone=True)) == [str(number) for number in range(BATCH)]
    assert texts(line.take(alone=True)) == [str(number) for number in range(BATCH, BATCH + 3)]


def test_a_second_batch_leaves_out_what_the_first_one_is_about() -> None:
    line = line_of(draft("a", "x", "1"))
    first = line.take(alone=False)
    for waiting in (draft("b", "x", "2"), draft("a", "y", "3"), draft("c", "z", "4"), mark("d", "x")):
        line.add(waiting)
    assert texts(line.take(alone=False)) == ["4"]
    line.done(first)
    assert texts(line.take(alone=False)) == ["2", "3", "mark"]


def test_who_waits_for_somebody_who_waits_is_not_served_first() -> None:
    line = line_of(draft("a", "x", "1"))
    first = line.take(alone=False)
    for waiting in (draft("b", "x", "2"), draft("b", "y", "3"), draft("c", "y", "4"), draft("d", "z", "5")):
        line.add(waiting)
    assert texts(line.take(alone=False)) == ["5"], "3 comes after 2, and 4 after 3"
    line.done(first)
    assert texts(line.take(alone=False)) == ["2", "3", "4"]


def test_nothing_is_lost() -> None:
    line = line_of(*(draft(f"u{number % 7}", f"c{number % 5}", str(number)) for number in range(1000)))
    taken: list[str] = []
    under_way: list[list[Waiting]] = []
    while len(line) or under_way:
        batch = line.take(alone=False)
        taken += texts(batch)
        if batch:
            under_way.append(batch)
        if not batch or len(under_way) == 2:
            line.done(under_way.pop(0))
    assert sorted(taken, key=int) == [str(number) for number in range(1000)]
    for user in range(7):
        mine = [one for one in taken if int(one) % 7 == user]
        assert mine == sorted(mine, key=int)
