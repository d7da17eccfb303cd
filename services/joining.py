"""Into a room and out of it: what the socket is told, and that nothing falls between that and the room's events."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

import runtime
from models import Conversation, Participant, Unavailable, store
from realtime.catchup import CHUNK, heads, missed_by
from realtime.chunks import chunks
from realtime.connections import Connection, emit
from realtime.events import Packet
from realtime.rooms import rooms
from realtime.views import View
from schemas.errors import not_a_participant, unavailable
from services.access import access_conversation, reading
from services.sync import changes_since

AT_ONCE = 20
"""Conversations whose changes are read together."""


def join(connection: Connection, conversation_id: str, since: int | None = None) -> tuple[View, Callable[[], None]]:
    """What a socket that joins is answered, and the step that lets it in, to be taken once the answer is on its way.

    With `since` the answer has the `changes` after that rev, of the same moment. From before the read until that step
    the room's events are kept for the socket. Raises ChatError `not_a_participant`.
    """
    with rooms.joining(connection, [conversation_id]):
        read = _head if since is None else functools.partial(_changes, since=since)
        answer = {"conversationId": conversation_id, **read(connection.user_id, conversation_id)}
    return answer, lambda: rooms.admit(connection, conversation_id, answer["rev"], answer["seq"])


def _head(user_id: str, conversation_id: str) -> View:
    """Where a conversation stands that the user is in; all that most joins want, and they come in herds."""
    try:
        rows = store.rows(
            "SELECT conversations.rev, conversations.seq FROM participants"
            " JOIN conversations ON conversations.id = participants.conversation_id"
            " WHERE participants.conversation_id = ? AND participants.user_id = ?"
            " AND participants.removed_at IS NULL AND conversations.deleted_at IS NULL",
            conversation_id,
            user_id,
        )
    except Unavailable as error:
        raise unavailable() from error
    if not rows:
        raise not_a_participant()
    return {"rev": rows[0][0], "seq": rows[0][1]}


def _changes(user_id: str, conversation_id: str, since: int) -> View:
    with reading() as session:
        conversation, _ = access_conversation(session, user_id, conversation_id)
        changes = changes_since(session, user_id, {conversation_id: since})[conversation_id]
        return {"rev": conversation.rev, "seq": conversation.seq, "changes": changes}


def check(connection: Connection) -> None:
    """Take a socket that comes back out of the rooms that its user may no longer be in. Raises ChatError."""
    asked = list(connection.rooms)
    with reading() as session:
        still = _among(session, connection.user_id, asked)
    for conversation_id in asked:
        if conversation_id not in still:
            rooms.leave(connection, conversation_id)


def _among(session: Session, user_id: str, conversation_ids: Iterable[str]) -> set[str]:
    """Those of these conversations that the user is in."""
    found: set[str] = set()
    for chunk in chunks(conversation_ids, CHUNK):
        found.update(
            session.scalars(
                select(Participant.conversation_id)
                .join(Conversation, Conversation.id == Participant.conversation_id)
                .where(
                    Participant.user_id == user_id,
                    Participant.conversation_id.in_(chunk),
                    Participant.removed_at.is_(None),
                    Conversation.deleted_at.is_(None),
                )
            )
        )
    return found


def move_in(connection: Connection, known: Mapping[str, tuple[int, int]]) -> Callable[[], None]:
    """Hold the rooms that a socket had on another node, each of which it knows up to this rev and seq.

    The step that is returned tells it what came after, and lets it in. Raises ChatError.
    """
    mine = [one for one in known if one not in connection.rooms]
    packets: dict[str, Packet] = {}
    with rooms.joining(connection, mine), reading() as session:
        still, revs = _among(session, connection.user_id, mine), heads(session, mine)
        behind = [one for one in mine if one in revs and revs[one] > known[one][0]]
        for chunk in chunks(behind, AT_ONCE):
            packets.update(missed_by(session, {one: known[one] for one in chunk}))

    def let_in() -> None:
        for conversation_id in mine:
            rev, seq = known[conversation_id]
            packet = packets.get(conversation_id) or Packet(conversation_id, rev, rev, seq)
            if conversation_id in still:
                for event in packet.events:
                    emit(event.name, {**event.data, "prevRev": rev}, to=connection.sid)
                newest = max((event.data["seq"] for event in packet.events if event.name == "message:new"), default=seq)
                rooms.admit(connection, conversation_id, packet.end, newest)
            else:
                _tell_of_end(connection, packet)
                rooms.leave(connection, conversation_id)

    return let_in


def _tell_of_end(connection: Connection, packet: Packet) -> None:
    """Tell a socket that its user is out of a conversation, or that there is none any longer, if it was not told."""
    user_id, told = connection.user_id, rooms.told
    for event in packet.events:
        ends = event.name == "conversation:deleted" or (
            event.name == "conversation:participant-removed" and event.data["userId"] == user_id
        )
        if ends and told.rev(user_id, packet.conversation_id) < event.rev:
            emit(event.name, {**event.data, "prevRev": packet.start}, to=connection.sid)


def leave(connection: Connection, conversation_id: str) -> None:
    """The socket gets no more of this room; leaving what one is not in is harmless."""
    rooms.leave(connection, conversation_id)


def join_all(connection: Connection) -> Callable[[], None]:
    """Hold all of the user's conversations for the socket; the step that is returned lets it in."""
    query = (
        select(Conversation.id, Conversation.rev, Conversation.seq)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(
            Participant.user_id == connection.user_id,
            Participant.removed_at.is_(None),
            Conversation.deleted_at.is_(None),
        )
    )
    with reading() as session:
        mine = [conversation_id for conversation_id, _, _ in session.execute(query)]
    runtime.sleep(0)  # for very many rooms each of the three steps takes its time; in between others have their turn
    with rooms.joining(connection, mine), reading() as session:
        heads = {conversation_id: (rev, seq) for conversation_id, rev, seq in session.execute(query)}
    runtime.sleep(0)

    def let_in() -> None:
        for conversation_id in mine:
            if conversation_id in heads:
                rooms.admit(connection, conversation_id, *heads[conversation_id])
            else:
                rooms.leave(connection, conversation_id)

    return let_in
