"""The sockets of this node: whose each is, how long its token lives, and how to reach it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.manager import Manager
from extensions import socketio
from realtime.events import Data
from realtime.nodes import nodes

log = logging.getLogger("parley.realtime")

NAMESPACE = "/"


@dataclass(slots=True)
class Connection:
    """One socket. `expires_at` is its token's end in ms; `rooms` the conversations that it has joined.

    One that is `away` has lost its connection and may come back: it stays where it is, and nobody sees it there.
    """

    sid: str
    user_id: str
    session_id: str | None
    token_hash: str
    expires_at: int
    auto_join: bool
    rooms: set[str] = field(default_factory=set)
    away: bool = False


USER_ROOM = "user:"
"""How the name of a user's room begins; no conversation's id begins so: those are UUIDs."""


def user_room(user_id: str) -> str:
    """The Socket.IO room of all of a user's sockets."""
    return USER_ROOM + user_id


class Connections:
    """Every connection by its sid and by its user."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Connection] = {}
        self._by_user: dict[str, dict[str, Connection]] = {}

    def add(self, connection: Connection) -> bool:
        """Register it; returns whether it is its user's first on this node."""
        self._by_sid[connection.sid] = connection
        mine = self._by_user.setdefault(connection.user_id, {})
        mine[connection.sid] = connection
        socketio.server.enter_room(connection.sid, user_room(connection.user_id), namespace=NAMESPACE)
        if len(mine) == 1:
            nodes.follow_user(connection.user_id)
        return len(mine) == 1

    def remove(self, sid: str) -> tuple[Connection, bool] | None:
        """Forget it; returns it and whether it was its user's last on this node, or None where it was not known."""
        connection = self._by_sid.pop(sid, None)
        if connection is None:
            return None
        mine = self._by_user[connection.user_id]
        del mine[sid]
        if not mine:
            del self._by_user[connection.user_id]
            nodes.leave_user(connection.user_id)
        return connection, not mine

    def get(self, sid: str) -> Connection | None:
        """The connection of this sid."""
        return self._by_sid.get(sid)

    def of_user(self, user_id: str) -> list[Connection]:
        """The user's connections on this node."""
        return list(self._by_user.get(user_id, {}).values())

    def users(self) -> list[str]:
        """Everybody who is connected to this node."""
        return list(self._by_user)

    def all(self) -> list[Connection]:
        """Every connection of this node, those that are away too."""
        return list(self._by_sid.values())

    def present(self) -> list[Connection]:
        """Those that are not."""
        return [connection for connection in self._by_sid.values() if not connection.away]

    def has_user(self, user_id: str) -> bool:
        """Whether the user is connected to this node."""
        return user_id in self._by_user

    def rooms_of(self, user_ids: Iterable[str]) -> list[str]:
        """The Socket.IO rooms of those of these users who are connected to this node."""
        here = self._by_user
        return [USER_ROOM + user_id for user_id in user_ids if user_id in here]


connections = Connections()


def emit(name: str, data: Any, *, to: str | list[str], skip: str | None = None) -> None:
    """Send one event to a room, several rooms (each socket once), or one sid. Never raises, never waits."""
    try:
        # python-socketio takes None for no argument at all; a tuple is the arguments. Not through its server's `emit`,
        # which logs each event before it calls this.
        manager: Any = socketio.server.manager
        if skip is None and type(to) is str and type(data) is dict and isinstance(manager, Manager):
            manager.emit_one(name, data, to)
        else:
            manager.emit(name, (None,) if data is None else data, NAMESPACE, room=to, skip_sid=skip, ignore_queue=True)
    except Exception:
        log.exception("event could not be sent", extra={"event_name": name})
    else:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("packet out", extra={"event_name": name, "to": to})


def emit_many(events: Sequence[tuple[str, Any]], *, to: str) -> None:
    """Send several events to a room, in their order. Never raises, never waits."""
    manager: Any = socketio.server.manager
    if len(events) == 1 or not isinstance(manager, Manager):
        for name, data in events:
            emit(name, data, to=to)
        return
    try:
        manager.emit_many(events, NAMESPACE, to)
    except Exception:
        log.exception("events could not be sent", extra={"event_names": sorted({name for name, _ in events})})
    else:
        if log.isEnabledFor(logging.DEBUG):
            for name, _ in events:
                log.debug("packet out", extra={"event_name": name, "to": to})


def tell_users(name: str, data: Any, users: Iterable[str]) -> None:
    """Send one event to all sockets of these users on this node."""
    rooms = connections.rooms_of(users)
    if rooms:
        emit(name, data, to=rooms)


def tell_others(name: str, news: Mapping[str, Data], users: Sequence[str]) -> None:
    """Tell the sockets here of these users what is new of each user in `news`, who is not told it themselves.

    A socket gets all of it in one go. Never raises, never waits.
    """
    manager: Any = socketio.server.manager
    if len(news) == 1 or not isinstance(manager, Manager):
        for user_id, data in news.items():
            tell_users(name, data, [other for other in users if other != user_id])
        return
    try:
        events = [(name, data, user_room(user_id)) for user_id, data in news.items()]
        manager.emit_around(events, NAMESPACE, connections.rooms_of(users))
    except Exception:
        log.exception("events could not be sent", extra={"event_name": name})


def close(connection: Connection) -> None:
    """Disconnect one socket."""
    socketio.server.disconnect(connection.sid, namespace=NAMESPACE, ignore_queue=True)


def hang_up(connection: Connection) -> None:
    """End one socket's connection as if it had broken: the stock client comes back from that, and not from `close`."""
    server: Any = socketio.server
    eio_sid = server.manager.eio_sid_from_sid(connection.sid, NAMESPACE)
    if eio_sid is not None:
        server.eio.disconnect(eio_sid)
