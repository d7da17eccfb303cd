"""The transaction that moves watermarks: any number of users' receipts, in any number of conversations, at once.

All moves in one conversation share one rev, and the room is told once of what they made of its messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.orm import Session

from models import Message, Participant, Receipt, now_ms
from realtime.catchup import receipt_event
from realtime.watermarks import NOBODY, Lowest, Watermarks, watermarks_of
from schemas.base import iso
from schemas.errors import ChatError, invalid, not_a_participant
from services.mentions import unread_mentions
from services.work import Change, Work

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
    changes = work.changes({mark.conversation_id for mark in marks})
    outcomes: list[ChatError | None] = []
    fit: dict[str, list[tuple[Mark, Participant]]] = defaultdict(list)
    rows = _participants(work.session, marks)
    for mark in marks:
        change = changes.get(mark.conversation_id)
        participant = rows.get((mark.conversation_id, mark.user_id))
        if change is None or participant is None or participant.removed_at is not None:
            outcomes.append(not_a_participant())
        elif max(mark.delivered, mark.read) > change.row.seq:
            outcomes.append(invalid(seq="is above the newest message"))
        else:
            outcomes.append(None)
            fit[mark.conversation_id].append((mark, participant))
    for conversation_id, here in fit.items():
        _move(work.session, changes[conversation_id], here)
    return outcomes


def _participants(session: Session, marks: Sequence[Mark]) -> dict[tuple[str, str], Participant]:
    rows = session.scalars(
        select(Participant)
        .where(
            Participant.conversation_id.in_({mark.conversation_id for mark in marks}),
            Participant.user_id.in_({mark.user_id for mark in marks}),
        )
        .execution_options(populate_existing=True)
    )
    return {(row.conversation_id, row.user_id): row for row in rows}


def _move(session: Session, change: Change, marks: Sequence[tuple[Mark, Participant]]) -> None:
    """One conversation's moves, under one rev, with their events: statuses first, then the watermarks."""
    before = watermarks_of(session, change.row.id)
    now = now_ms()
    moves: dict[str, list[Move]] = {"delivered": [], "read": []}
    moved: dict[str, Participant] = {}
    for mark, participant in marks:
        for kind, new in (("delivered", max(mark.delivered, mark.read)), ("read", mark.read)):
            old = getattr(participant, f"{kind}_seq")
            if new > old:
                setattr(participant, f"{kind}_seq", new)
                moves[kind].append(Move(mark.user_id, old, new))
                moved[mark.user_id] = participant
    if not moved:
        return
    rev = change.next_rev()
    for participant in moved.values():
        participant.rev = rev
        _recount_unread(session, change, participant)
    session.flush()
    _remember(session, change.row.id, moves, now)
    _tell_statuses(session, change, moves, before, now)
    change.packet.events += [receipt_event(participant) for participant in moved.values()]


def _remember(session: Session, conversation_id: str, moves: dict[str, list[Move]], now: int) -> None:
    """Each move by itself, from which the times of single messages follow."""
    rows = [
        {"conversation_id": conversation_id, "user_id": move.user_id, "kind": kind, "upto_seq": move.new, "at": now}
        for kind, some in moves.items()
        for move in some
    ]
    session.execute(insert(Receipt), rows)


def _tell_statuses(
    session: Session, change: Change, moves: dict[str, list[Move]], before: Watermarks, now: int
) -> None:
    after = watermarks_of(session, change.row.id)
    rose: dict[int, tuple[str, str]] = {}
    for kind, old, new in (("delivered", before.delivered, after.delivered), ("read", before.read, after.read)):
        for seq, message_id in _risen(session, change.row.id, old, new):
            rose[seq] = (message_id, kind)
    for seq in sorted(rose)[-STATUS_EVENTS:]:
        message_id, status = rose[seq]
        completed_by = [move.user_id for move in moves[status] if move.old < seq <= move.new][-1]
        data = {"messageId": message_id, "userId": completed_by, "status": status, f"{status}At": iso(now)}
        change.event("message:status", data)


def _risen(session: Session, conversation_id: str, before: Lowest, after: Lowest) -> list[tuple[int, str]]:
    """The newest messages whose least watermark rose, of all participants but each message's sender.

    That least is the same for all senders but the one who holds the lowest watermark; so there are three cases at
    most: the holder before, the holder after, and everybody else.
    """
    holders = {holder for holder in (before.owner, after.owner) if holder is not None}
    cases = [
        and_(Message.sender_id == holder, Message.seq > before.without(holder), Message.seq <= after.without(holder))
        for holder in holders
        if after.without(holder) < NOBODY
    ]
    cases.append(and_(Message.sender_id.not_in(holders), Message.seq > before.first, Message.seq <= after.first))
    rows = session.execute(
        select(Message.seq, Message.id)
        .where(Message.conversation_id == conversation_id, or_(*cases))
        .order_by(Message.seq.desc())
        .limit(STATUS_EVENTS)
    )
    return [(seq, message_id) for seq, message_id in rows]


def _recount_unread(session: Session, change: Change, participant: Participant) -> None:
    """What is left above the read watermark; nothing, nearly always."""
    if participant.read_seq >= change.row.seq:
        participant.skipped = participant.mention_count = 0
        return
    participant.skipped = (
        session.scalar(
            select(func.count())
            .select_from(Message)
            .where(
                Message.conversation_id == participant.conversation_id,
                Message.seq > participant.read_seq,
                or_(Message.sender_id == participant.user_id, Message.deleted_at.is_not(None)),
            )
        )
        or 0
    )
    participant.mention_count = unread_mentions(
        session, participant.conversation_id, participant.user_id, participant.read_seq
    )
