"""What was sent to each room lately, so that a client that was away for a moment can be told what it missed.

Emissions are numbered. Each is kept once, however many rooms it was for, and each room knows the numbers of its own, so
that what one client missed is found without walking through what others were sent.
"""

from __future__ import annotations

import secrets
import string
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter

import runtime
from engine.blocks import Block, Crowd, Group, Payload, Room, size_of, weight_of

TAG_LETTERS = 6
"""Letters before the number in an offset, so that one of another process is not taken for ours."""

ENTRY_BYTES, ROOM_BYTES = 120, 200
"""What an emission takes besides its payload, and a room that has any (measured)."""

TARGET_BYTES, CROWD_TARGET_BYTES = 30, 160
"""What each of several rooms takes that an emission was for, and each of very many, its name included."""

CROWD = 256
"""An emission to more rooms than this is kept once for all of them, and looked for by everybody who comes back."""

STAYS = 100
"""Rooms that a client left lately, and whose emissions until then it can still be told; one that leaves more often and
loses its connection may have to begin anew."""

BLOCK, BLOCKS = 512, 64
"""Rooms at which a block is closed, each as often as it was sent something: to forget it takes 0.1 to 0.5 ms. And into
how many blocks the memory goes at least."""


class History:
    """The last emissions of a namespace, `limit` bytes at most; the oldest are forgotten first."""

    def __init__(self, limit: int) -> None:
        self.tag = "".join(secrets.choice(string.ascii_letters) for _ in range(TAG_LETTERS))
        self.number = 0
        self._limit = limit
        self._bytes = 0
        self._blocks: deque[Block] = deque([Block(0)])
        self._numbers: dict[Room, list[int]] = {}
        self._crowds: deque[Crowd] = deque()
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
        number, block = self.number, self._blocks[-1]
        if isinstance(target, list):
            size = self._note_several(target, block)
        else:
            numbers = self._numbers.get(target)
            if numbers is None:
                numbers = self._room(target)
            numbers.append(number)
            block.rooms.append(target)
            size = ENTRY_BYTES
        payloads = block.payloads
        if len(payloads) < number - block.before - 1:  # numbers that nothing was kept for
            payloads += [None] * (number - block.before - 1 - len(payloads))
        payloads.append(payload)
        if skipped:
            block.skipped[number] = skipped
        block.bytes += size + (len(payload) if type(payload) is bytes else weight_of(payload))  # nearly all are
        if len(block.rooms) >= BLOCK or block.bytes * BLOCKS > self._limit:
            self._close_block()

    def _note_several(self, targets: list[str], block: Block) -> int:
        """Let several rooms know of it; returns the bytes that this takes."""
        if len(targets) > CROWD:
            crowd = Crowd(self.number, frozenset(targets))
            self._crowds.append(crowd)
            return ENTRY_BYTES + CROWD_TARGET_BYTES * len(crowd.rooms)
        known = self._numbers
        for one in targets:
            (known[one] if one in known else self._room(one)).append(self.number)
        block.rooms += targets
        return ENTRY_BYTES + TARGET_BYTES * len(targets)

    def _room(self, room: Room) -> list[int]:
        self._bytes += ROOM_BYTES
        numbers = self._numbers[room] = []
        return numbers

    def _close_block(self) -> None:
        """Begin a new block; forget the oldest where there is no memory for it."""
        block = self._blocks[-1]
        self._bytes += block.bytes
        self._blocks.append(Block(block.last))
        while self._bytes > self._limit - self._limit // BLOCKS and len(self._blocks) > 1:
            self._forget()

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
        size, end = 0, max(known, self._old)
        for emission in reversed(self._numbers.get(room, ())):
            if emission <= end or size > limit:
                break
            for number, payload in self._events(emission, sid, known):
                if number <= left:
                    found[number] = payload
                    size += size_of(payload)
        return size <= limit and self._floor(room) <= known

    def _events(self, emission: int, sid: str, known: int) -> list[tuple[int, Payload]]:
        """See `Block.events`."""
        place = bisect_right(self._blocks, emission - 1, key=attrgetter("before")) - 1
        return self._blocks[place].events(emission, sid, known)

    def last(self, sid: str, rooms: Mapping[Room, int]) -> int:
        """The newest emission that is known to have been for a client; 0 where it has surely had all there were."""
        newest = self._crowd_floor if self._crowd_floor > min(rooms.values(), default=0) else 0
        for crowd in self._young_crowds(0):
            if events := self._events(crowd.number, sid, crowd.since(rooms)):
                newest = max(newest, events[-1][0])
                break
        for room, entered in rooms.items():
            for emission in reversed(self._numbers.get(room, ())):
                if emission <= max(newest, entered, self._old):
                    break
                if events := self._events(emission, sid, max(newest, entered)):
                    newest = events[-1][0]
                    break
            newest = max(newest, floor if (floor := self._floor(room)) > entered else 0)
        return newest

    def _add_crowds(self, found: dict[int, Payload], sid: str, rooms: Mapping[Room, int], number: int) -> bool:
        """Those that went to very many rooms; returns whether none of them has been forgotten."""
        if self._crowd_floor > max(number, min(rooms.values(), default=0)):
            return False
        for crowd in self._young_crowds(number):
            found.update(self._events(crowd.number, sid, max(number, crowd.since(rooms))))
        return True

    def _young_crowds(self, number: int) -> Iterator[Crowd]:
        """Those after this number, the newest first."""
        for crowd in reversed(self._crowds):
            if crowd.number <= max(number, self._old):
                return
            yield crowd

    def _floor(self, room: Room) -> int:
        """The newest emission to the room that had to be forgotten although somebody may want it yet."""
        return max(self._floors[0].get(room, 0), self._floors[1].get(room, 0))

    def _forget(self) -> None:
        """Forget the oldest block, and that there was something for those who may want it yet."""
        block, floors = self._blocks.popleft(), self._floors[0]
        self._bytes -= block.bytes
        while self._crowds and self._crowds[0].number <= block.last:
            forgotten = self._crowds.popleft()
            if forgotten.number > self._old:
                self._crowd_floor = forgotten.number
        for room in set(block.rooms):
            numbers = self._numbers[room]
            count = bisect_right(numbers, block.last)
            if (newest := numbers[count - 1]) > self._old:
                floors[room] = newest
            if count < len(numbers):
                del numbers[:count]
            else:
                del self._numbers[room]
                self._bytes -= ROOM_BYTES

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
        if self._blocks[-1].payloads and self._blocks[-1].last <= self._old:
            self._close_block()
        while self._blocks[0].last <= self._old and len(self._blocks) > 1:
            self._forget()
            runtime.sleep(0)
