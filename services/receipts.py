"""Delivered and read: each participant's watermarks, and what they make of the messages' status."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ScalarSelect, and_, func, or_, select
from sqlalchemy.orm import Session

from models import Message, Participant, Receipt, now_ms
from realtime.catchup import receipt_event
from realtime.views import View
from realtime.watermarks import Lowest, watermarks_of
from schemas.base import iso, iso_or_none
from schemas.errors import ChatError, invalid, not_found
from schemas.messages import Acknowledge
from services.access import access_message, access_participant, reading
from services.mentions import unread_mentions
from services.work import Change, Work, perform

STATUS_EVENTS = 100
"""`message:status` events of one acknowledgement at most, the newest (protocol.md, promise 5)."""

Kind = Literal["delivered", "read"]


def acknowledge(user_id: str, kind: Kind, body: Acknowledge) -> None:
    """The user has received, or read, what `body` names and all below it.

    What is below a watermark already is told to nobody. Raises ChatError `not_found`, `not_a_participant`,
    `validation_failed`; then nothing was stored.
    """

    def run(work: Work) -> None:
        wanted = _wanted(work.session, body)
        changes = work.changes(wanted)
        for conversation_id in sorted(wanted):
            try:
                change = changes.get(conversation_id) or work.change(conversation_id)
                participant = access_participant(work.session, user_id, conversation_id)
            except ChatError:
                if body.conversation_id == conversation_id:
                    raise
                raise not_found("Message", _field(body)) from None
            if wanted[conversation_id] > change.row.seq:
                raise invalid(seq="is above the newest message")
            _move(work, change, participant, kind, wanted[conversation_id])

    perform(run)


def of_message(user_id: str, message_id: str) -> dict[str, list[View]]:
    """When each participant but the sender had a message delivered and read; null where not yet, or where they came
    after it. Raises ChatError `not_found`."""
    with reading() as session:
        message, _ = access_message(session, user_id, message_id)

        def moved(kind: Kind) -> ScalarSelect[int]:
            """When the watermark passed the message: its first move to it or beyond."""
            return (
                select(Receipt.at)
                .where(
                    Receipt.conversation_id == Participant.conversation_id,
                    Receipt.user_id == Participant.user_id,
                    Receipt.kind == kind,
                    Receipt.upto_seq >= message.seq,
                )
                .order_by(Receipt.upto_seq)
                .limit(1)
                .scalar_subquery()
            )

        rows = session.execute(
            select(Participant.user_id, moved("delivered"), moved("read"))
            .where(
                Participant.conversation_id == message.conversation_id,
                Participant.removed_at.is_(None),
                Participant.user_id != message.sender_id,
            )
            .order_by(Participant.joined_at, Participant.user_id)
        )
        items = [{"userId": row[0], "deliveredAt": iso_or_none(row[1]), "readAt": iso_or_none(row[2])} for row in rows]
        return {"items": items}


def _field(body: Acknowledge) -> str:
    return "messageIds" if body.message_ids is not None else "messageId"


def _wanted(session: Session, body: Acknowledge) -> dict[str, int]:
    """The seq that is acknowledged in each conversation. Raises ChatError `not_found` for an unknown message."""
    wanted: dict[str, int] = {}
    ids = set(body.ids)
    if ids:
        rows = session.execute(
            select(Message.id, Message.conversation_id, Message.seq).where(Message.id.in_(ids))
        ).all()
        if len(rows) < len(ids):
            raise not_found("Message", _field(body))
        for _, conversation_id, seq in rows:
            wanted[conversation_id] = max(seq, wanted.get(conversation_id, 0))
    if body.conversation_id is not None and body.seq is not None:
        wanted[body.conversation_id] = max(body.seq, wanted.get(body.conversation_id, 0))
    return wanted


def _move(work: Work, change: Change, participant: Participant, kind: Kind, seq: int) -> None:
    """Raise the participant's watermarks to `seq`, where they are below, and tell the room what that made of it."""
    old_delivered, old_read = participant.delivered_seq, participant.read_seq
    new_read = max(old_read, seq) if kind == "read" else old_read
    new_delivered = max(old_delivered, seq)
    if (new_delivered, new_read) == (old_delivered, old_read):
        return
    session, now = work.session, now_ms()
    others = watermarks_of(session, change.row.id, without=participant.user_id)
    participant.delivered_seq, participant.read_seq = new_delivered, new_read
    participant.rev = change.next_rev()
    for name, old, new in (("delivered", old_delivered, new_delivered), ("read", old_read, new_read)):
        if new > old:
            session.add(
                Receipt(
                    conversation_id=change.row.id,
                    user_id=participant.user_id,
                    kind=name,
                    upto_seq=new,
                    at=now,
                )
            )
    if new_read > old_read:
        _recount_unread(session, change, participant)
    read = _risen(session, participant, old_read, new_read, others.read)
    delivered = _risen(session, participant, old_delivered, new_delivered, others.delivered)
    rose: dict[int, tuple[str, str]] = {message_seq: (message_id, "delivered") for message_seq, message_id in delivered}
    rose |= {message_seq: (message_id, "read") for message_seq, message_id in read}
    for message_seq in sorted(sorted(rose)[-STATUS_EVENTS:]):
        message_id, status = rose[message_seq]
        data = {
            "messageId": message_id,
            "userId": participant.user_id,
            "status": status,
            f"{status}At": iso(now),
        }
        change.event("message:status", data)
    change.packet.events.append(receipt_event(participant))


def _risen(session: Session, participant: Participant, old: int, new: int, others: Lowest) -> list[tuple[int, str]]:
    """The newest messages whose least watermark rose as this participant's went from `old` to `new`.

    For a message by S the least is that of everybody but S. It rises where this participant's was the least, up to
    the least of the rest: `others.first`, or `others.second` where S holds the first.
    """
    if new <= old:
        return []
    owner, user_id = others.owner, participant.user_id
    by_owner = and_(Message.sender_id == owner, Message.seq > old, Message.seq <= min(new, others.second))
    by_rest = and_(Message.sender_id != owner, Message.seq > old, Message.seq <= min(new, others.first))
    rows = session.execute(
        select(Message.seq, Message.id)
        .where(
            Message.conversation_id == participant.conversation_id,
            Message.sender_id != user_id,
            or_(by_owner, by_rest) if owner is not None else and_(Message.seq > old, Message.seq <= new),
        )
        .order_by(Message.seq.desc())
        .limit(STATUS_EVENTS)
    )
    return [(seq, message_id) for seq, message_id in rows]


def _recount_unread(session: Session, change: Change, participant: Participant) -> None:
    """What is left above the new read watermark; nothing, nearly always."""
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
