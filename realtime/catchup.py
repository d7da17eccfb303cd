"""What a room has not been told, read from the database: the present state of everything that changed since a rev."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models import Conversation, Message, Participant
from models.hot_receipts import Standing
from realtime.events import Event, Packet
from realtime.views import View, messages_view, users_by_id
from schemas.base import iso, iso_or_none

CHUNK = 500
"""Ids a query; databases bound the number of parameters."""


def heads(session: Session, conversation_ids: Sequence[str]) -> dict[str, int]:
    """The present rev of each of these conversations."""
    found: dict[str, int] = {}
    for start in range(0, len(conversation_ids), CHUNK):
        wanted = conversation_ids[start : start + CHUNK]
        rows = session.execute(select(Conversation.id, Conversation.rev).where(Conversation.id.in_(wanted)))
        found.update((conversation_id, rev) for conversation_id, rev in rows)
    return found


def missed(session: Session, conversation_id: str, rev: int, seq: int) -> Packet:
    """A packet from `rev` to the present, for a room that knows the messages up to `seq`.

    Each new message once, in order, as it is now; then each other thing that changed, as it is now.
    """
    return missed_by(session, {conversation_id: (rev, seq)})[conversation_id]


def missed_by(session: Session, known: Mapping[str, tuple[int, int]]) -> dict[str, Packet]:
    """The same for several rooms at once, each with its rev and seq; a handful of queries for all."""
    packets = {one: Packet(one, rev, rev, seq) for one, (rev, seq) in known.items()}
    living = []
    for conversation in session.scalars(select(Conversation).where(Conversation.id.in_(known))):
        packet = packets[conversation.id]
        packet.end = conversation.rev
        if conversation.deleted_at is not None:
            packet.events.append(deleted_event(conversation, ()))
            packet.closed = True
        else:
            living.append(conversation)
    if living:
        mine = {conversation.id: packets[conversation.id] for conversation in living}
        _add_messages(session, mine)
        _add_participants(session, mine)
    for conversation in living:
        packet = packets[conversation.id]
        if conversation.props_rev > packet.start:
            packet.events.append(properties_event(conversation))
        _hold_back_revs(packet)
    return packets


def _hold_back_revs(packet: Packet) -> None:
    """Let no event say a rev that one after it has not come up to.

    Messages come in the order of `seq`, each with the rev of its newest change, so that revs can fall. A client whose
    line is cut in between asks for what came after the rev that it heard last, and must not have passed by the rest.
    """
    bound = packet.end
    for event in reversed(packet.events):
        event.data["rev"] = min(event.rev, bound)
        bound = min(bound, event.rev - 1)


def newer_messages(conversation_id: str, rev: int, seq: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What changed after `rev`: messages above `seq`, where all new ones are, or of those that changed since sent."""
    here = Message.conversation_id == conversation_id
    return and_(here, Message.seq > seq, Message.rev > rev), and_(here, Message.changed_rev > rev)


def _add_messages(session: Session, packets: Mapping[str, Packet]) -> None:
    newer = [
        condition for one in packets.values() for condition in newer_messages(one.conversation_id, one.start, one.seq)
    ]
    changed = session.scalars(select(Message).where(or_(*newer)).order_by(Message.seq)).all()
    views = messages_view(session, changed)
    for view in views:
        packet = packets[view["conversationId"]]
        if view["seq"] > packet.seq:
            packet.events.append(Event("message:new", view["rev"], view))
    for view in views:
        packet = packets[view["conversationId"]]
        if view["seq"] <= packet.seq:
            name, data = ("message:deleted", tombstone_data(view)) if view["deletedAt"] else ("message:updated", view)
            packet.events.append(Event(name, view["rev"], data))


def _add_participants(session: Session, packets: Mapping[str, Packet]) -> None:
    newer = [
        and_(Participant.conversation_id == one.conversation_id, Participant.rev > one.start)
        for one in packets.values()
    ]
    changed = session.scalars(select(Participant).where(or_(*newer)).order_by(Participant.rev)).all()
    users = users_by_id(session, (participant.user_id for participant in changed))
    for participant in changed:
        packet = packets[participant.conversation_id]
        if participant.removed_at is not None:
            packet.events.append(removed_event(participant))
            packet.evicted.append(participant.user_id)
        else:
            packet.events.append(receipt_event(participant))
            packet.events.append(updated_event(participant, users[participant.user_id]))
            packet.admitted.append(participant.user_id)


def tombstone_data(view: dict[str, object]) -> dict[str, object]:
    """`message:deleted` of a message's view."""
    return {
        "id": view["id"],
        "messageId": view["id"],
        "conversationId": view["conversationId"],
        "seq": view["seq"],
        "rev": view["rev"],
        "deletedAt": view["deletedAt"],
    }


def removed_event(participant: Participant) -> Event:
    """`conversation:participant-removed`, to the room and to the one who is out."""
    data = {
        "conversationId": participant.conversation_id,
        "userId": participant.user_id,
        "removedAt": iso_or_none(participant.removed_at),
        "rev": participant.rev,
    }
    return Event("conversation:participant-removed", participant.rev, data, to_users=(participant.user_id,))


def updated_event(participant: Participant, user: View) -> Event:
    """`conversation:participant-updated` of a participant, with their user."""
    data = {
        "conversationId": participant.conversation_id,
        "userId": participant.user_id,
        "participant": user,
        "role": participant.role,
        "rev": participant.rev,
    }
    return Event("conversation:participant-updated", participant.rev, data)


def receipt_event(participant: Participant | Standing) -> Event:
    """`receipt:update` of a participant's watermarks."""
    data = {
        "conversationId": participant.conversation_id,
        "userId": participant.user_id,
        "deliveredSeq": participant.delivered_seq,
        "readSeq": participant.read_seq,
        "rev": participant.rev,
    }
    return Event("receipt:update", participant.rev, data)


def properties_event(conversation: Conversation) -> Event:
    """`conversation:updated` with the conversation's own properties."""
    data = {
        "conversationId": conversation.id,
        "id": conversation.id,
        "title": conversation.title,
        "avatar": conversation.avatar,
        "updatedAt": iso(conversation.updated_at),
        "rev": conversation.props_rev,
    }
    return Event("conversation:updated", conversation.props_rev, data)


def deleted_event(conversation: Conversation, users: Sequence[str]) -> Event:
    """`conversation:deleted`, to the room and to its participants."""
    data = {"conversationId": conversation.id, "id": conversation.id, "rev": conversation.rev}
    return Event("conversation:deleted", conversation.rev, data, to_users=tuple(users))
