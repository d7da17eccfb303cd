"""Connection state recovery: a client that lost its connection gets back its session, and what it missed.

A session whose transport is gone is parked: it stays in its rooms, and waits for its client. Whoever comes with its
`pid` and the offset of the last event that it got has it again, on the new transport.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from socketio import packet
from socketio.exceptions import ConnectionRefusedError as Refused

import runtime
from engine.blocks import Payload
from engine.history import History
from engine.missed import read_missed, send_missed, without
from engine.namespace import Arrival
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

NO_TRANSPORT = "-"
"""Before a session's id: what stands for the transport of one that has none yet."""

PID = re.compile(r"([A-Za-z0-9_-]{20})\.([0-9a-f]{8})\.[0-9a-f]{30}")
"""A session's id (which no room of an application's looks like), its first node, and the secret."""

MOVED = 10_000
"""Sessions that went to other nodes and are remembered, so that they are found when they move on; the oldest go."""


class Recovery:
    """The parked sessions of one server, and the way back. Only for the namespace `/`, on our own transport."""

    def __init__(self, server: Server, manager: Manager, node: str | None = None) -> None:
        """`node` is this server's name among others, eight hexadecimal digits."""
        self._server = server
        self._manager = manager
        self._node = node or secrets.token_hex(NODE_BYTES)
        self._key = secrets.token_bytes(32)
        self._foreign = manager.pids
        self._arriving: set[str] = set()
        self._moved: OrderedDict[str, str] = OrderedDict()
        self._parked = manager.parked
        self._history = manager.history = History(settings.recovery_bytes)
        runtime.every(SWEEP_SECONDS, self._sweep)

    def pid(self, sid: str) -> str:
        """What only the session's own client knows. It is made from the session's id, so that it takes no memory."""
        return self._foreign.get(sid) or f"{sid}.{self._node}.{self._secret(sid)}"

    def _secret(self, sid: str) -> str:
        return hashlib.blake2b(sid.encode(), digest_size=SECRET_BYTES, key=self._key).hexdigest()

    def session_of(self, pid: object) -> str | None:
        """The session that a `pid` names, where it is here and not over."""
        sid = pid.partition(".")[0] if isinstance(pid, str) else ""
        if sid in self._arriving or not self._is_of(pid, sid):
            return None
        return sid if self._manager.is_connected(sid, NAMESPACE) else None

    def _is_of(self, pid: object, sid: str) -> bool:
        """Whether this is the session's `pid`."""
        return isinstance(pid, str) and hmac.compare_digest(pid.encode("utf-8", "replace"), self.pid(sid).encode())

    def elsewhere(self, pid: object) -> tuple[str, str] | None:
        """The session that a `pid` names, where it is not here, and the node that knows of it."""
        named = PID.fullmatch(pid) if isinstance(pid, str) else None
        if named is None or self._manager.eio_sid_from_sid(named[1], NAMESPACE) is not None:
            return None
        if named[2] != self._node:
            return named[1], named[2]
        moved = self._moved.get(named[1])
        return (named[1], moved) if moved is not None and self._is_of(pid, named[1]) else None

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
        sid, environ = self.session_of(auth.get("pid")), self._server.environ.get(eio_sid)
        if environ is None or self._manager.sid_from_eio_sid(eio_sid, NAMESPACE) is not None:
            return False
        if sid is None:
            return self._fetch(eio_sid, auth, handler)
        try:
            welcome = handler.reopened(sid, environ, auth)
        except Refused as error:
            self._answer(eio_sid, packet.CONNECT_ERROR, error.error_args)
            return True
        if welcome is None or self.session_of(auth.get("pid")) is None:
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

    def _fetch(self, eio_sid: str, auth: dict[str, Any], handler: EventNamespace) -> bool:
        """The same for a session of another node. What is sent here meanwhile is kept for it."""
        named = self.elsewhere(auth.get("pid"))
        if named is None:
            return False
        sid, node = named
        self._arriving.add(sid)
        self._foreign[sid] = auth["pid"]
        for room in (None, sid):
            self._manager.basic_enter_room(sid, NAMESPACE, room, eio_sid=f"{NO_TRANSPORT}{sid}")
        try:
            arrival = handler.fetched(sid, node, auth)
        except Refused as error:
            self._server.end_session(sid, self._server.reason.TRANSPORT_CLOSE)
            self._answer(eio_sid, packet.CONNECT_ERROR, error.error_args)
            return True
        finally:
            self._arriving.discard(sid)
        if arrival is None or not self._manager.is_connected(sid, NAMESPACE):
            self._server.end_session(sid, self._server.reason.TRANSPORT_CLOSE)
            return False
        self._land(sid, eio_sid, handler, arrival)
        return True

    def _land(self, sid: str, eio_sid: str, handler: EventNamespace, arrival: Arrival) -> None:
        """The session is here: its client is told what it missed there and here, with offsets of ours.

        Where the client is gone again, the session waits for it as any other.
        """
        connection = self._server.eio.sockets.get(eio_sid)
        here = connection is not None and not connection.closed and not connection.closing
        events = arrival.events + without(self.missed_events(sid, None) or [], arrival.events)
        if here:
            self._manager.move(sid, NAMESPACE, eio_sid)
            self._answer(eio_sid, packet.CONNECT, {"sid": sid})
        self._manager.enter_anew(sid)
        for name, *arguments in events:
            self._manager.emit(name, tuple(arguments), NAMESPACE, room=sid, ignore_queue=True)
        log.info("session recovered from another node", extra={"sid": sid, "events": len(events)})
        arrival.welcome()
        if not here:
            self.park(sid, self._server.reason.TRANSPORT_CLOSE, handler)

    def missed_events(self, sid: str, offset: object) -> list[list[Any]] | None:
        """What a session's client has not got, as `Arrival` has it; None where that is not known any longer."""
        missed = self._missed(sid, offset)
        return None if missed is None else read_missed(missed)

    def last(self, sid: str) -> tuple[str, int]:
        """How offsets of this node begin, and the least number in it of a client that has got everything."""
        return self._history.tag, self._history.last(sid, self._manager.entered(sid))

    def moved_to(self, pid: object) -> str | None:
        """The node to which a session has gone that was here."""
        named = PID.fullmatch(pid) if isinstance(pid, str) else None
        return self._moved.get(named[1]) if named is not None and self._is_of(pid, named[1]) else None

    def release(self, sid: str, node: str) -> None:
        """The session is over here, and goes on at that node."""
        before = self._server.eio.sockets.get(self._manager.eio_sid_from_sid(sid, NAMESPACE))
        if sid not in self._foreign:
            self._moved[sid] = node
            if len(self._moved) > MOVED:
                self._moved.popitem(last=False)
        self._server.end_session(sid, self._server.reason.TRANSPORT_CLOSE)
        if before is not None:
            goodbyes.add(before.close, False, True, self._server.reason.TRANSPORT_CLOSE)

    def _answer(self, eio_sid: str, kind: int, data: Any) -> None:
        self._server._send_packet(eio_sid, self._server.packet_class(kind, data=data, namespace=NAMESPACE))

    def _missed(self, sid: str, offset: object) -> list[Payload] | None:
        """What a client has not got, that got the event with this offset last, or none at all in this session."""
        number = self._history.number_of(offset) or 0
        return self._history.missed(sid, self._manager.entered(sid), number, settings.send_queue_bytes // 2)
