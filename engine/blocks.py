"""Emissions as the history keeps them: in blocks, each of which is forgotten whole."""

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


class Block:
    """The emissions that followed `before`, one after the other, in the places of their numbers.

    A group stands in that of its last event; in a place that nothing was kept for is None. `rooms` are those that they
    went to, one by one, `skipped` the sids that they were not for, where there are any, `bytes` what all of it takes.

    Objects of an emission's own would be a tuple to make, to find and to take apart again for each message.
    """

    __slots__ = ("before", "bytes", "payloads", "rooms", "skipped")

    def __init__(self, before: int) -> None:
        self.before = before
        self.payloads: list[Payload | Group | None] = []
        self.rooms: list[Room] = []
        self.skipped: dict[int, Collection[str]] = {}
        self.bytes = 0

    @property
    def last(self) -> int:
        """The number of the newest."""
        return self.before + len(self.payloads)

    def events(self, number: int, sid: str, known: int) -> list[tuple[int, Payload]]:
        """The events of an emission after `known` that were for a client, each with its number; oldest first."""
        payload, skipped = self.payloads[number - self.before - 1], self.skipped.get(number, ())
        assert payload is not None, "it was kept under this number"
        if not isinstance(payload, Group):
            return [(number, payload)] if number > known and sid not in skipped else []
        numbers = range(number - len(payload.payloads) + 1, number + 1)
        events = zip(numbers, *payload, strict=True)
        return [(one, event) for one, event, without in events if one > known and sid not in without]


class Crowd(NamedTuple):
    """The very many rooms of an emission, which is looked for by everybody who comes back."""

    number: int
    rooms: frozenset[str]

    def since(self, rooms: Mapping[Room, int]) -> int:
        """After which number it is for a client that is in these rooms: since it entered one of them."""
        return min((entered for room, entered in rooms.items() if room in self.rooms), default=self.number)


def size_of(payload: Payload) -> int:
    """The bytes of an event on its way."""
    return len(payload) if isinstance(payload, bytes) else sum(map(len, payload))


def weight_of(payload: Payload | Group) -> int:
    """The bytes that an emission takes for what it says."""
    if isinstance(payload, Group):
        return sum(map(len, payload.payloads)) + EVENT_BYTES * len(payload.payloads)
    return size_of(payload)
