"""The transaction that moves watermarks: any number of users' receipts, in any number of conversations, at once.

All moves in one conversation share one rev, and the room is told once of what they made of its messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models import now_ms
from models.clocks import Clock
from models.hot_receipts import HotReceipts, Rise, Risen, Row, Span, Standing, hot_receipts
from realtime.catchup import receipt_event
from realtime.watermarks import NOBODY, Lowest, Watermarks, lowest
from schemas.base import iso
from schemas.errors import ChatError, invalid, not_a_participant
from services.work import Turn, Work

STATUS_EVENTS = 100
"""`message:status` events of one commit in one conversation at most, the newest (protocol.md, promise 5)."""


@dataclass(slots=True)
class Mark:
    """A user has received everything up to `delivered`, and read everything up to `read`."""

    user_id: str
    conversation_id: str
    delivered: int
    read: int

    def and_also(self, other: Mark) -> Mark:
        """Both at once, for the same user and conversation."""
        delivered, read = max(self.delivered, other.delivered), max(self.read, other.read)
        return Mark(self.user_id, self.conversation_id, delivered, read)


@dataclass(slots=True, frozen=True)
class Move:
    """A watermark that rose from `old` to `new`."""

    user_id: str
    old: int
    new: int


def move_all(work: Work, marks: Sequence[Mark]) -> list[ChatError | None]:
    """Raise the watermarks that are below the marks; for each mark its error, or None.

    What is at its mark already is told to nobody.
    """
    statements = hot_receipts(work.transaction)
    clocks = statements.lock(sorted({mark.conversation_id for mark in marks}))
    standings = statements.standings([clock.id for clock in clocks]) if clocks else []
    rooms = {clock.id: _Room(clock, rows) for clock, rows in zip(clocks, standings, strict=True)}
    outcomes: list[ChatError | None] = []
    for mark in marks:
        room = rooms.get(mark.conversation_id)
        outcomes.append(not_a_participant() if room is None else room.take(mark))
    moved = [room for room in rooms.values() if room.moved]
    if moved:
        _store(work, statements, moved)
    return outcomes


class _Room:
    """One conversation's moves, under one rev."""

    def __init__(self, clock: Clock, rows: Sequence[Row]) -> None:
        self.clock = clock
        self.moved: dict[str, Standing] = {}
        self.moves: dict[str, list[Move]] = {"delivered": [], "read": []}
        self._rows = {row[0]: row for row in rows}
        self._marks = {
            "delivered": {user_id: row[1] for user_id, row in self._rows.items()},
            "read": {user_id: row[2] for user_id, row in self._rows.items()},
        }
        self._before = self._watermarks()

    def _watermarks(self) -> Watermarks:
        return Watermarks(lowest(self._marks["delivered"]), lowest(self._marks["read"]))

    def take(self, mark: Mark) -> ChatError | None:
        """Raise a participant's watermarks to the mark, or say why not."""
        if mark.user_id not in self._rows:
            return not_a_participant()
        if max(mark.delivered, mark.read) > self.clock.seq:
            return invalid(seq="is above the newest message")
        for kind, new in (("delivered", max(mark.delivered, mark.read)), ("read", mark.read)):
            old = self._marks[kind][mark.user_id]
            if new > old:
                self._marks[kind][mark.user_id] = new
                self.moves[kind].append(Move(mark.user_id, old, new))
                standing = self.moved.get(mark.user_id)
                if standing is None:
                    standing = self.moved[mark.user_id] = Standing.of(self.clock.id, self._rows[mark.user_id])
                setattr(standing, f"{kind}_seq", new)
        return None

    def settle(self, rev: int) -> list[Standing]:
        """Give those who moved their rev. What is left for them to read is nothing, nearly always: the others."""
        behind = []
        for standing in self.moved.values():
            standing.rev = rev
            if standing.read_seq >= self.clock.seq:
                standing.skipped = standing.mention_count = 0
            elif standing.skipped or standing.mention_count:
                behind.append(standing)
        return behind

    def rises(self) -> list[tuple[str, Rise]]:
        """Which messages have another status now; what is in the later of two has the later one's."""
        before, after = self._before, self._watermarks()
        read = _rise(self.clock.id, before.read, after.read)
        if (before.delivered, after.delivered) == (before.read, after.read):
            return [("read", read)] if read else []
        delivered = _rise(self.clock.id, before.delivered, after.delivered)
        return [(status, rise) for status, rise in (("delivered", delivered), ("read", read)) if rise]

    def tell(self, turn: Turn, found: Sequence[tuple[str, Risen]], now: int) -> None:
        """The events: statuses first, then the watermarks."""
        rose = {seq: (message_id, status) for status, some in found for seq, message_id in some}
        for seq in sorted(rose)[-STATUS_EVENTS:]:
            message_id, status = rose[seq]
            completed_by = [move.user_id for move in self.moves[status] if move.old < seq <= move.new][-1]
            data = {"messageId": message_id, "userId": completed_by, "status": status, f"{status}At": iso(now)}
            turn.event("message:status", data)
        turn.packet.events += [receipt_event(standing) for standing in self.moved.values()]


def _rise(conversation_id: str, before: Lowest, after: Lowest) -> Rise | None:
    """The messages whose least watermark rose, of all participants but each message's sender.

    That least is the same for all senders but the one who holds the lowest watermark; so there are three cases at
    most: the holder before, the holder after, and everybody else.
    """
    first, second = [
        (holder, _span(before.without(holder), after.without(holder)) if holder is not None else (0, 0))
        for holder in (before.owner, after.owner)
    ]
    others = _span(before.first, after.first)
    rose = any(high > low for low, high in (first[1], second[1], others))
    return Rise(conversation_id, first, second, others) if rose else None


def _span(before: int, after: int) -> Span:
    """What was passed; nothing where there is nobody to wait for."""
    return (before, after) if before < after < NOBODY else (0, 0)


def _store(work: Work, statements: HotReceipts, rooms: Sequence[_Room]) -> None:
    """Tell what moved, and write it, with each move by itself, from which the times of single messages follow."""
    now = now_ms()
    turns = [work.turn(room.clock) for room in rooms]
    behind = [standing for room, turn in zip(rooms, turns, strict=True) for standing in room.settle(turn.next_rev())]
    wanted = [(place, status, rise) for place, room in enumerate(rooms) for status, rise in room.rises()]
    risen = statements.risen([rise for _, _, rise in wanted], STATUS_EVENTS) if wanted else []
    found: list[list[tuple[str, Risen]]] = [[] for _ in rooms]
    for (place, status, _), messages in zip(wanted, risen, strict=True):
        found[place].append((status, messages))
    for room, turn, statuses in zip(rooms, turns, found, strict=True):
        room.tell(turn, statuses, now)
    statements.finish(
        [standing for room in rooms for standing in room.moved.values()],
        behind,
        [
            (room.clock.id, move.user_id, kind, move.new, now)
            for room in rooms
            for kind, moves in room.moves.items()
            for move in moves
        ],
        [(room.clock.id, room.clock.rev) for room in rooms],
    )
