"""Events that are not stored (an application's own, `app:…`): told to whoever is connected now. Best effort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from extensions import socketio
from realtime.connections import NAMESPACE, connections, emit, tell_users, user_room
from realtime.nodes import nodes


@dataclass(slots=True, frozen=True)
class Emission:
    """One event for a conversation's room, for a user's sockets, or, where neither is named, for every socket."""

    name: str
    data: Any
    conversation_id: str | None = None
    user_id: str | None = None


@dataclass(slots=True, frozen=True)
class Broadcast:
    """What `socketio.emit` was asked for: rooms as Socket.IO knows them (none: every socket), and sids to leave out.

    The arguments are what the event carries.
    """

    name: str
    arguments: tuple[Any, ...]
    rooms: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()


def deliver(emission: Emission) -> None:
    """Tell the sockets of all nodes. Never raises, never waits."""
    name, data = emission.name, emission.data
    if emission.conversation_id is not None:
        emit(name, data, to=emission.conversation_id)
        nodes.tell_room(emission.conversation_id, name, data)
    elif emission.user_id is not None:
        tell_users(name, data, [emission.user_id])
        nodes.tell_users([emission.user_id], name, data)
    else:
        everybody = [user_room(user_id) for user_id in connections.users()]
        if everybody:
            emit(name, data, to=everybody)
        nodes.tell_all(name, data)


def repeat(broadcast: Broadcast) -> None:
    """Do here what `socketio.emit` was asked for in another process."""
    target = list(broadcast.rooms) or None
    socketio.server.emit(
        broadcast.name, broadcast.arguments, room=target, skip_sid=list(broadcast.skip), namespace=NAMESPACE
    )
