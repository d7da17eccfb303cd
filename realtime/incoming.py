"""What other nodes say, and who here is to know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import runtime
from realtime import typing, wire
from realtime.connections import connections, emit, emit_many, tell_users, user_room
from realtime.nodes import nodes
from realtime.rooms import close_sockets, rooms

log = logging.getLogger("parley.realtime")


def _nothing(*_: object) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class Incoming:
    """Takes the messages of other nodes.

    Caches above this floor want to know too: `forget_members` of a conversation, `forget_logins` of everybody;
    `socketio` is Flask-SocketIO's own part; sessions that are `fetched` and `given` are of `handover`.
    """

    forget_members: Callable[[str], None] = _nothing
    forget_logins: Callable[[], None] = _nothing
    socketio: Callable[[bytes], None] = _nothing
    fetched: Callable[[bytes], None] = _nothing
    given: Callable[[bytes], None] = _nothing
    _takers: dict[bytes, Callable[[bytes], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._takers = {
            wire.PACKET: self._packet,
            wire.COPY: self._copy,
            wire.EMIT: self._emit,
            wire.NEWS: self._news,
            wire.TYPING: lambda body: typing.hear(*wire.unpack(body)),
            wire.CLOSE: lambda body: close_sockets(wire.unpack_closing(body)),
            wire.FORGET: lambda _body: self.forget_logins(),
            wire.SOCKETIO: self._socketio,
            wire.FETCH: self._fetch,
            wire.GIVE: self._give,
        }

    def listen(self) -> None:
        """From now on hear the other nodes, where there are any."""
        if nodes.bus is not None:
            nodes.bus.listen(self.take, rooms.compare, nodes.bus.name(wire.ALL))

    def take(self, kind: bytes, body: bytes) -> None:
        """One message. Never raises; one of a newer version is left alone."""
        taker = self._takers.get(kind)
        if taker is None:
            return
        try:
            if kind in (wire.CLOSE, wire.FETCH):
                runtime.spawn(self._take_safely, taker, body)  # closing a socket may wait, and nobody else has to
            else:
                taker(body)
        except Exception:
            log.exception("a message of another node cannot be used", extra={"kind": kind.decode(errors="replace")})

    def _take_safely(self, taker: Callable[[bytes], None], body: bytes) -> None:
        try:
            taker(body)
        except Exception:
            log.exception("what another node asked for could not be done")

    def _socketio(self, body: bytes) -> None:
        self.socketio(body)

    def _fetch(self, body: bytes) -> None:
        self.fetched(body)

    def _give(self, body: bytes) -> None:
        self.given(body)

    def _packet(self, body: bytes) -> None:
        packet = wire.unpack_packet(wire.unpack(body))
        if packet.admitted or packet.evicted or packet.closed:
            self.forget_members(packet.conversation_id)
        rooms.receive(packet)

    def _copy(self, body: bytes) -> None:
        user_id, packet = wire.unpack_copy(body)
        self.forget_members(packet.conversation_id)
        rooms.receive_copy(user_id, packet)

    def _emit(self, body: bytes) -> None:
        kind, target, name, data = wire.unpack(body)
        if kind == wire.ROOM:
            emit(name, data, to=target)
        elif kind == wire.USER:
            tell_users(name, data, [target])
        elif everybody := [user_room(user_id) for user_id in connections.users()]:
            emit(name, data, to=everybody)

    def _news(self, body: bytes) -> None:
        user_id, name, news = wire.unpack(body)
        if connections.has_user(user_id):
            emit_many([(name, data) for data in news], to=user_room(user_id))


incoming = Incoming()
