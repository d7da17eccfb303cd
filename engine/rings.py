"""Emissions as the history keeps them, and the ring of each room: what it was sent, oldest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

EVENT_BYTES = 120
"""What each event of a group takes besides its payload (measured)."""

Room = str | None
"""`None` is everybody."""

Payload = bytes | tuple[str | bytes, ...]
"""An event as it was encoded: an Engine.IO message, or the parts of one with binary data."""


class Group(NamedTuple):
    """Events that were sent together, each with the sids that it was not for; numbered one after the other."""

    payloads: Sequence[bytes]
    skipped: Sequence[Collection[str]]


Entry = tuple[int, Payload | Group, "Ring | tuple[Ring, ...] | frozenset[str]", Collection[str]]
"""An emission: its number, what was sent, to which room, rooms or crowd of them, and to which sids not. A group has the
number of its last event."""

NOTHING: Entry = (0, b"", frozenset(), ())
"""In the place of one that was forgotten: older than any."""

SHORT = 32
"""Places of forgotten emissions that a room keeps, before it lets go of them where they are half of all."""


class Ring(list[Entry]):
    """What a room was sent, oldest first; from `start` on it is remembered yet.

    Most rooms have one or two emissions, which a deque would keep a page for.
    """

    __slots__ = ("room", "start")

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.room = room
        self.start = 0

    def forget_oldest(self) -> bool:
        """Forget the oldest; returns whether there is another."""
        self[self.start] = NOTHING
        self.start += 1
        if self.start > SHORT and 2 * self.start > len(self):
            del self[: self.start]
            self.start = 0
        return self.start < len(self)


def size_of(payload: Payload) -> int:
    """The bytes of an event on its way."""
    return len(payload) if isinstance(payload, bytes) else sum(map(len, payload))


def weight_of(payload: Payload | Group) -> int:
    """The bytes that an emission takes for what it says."""
    if type(payload) is bytes:  # as nearly all are
        return len(payload)
    if isinstance(payload, Group):
        return sum(map(len, payload.payloads)) + EVENT_BYTES * len(payload.payloads)
    return size_of(payload)


def events_for(entry: Entry, sid: str, known: int) -> list[tuple[int, Payload]]:
    """The events of an emission after `known` that were for a client, each with its number; oldest first."""
    last, payload, _, skipped = entry
    if not isinstance(payload, Group):
        return [(last, payload)] if last > known and sid not in skipped else []
    numbers = range(last - len(payload.payloads) + 1, last + 1)
    events = zip(numbers, *payload, strict=True)
    return [(number, one) for number, one, without in events if number > known and sid not in without]


def since(entry: Entry, rooms: Mapping[Room, int]) -> int:
    """After which number a crowd's emission is for a client that is in these rooms: since it entered one of them."""
    number, _, crowd, _ = entry
    assert isinstance(crowd, frozenset)
    return min((entered for room, entered in rooms.items() if room in crowd), default=number)
