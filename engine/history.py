"""What was sent to each room lately, so that a client that was away for a moment can be told what it missed.

Emissions are numbered. Each is kept once, however many rooms it was for, and by its rooms, so that what one client
missed is found without walking through what others were sent.
"""

from __future__ import annotations

import secrets
import string
from collections import deque
from collections.abc import Collection, Mapping

import runtime
from engine.rings import Entry, Group, Payload, Ring, Room, events_for, since, size_of, weight_of

TAG_LETTERS = 6
"""Letters before the number in an offset, so that one of another process is not taken for ours."""

ENTRY_BYTES, RING_BYTES = 280, 280
"""What an emission takes besides its payload, and a room that has any (measured)."""

TARGET_BYTES, CROWD_TARGET_BYTES = 20, 160
"""What each of several rooms takes that an emission was for, and each of very many, its name included."""

CROWD = 256
"""An emission to more rooms than this is kept once for all of them, and looked for by everybody who comes back."""

STAYS = 100
"""Rooms that a client left lately, and whose emissions until then it can still be told; one that leaves more often and
loses its connection may have to begin anew."""

SLICE = 500
"""Emissions that are forgotten at once: about 0.5 ms."""


class History:
    """The last emissions of a namespace, `limit` bytes at most; the oldest are forgotten first."""

    def __init__(self, limit: int) -> None:
        self.tag = "".join(secrets.choice(string.ascii_letters) for _ in range(TAG_LETTERS))
        self.number = 0
        self._limit = limit
        self._bytes = 0
        self._order: deque[Entry] = deque()
        self._rings: dict[Room, Ring] = {}
        self._crowds: deque[Entry] = deque()
        self._floors: tuple[dict[Room, int], dict[Room, int]] = ({}, {})
        self._crowd_floor = 0
        self._stays: dict[str, list[tuple[str, int, int]]] = {}
        self._forgotten_stays: dict[str, int] = {}
        self._marks: deque[tuple[float, int]] = deque()
        self._old = 0
        self._turned_at = 0.0

    def stamp(self) -> str:
        """The number of the next emission, as its offset."""
        self.number = number = self.number + 1
        return f"{self.tag}{number}"

    def stamped(self, packet: bytes) -> bytes:
        """An event, as it was encoded, with the offset of the next emission as a last argument."""
        return b'%b,"%b"]' % (packet[:-1], self.stamp().encode())

    def number_of(self, offset: object) -> int | None:
        """The number in an offset of ours; None for anything else."""
        if not isinstance(offset, str) or not offset.startswith(self.tag):
            return None
        digits = offset[TAG_LETTERS:]
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            return None
        number = int(digits)
        return number if number <= self.number else None

    def keep(self, payload: Payload | Group, target: Room | list[str], skipped: Collection[str] = ()) -> None:
        """Remember what was sent under the last number, or a group under the last ones."""
        if isinstance(target, list):
            entry: Entry = self._keep_for_several(payload, target, skipped)
        else:
            ring = self._rings.get(target)
            if ring is None:
                ring = self._ring(target)
            entry = (self.number, payload, ring, skipped)
            ring.append(entry)
        self._order.append(entry)
        self._bytes += ENTRY_BYTES + weight_of(payload)
        if self._bytes > self._limit:
            self._make_room()

    def _keep_for_several(self, payload: Payload | Group, targets: list[str], skipped: Collection[str]) -> Entry:
        if len(targets) > CROWD:
            crowd = frozenset(targets)
            self._bytes += CROWD_TARGET_BYTES * len(crowd)
            self._crowds.append((self.number, payload, crowd, skipped))
            return self._crowds[-1]
        known = self._rings
        rings = tuple([known[one] if one in known else self._ring(one) for one in targets])
        entry: Entry = (self.number, payload, rings, skipped)
        self._bytes += TARGET_BYTES * len(rings)
        for ring in rings:
            ring.append(entry)
        return entry

    def _ring(self, room: Room) -> Ring:
        ring = self._rings[room] = Ring(room)
        self._bytes += RING_BYTES
        return ring

    def note_stay(self, sid: str, room: str, entered: int) -> None:
        """A client leaves a room: what was sent there until now is for it."""
        if self.number > entered:
            stays = [stay for stay in self._stays.get(sid, ()) if stay[2] > self._old]
            stays.append((room, entered, self.number))
            self._stays[sid] = stays
            if len(stays) > STAYS:
                self._forgotten_stays[sid] = stays.pop(0)[2]

    def forget_stays(self, sid: str) -> None:
        """The client is gone for good."""
        self._stays.pop(sid, None)
        self._forgotten_stays.pop(sid, None)

    def missed(self, sid: str, rooms: Mapping[Room, int], number: int, limit: int) -> list[Payload] | None:
        """What a client that knows everything up to `number` was not told, in order.

        `rooms` are those that it is in, each with the emission after which it entered. None where some of it has been
        forgotten, or where it is more than `limit` bytes.
        """
        if self._forgotten_stays.get(sid, 0) > number:
            return None
        found: dict[int, Payload] = {}
        stays = [(room, entered, self.number) for room, entered in rooms.items()]
        for room, entered, left in [*stays, *self._stays.get(sid, ())]:
            known = max(number, entered)
            if left > known and not self._add(found, sid, room, known, left, limit):
                return None
        if not self._add_crowds(found, sid, rooms, number) or sum(map(size_of, found.values())) > limit:
            return None
        return [found[one] for one in sorted(found)]

    def _add(self, found: dict[int, Payload], sid: str, room: Room, known: int, left: int, limit: int) -> bool:
        """What a room was sent after `known`, until `left`; returns whether that is all there, and not too much."""
        size = 0
        for entry in reversed(self._rings.get(room, ())):
            if entry[0] <= known or size > limit:
                break
            for number, payload in events_for(entry, sid, known):
                if number <= left:
                    found[number] = payload
                    size += size_of(payload)
        return size <= limit and self._floor(room) <= known

    def last(self, sid: str, rooms: Mapping[Room, int]) -> int:
        """The newest emission that is known to have been for a client; 0 where it has surely had all there were."""
        newest = self._crowd_floor if self._crowd_floor > min(rooms.values(), default=0) else 0
        for entry in reversed(self._crowds):
            if events := events_for(entry, sid, since(entry, rooms)):
                newest = max(newest, events[-1][0])
                break
        for room, entered in rooms.items():
            for entry in reversed(self._rings.get(room, ())):
                if entry[0] <= max(newest, entered):
                    break
                if events := events_for(entry, sid, max(newest, entered)):
                    newest = events[-1][0]
                    break
            newest = max(newest, floor if (floor := self._floor(room)) > entered else 0)
        return newest

    def _add_crowds(self, found: dict[int, Payload], sid: str, rooms: Mapping[Room, int], number: int) -> bool:
        """Those that went to very many rooms; returns whether none of them has been forgotten."""
        if self._crowd_floor > max(number, min(rooms.values(), default=0)):
            return False
        for entry in reversed(self._crowds):
            if entry[0] <= number:
                break
            found.update(events_for(entry, sid, max(number, since(entry, rooms))))
        return True

    def _floor(self, room: Room) -> int:
        """The newest emission to the room that had to be forgotten although somebody may want it yet."""
        return max(self._floors[0].get(room, 0), self._floors[1].get(room, 0))

    def _make_room(self) -> None:
        """Forget the oldest, and that there was something."""
        least = min(self._limit, self._bytes - self._limit // 64)
        floors = self._floors[0]
        while self._order and self._bytes > least:
            number, _, target, _ = self._forget()
            if isinstance(target, Ring):
                floors[target.room] = number
            elif isinstance(target, tuple):
                floors.update((ring.room, number) for ring in target)
            else:
                self._crowd_floor = number

    def _forget(self) -> Entry:
        """Forget the oldest emission."""
        entry = self._order.popleft()
        _, payload, target, _ = entry
        self._bytes -= ENTRY_BYTES + weight_of(payload)
        if isinstance(target, Ring):
            self._shorten(target)
        elif isinstance(target, tuple):
            self._bytes -= TARGET_BYTES * len(target)
            for ring in target:
                self._shorten(ring)
        else:
            self._bytes -= CROWD_TARGET_BYTES * len(target)
            self._crowds.popleft()
        return entry

    def _shorten(self, ring: Ring) -> None:
        if not ring.forget_oldest():
            del self._rings[ring.room]
            self._bytes -= RING_BYTES

    def sweep(self, now: float, seconds: float) -> None:
        """Forget what is older than `seconds`: nobody can want it any longer. To be called about once a second.

        It pauses, so that a million emissions hold nobody up.
        """
        self._marks.append((now, self.number))
        while self._marks and self._marks[0][0] <= now - seconds:
            self._old = self._marks.popleft()[1]
        if now - self._turned_at > seconds:
            self._turned_at = now
            self._floors = ({}, self._floors[0])
        while self._order and self._order[0][0] <= self._old:
            for _ in range(SLICE):
                if not self._order or self._order[0][0] > self._old:
                    break
                self._forget()
            runtime.sleep(0)
