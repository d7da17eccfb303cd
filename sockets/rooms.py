"""Rooms: join, leave, and come back."""

from __future__ import annotations

from engine import Large
from realtime import typing
from realtime.connections import Connection, emit
from schemas.sockets import JoinRoom, LeaveRoom
from schemas.sync import Sync
from services import joining, sync
from sockets.registry import Answer, ok, on


@on("join-room")
def join(connection: Connection, payload: JoinRoom) -> Answer:
    """Let the socket into a conversation's room. Raises ChatError `not_a_participant`."""
    answer, let_in = joining.join(connection, payload.conversation_id, payload.since)
    emit("room-joined", answer, to=connection.sid)
    return Answer(Large({"ok": True, **answer}), afterwards=let_in)


@on("leave-room")
def leave(connection: Connection, payload: LeaveRoom) -> Answer:
    """Take the socket out; harmless where it is not in."""
    joining.leave(connection, payload.conversation_id)
    typing.stop(payload.conversation_id, connection.user_id, only_from=connection.sid)
    answer = {"conversationId": payload.conversation_id}
    emit("room-left", answer, to=connection.sid)
    return ok(**answer)


@on("sync")
def come_back(connection: Connection, payload: Sync) -> Answer:
    """What changed in these conversations, and in the user's memberships, since the revs that the client has."""
    return Answer(Large({"ok": True, **sync.sync(connection.user_id, payload)}))
