"""Into a room and out of it: what the socket is told, and that nothing falls between that and the room's events."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from models import Conversation, Participant
from realtime.connections import Connection
from realtime.rooms import rooms
from realtime.views import View
from services.access import access_conversation, reading
from services.sync import changes_since


def join(connection: Connection, conversation_id: str, since: int | None = None) -> tuple[View, Callable[[], None]]:
    """What a socket that joins is answered, and the step that lets it in, to be taken once the answer is on its way.

    With `since` the answer has the `changes` after that rev, of the same moment. From before the read until that step
    the room's events are kept for the socket. Raises ChatError `not_a_participant`.
    """
    with rooms.joining(connection, [conversation_id]), reading() as session:
        conversation, _ = access_conversation(session, connection.user_id, conversation_id)
        rev, seq = conversation.rev, conversation.seq
        answer = {"conversationId": conversation_id, "rev": rev, "seq": seq}
        if since is not None:
            answer["changes"] = changes_since(session, connection.user_id, {conversation_id: since})[conversation_id]
    return answer, lambda: rooms.admit(connection, conversation_id, rev, seq)


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
    with rooms.joining(connection, mine), reading() as session:
        heads = {conversation_id: (rev, seq) for conversation_id, rev, seq in session.execute(query)}

    def let_in() -> None:
        for conversation_id in mine:
            if conversation_id in heads:
                rooms.admit(connection, conversation_id, *heads[conversation_id])
            else:
                rooms.leave(connection, conversation_id)

    return let_in
