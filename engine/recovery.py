"""Connection state recovery: a client that lost its connection gets back its session, and what it missed.

A session whose transport is gone is parked: it stays in its rooms, and waits for its client. Whoever comes with its
`pid` and the offset of the last event that it got has it again, on the new transport.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import engineio.exceptions
import engineio.packet
from socketio import packet
from socketio.exceptions import ConnectionRefusedError as Refused

import runtime
from engine.frames import frame
from engine.history import History, Payload
from engine.packets import packet_frame
from engine.turns import goodbyes
from settings import settings

if TYPE_CHECKING:
    from engine.manager import Manager
    from engine.namespace import EventNamespace
    from engine.server import Server

log = logging.getLogger("parley.engine")

NAMESPACE = "/"
NODE_BYTES, SECRET_BYTES = 4, 15

SWEEP_SECONDS = 1.0

PIECE_BYTES = 65_536
"""What was missed is written in pieces of about this size."""


class Recovery:
    """The parked sessions of one server, and the way back. Only for the namespace `/`, on our own transport."""

    def __init__(self, server: Server, manager: Manager, node: str | None = None) -> None:
        """`node` is this server's name among others."""
        self._server = server
        self._manager = manager
        self._node = node or secrets.token_hex(NODE_BYTES)
        self._key = secrets.token_bytes(32)
        self._parked = manager.parked
        self._history = manager.history = History(settings.recovery_bytes)
        runtime.every(SWEEP_SECONDS, self._sweep)

    def pid(self, sid: str) -> str:
        """What only the session's own client knows. It is made from the session's id, so that it takes no memory."""
        return f"{sid}.{self._node}.{self._secret(sid)}"

    def _secret(self, sid: str) -> str:
        return hashlib.blake2b(sid.encode(), digest_size=SECRET_BYTES, key=self._key).hexdigest()

    def _session_of(self, pid: object) -> str | None:
        """The session that a `pid` of ours names, where it is not over."""
        if not isinstance(pid, str) or not pid.isascii():
            return None
        sid, _, rest = pid.partition(".")
        if not hmac.compare_digest(rest.encode(), self.pid(sid).partition(".")[2].encode()):
            return None
        return sid if self._manager.is_connected(sid, NAMESPACE) else None

    def park(self, sid: str, reason: str, handler: EventNamespace) -> None:
        """The session's transport is gone."""
        self._parked[sid] = time.monotonic() + settings.recovery_seconds
        self._manager.callbacks.pop(sid, None)
        handler.parked(sid, reason)
        if len(self._parked) > settings.recovery_sessions:
            self._end_later(next(iter(self._parked)))

    def _sweep(self) -> None:
        now = time.monotonic()
        while self._parked:
            sid, until = next(iter(self._parked.items()))
            if until > now:
                break
            self._end_later(sid)
        # Twice the time that a client has for a pong: it may have had what was sent before the last one, not after.
        eio = self._server.eio
        self._history.sweep(now, settings.recovery_seconds + eio.ping_interval + 2 * eio.ping_timeout + 5)

    def _end_later(self, sid: str) -> None:
        """Nobody came for it. They may be thousands, of each of which the application is told."""
        del self._parked[sid]
        goodbyes.add(self.end, sid)

    def end(self, sid: str) -> None:
        """End a session whose transport is gone; harmless where it has a new one, or is over."""
        eio_sid = self._manager.eio_sid_from_sid(sid, NAMESPACE)
        if eio_sid is not None and eio_sid not in self._server.eio.sockets:
            self._server.end_session(sid, self._server.reason.TRANSPORT_CLOSE)

    def resume(self, eio_sid: str, auth: dict[str, Any], handler: EventNamespace) -> bool:
        """Give a client its session back; returns whether it has been answered.

        Where it has not, it gets a new session, and the old one, if it was that client's, is over. The application may
        wait while it looks at the client; the rest is one step, in which nothing else is sent.
        """
        sid, environ = self._session_of(auth.get("pid")), self._server.environ.get(eio_sid)
        if sid is None or environ is None or self._manager.sid_from_eio_sid(eio_sid, NAMESPACE) is not None:
            return False
        try:
            welcome = handler.reopened(sid, environ, auth)
        except Refused as error:
            self._answer(eio_sid, packet.CONNECT_ERROR, error.error_args)
            return True
        if welcome is None or self._session_of(auth.get("pid")) is None:
            return False
        return self._hand_over(sid, eio_sid, auth.get("offset"), handler, welcome)

    def _hand_over(
        self, sid: str, eio_sid: str, offset: object, handler: EventNamespace, welcome: Callable[[], None]
    ) -> bool:
        sockets = self._server.eio.sockets
        connection = sockets.get(eio_sid)
        if connection is None or connection.closed or connection.closing:
            return True  # gone again already; the session waits on
        before = sockets.get(self._manager.eio_sid_from_sid(sid, NAMESPACE))
        missed = self._missed(sid, offset)
        if missed is None:
            log.info("session cannot be recovered", extra={"sid": sid})
            self._server.end_session(sid, self._server.reason.TRANSPORT_CLOSE)
        else:
            self._parked.pop(sid, None)
            self._manager.callbacks.pop(sid, None)
            self._manager.move(sid, NAMESPACE, eio_sid)
            self._answer(eio_sid, packet.CONNECT, {"sid": sid})
            send_missed(connection, missed)
            log.info("session recovered", extra={"sid": sid, "events": len(missed)})
            welcome()
        if before is not None:
            goodbyes.add(before.close, False, True, self._server.reason.TRANSPORT_CLOSE)
        return missed is not None

    def _answer(self, eio_sid: str, kind: int, data: Any) -> None:
        self._server._send_packet(eio_sid, self._server.packet_class(kind, data=data, namespace=NAMESPACE))

    def _missed(self, sid: str, offset: object) -> list[Payload] | None:
        """What a client has not got, that got the event with this offset last, or none at all in this session."""
        number = self._history.number_of(offset) or 0
        return self._history.missed(sid, self._manager.entered(sid), number, settings.send_queue_bytes // 2)


def send_missed(connection: Any, missed: Iterable[Payload]) -> None:
    """Send these in order, before anything else; large amounts as fast as the client takes them."""
    if connection.by_queue:
        for payload in missed:
            _queue(connection, payload)
        return
    pieces: list[bytes] = []
    gathered: list[bytes] = []
    size = 0
    for payload in missed:
        for one in _frames(payload):
            gathered.append(one)
            size += len(one)
        if size > PIECE_BYTES:
            pieces.append(b"".join(gathered))
            gathered, size = [], 0
    if pieces:
        connection.write_pieces([*pieces, b"".join(gathered)] if gathered else pieces)
    elif gathered:
        connection.write(b"".join(gathered))


def _messages(payload: Payload) -> list[Any]:
    parts = (payload[1:].decode(),) if isinstance(payload, bytes) else payload
    return [engineio.packet.Packet(engineio.packet.MESSAGE, part) for part in parts]


def _frames(payload: Payload) -> list[bytes]:
    return [frame(payload)] if isinstance(payload, bytes) else [packet_frame(one) for one in _messages(payload)]


def _queue(connection: Any, payload: Payload) -> None:
    try:
        for message in _messages(payload):
            connection.send(message)
    except engineio.exceptions.EngineIOError:
        return
