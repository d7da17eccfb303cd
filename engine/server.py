"""Flask-SocketIO with our python-socketio server inside."""

from __future__ import annotations

import functools
import logging
from typing import Any

import engineio
import flask_socketio
import socketio
from flask import Flask
from socketio import packet

import runtime
from engine.codec import ACK, Large, decode_connect, decode_event, encode
from engine.frames import frame, frame_of
from engine.manager import Manager
from engine.namespace import EventNamespace
from engine.packets import Packet
from engine.readable import Server as EngineServer
from engine.recovery import Recovery
from engine.transport import Transport
from engine.weight import OTHER_WEIGHT, check_weight

log = logging.getLogger("parley.engine")

engineio.payload.Payload.max_decode_packets = 10_000
"""Packets in one poll. The stock limit of 16 drops a polling client that was busy; `max_http_buffer_size` bounds a poll
in bytes."""

UNREADABLE = (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError)
"""What comes of a packet that is none."""

ATTACHMENTS = 10
"""Binary parts of one packet at most, as in the official parser; without a limit they are collected without end."""


class Server(socketio.Server):
    """python-socketio's server, with events handed to `EventNamespace.receive`; with `fast`, on our own transport.

    Overridden of python-socketio 5.18: `_handle_connect`, `_handle_event_internal`, `_handle_eio_message`,
    `_handle_eio_disconnect`, `_send_packet`, `_engineio_server_class`.
    """

    def __init__(self, *, fast: bool = False, recovery: bool = False, **options: Any) -> None:
        self._fast = fast
        super().__init__(serializer=Packet, **options)
        node = getattr(self.manager, "host_id", None)  # where there are several, the others know it by this name
        self.recovery = Recovery(self, self.manager, node) if fast and recovery else None
        if isinstance(self.eio, Transport):
            self.eio.joined = self._has_joined
            self.eio.on_message = self._handle_eio_message
            self.eio.take_at_once = self._take_at_once

    def _engineio_server_class(self) -> type[engineio.Server]:
        return Transport if self._fast else EngineServer

    def polls_waiting(self) -> int:
        """How many clients have not been given yet what waits for them: those that poll, and all on the stock way."""
        queued = [one for one in self.eio.sockets.values() if not one.closed and not (self._fast and one.upgraded)]
        return sum(not one.queue.empty() for one in queued)

    def _has_joined(self, eio_sid: str) -> bool:
        """Whether a session is in any namespace."""
        return any(self.manager.sid_from_eio_sid(eio_sid, name) for name in self.manager.get_namespaces())

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        if not self._known(namespace or "/"):
            refusal = {"message": "Invalid namespace"}
            self._send_packet(eio_sid, self.packet_class(packet.CONNECT_ERROR, data=refusal, namespace=namespace))
            return
        if self._recovers(eio_sid, namespace or "/", data):
            return
        super()._handle_connect(eio_sid, namespace, data)
        handler = self.namespace_handlers.get(namespace or "/")
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if sid and isinstance(handler, EventNamespace):
            if eio_sid in self.environ:
                handler.welcomed(sid)
            else:  # its transport went while it connected, and so it never heard its `pid`
                self.end_session(sid, self.reason.TRANSPORT_CLOSE)

    def _recovers(self, eio_sid: str, namespace: str, data: Any) -> bool:
        """Whether a client that connects has been answered as one that comes back."""
        handler = self.namespace_handlers.get(namespace)
        if self.recovery is None or namespace != "/" or not isinstance(handler, EventNamespace):
            return False
        auth = data if isinstance(data, dict) else {}
        if auth.get("recovery") is False:
            self.manager.plain.add(eio_sid)
            return False
        return "pid" in auth and self.recovery.resume(eio_sid, auth, handler)

    def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        """Send a Socket.IO packet; a CONNECT with the `pid` with which the client can come back."""
        if self._fast and eio_sid not in self.eio.sockets:
            return
        opens = pkt.packet_type == packet.CONNECT and pkt.namespace in (None, "/")
        if opens and self.recovery is not None and eio_sid not in self.manager.plain:
            pkt.data = {**pkt.data, "pid": self.recovery.pid(pkt.data["sid"])}
        super()._send_packet(eio_sid, pkt)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """A client's transport is gone: where it may come back, its session waits for it."""
        self._binary_packet.pop(eio_sid, None)
        handler, sid = self.namespace_handlers.get("/"), self.manager.sid_from_eio_sid(eio_sid, "/")
        if (
            self.recovery is not None
            and isinstance(handler, EventNamespace)
            and eio_sid not in self.manager.plain
            and self.manager.is_connected(sid, "/")
        ):
            for namespace in [name for name in self.manager.get_namespaces() if name != "/"]:
                self._handle_disconnect(eio_sid, namespace, reason)
            self.environ.pop(eio_sid, None)
            self.recovery.park(sid, reason, handler)
            return
        if self.recovery is not None:
            self.manager.plain.discard(eio_sid)
        super()._handle_eio_disconnect(eio_sid, reason)

    def end_session(self, sid: str, reason: str) -> None:
        """End a client's session in the namespace `/`, without a word to the client; its transport stays as it is."""
        if self.manager.is_connected(sid, "/"):
            eio_sid = self.manager.pre_disconnect(sid, "/")
            self._binary_packet.pop(eio_sid, None)
            self._trigger_event("disconnect", "/", sid, reason)
            self.manager.disconnect(sid, "/", ignore_queue=True)

    def _known(self, namespace: str) -> bool:
        return self.namespaces == "*" or namespace in {*self.handlers, *self.namespace_handlers, *self.namespaces}

    def _handle_event_internal(
        self, server: socketio.Server, sid: str, eio_sid: str, data: list[Any], namespace: str, packet_id: int | None
    ) -> None:
        handler = self.namespace_handlers.get(namespace)
        if not isinstance(handler, EventNamespace):
            super()._handle_event_internal(server, sid, eio_sid, data, namespace, packet_id)
            return
        self._give(handler, sid, eio_sid, namespace, packet_id, data)

    def _reply(self, eio_sid: str, namespace: str, packet_id: int, acknowledgement: Any) -> None:
        """Acknowledge an event: by our own encoder where the client is on our transport and nothing binary is in it."""
        connection = self.eio.sockets.get(eio_sid) if self._fast else None
        if isinstance(acknowledgement, Large):
            if connection is not None and not connection.by_queue:
                pieces = acknowledgement.packet(namespace, packet_id, functools.partial(runtime.sleep, 0))
                if pieces is not None and connection.write_pieces(frame_of(pieces)):
                    return
            acknowledgement = acknowledgement.value
        elif connection is not None:
            encoded = encode(ACK, namespace, packet_id, [acknowledgement])
            if encoded is not None and connection.write(frame(encoded)):
                return
        answer = self.packet_class(packet.ACK, namespace=namespace, id=packet_id, data=[acknowledgement])
        self._send_packet(eio_sid, answer)

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """A packet that cannot be read costs an `EventNamespace`'s client an error (RecursionError: `[[[[…`).

        Anybody else is closed, as the official server does it.
        """
        try:
            if self._fast and type(data) is str and self._take_plain(eio_sid, data):
                return
            if isinstance(data, str):
                check_weight(data, OTHER_WEIGHT)
            self._check_binary(eio_sid, data)
            super()._handle_eio_message(eio_sid, data)
        except UNREADABLE as error:
            self._tell_malformed(eio_sid, error)

    def _take_at_once(self, eio_sid: str, data: str | bytes) -> bool:
        """Take a `prompt` event of a client that is free; returns whether it was one.

        A greenlet that may wait, and the way to it and back, takes a fifth of the time of such an event.
        """
        handler = self.namespace_handlers.get("/")
        if type(data) is not str or not isinstance(handler, EventNamespace) or eio_sid in self._binary_packet:
            return False
        sid = self.manager.sid_from_eio_sid(eio_sid, "/")
        if sid is None or not handler.is_free(sid):
            return False
        try:
            event = decode_event(data, handler.heads)
            if event is None:
                return False
            self._give(handler, sid, eio_sid, "/", *event)
        except UNREADABLE as error:
            self._tell_malformed(eio_sid, error)
        except Exception:
            log.exception("a message could not be handled", extra={"eio_sid": eio_sid})
        return True

    def _take_plain(self, eio_sid: str, data: str) -> bool:
        """Take a packet of those that nearly all are; returns whether it is one. Raises ValueError."""
        if eio_sid in self._binary_packet:
            return False
        if data[:1] == "2":
            event = decode_event(data)
            if event is not None:
                self._take_event(eio_sid, *event)
                return True
        else:
            auth = decode_connect(data)
            if auth is not None:
                self._handle_connect(eio_sid, None, auth)
                return True
        return False

    def _tell_malformed(self, eio_sid: str, error: Exception) -> None:
        self._binary_packet.pop(eio_sid, None)
        log.info("packet cannot be read", extra={"eio_sid": eio_sid, "problem": repr(error)[:200]})
        told = False
        for namespace, handler in self.namespace_handlers.items():
            sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
            if sid and isinstance(handler, EventNamespace):
                handler.malformed(sid, "The packet cannot be read")
                told = True
        if not told and eio_sid in self.eio.sockets:
            self.eio.sockets[eio_sid].close(wait=False)

    def _take_event(self, eio_sid: str, packet_id: int | None, data: list[Any]) -> None:
        """An event of the namespace `/`, without what the stock way logs and looks up for each."""
        sid = self.manager.sid_from_eio_sid(eio_sid, "/")
        if sid is None:
            return
        handler = self.namespace_handlers.get("/")
        if isinstance(handler, EventNamespace):
            self._give(handler, sid, eio_sid, "/", packet_id, data)
        else:
            self._handle_event(eio_sid, "/", packet_id, data)

    def _give(
        self, handler: EventNamespace, sid: str, eio_sid: str, namespace: str, packet_id: int | None, data: list[Any]
    ) -> None:
        reply = None if packet_id is None else functools.partial(self._reply, eio_sid, namespace, packet_id)
        handler.receive(sid, data[0], data[1:], reply)

    def _check_binary(self, eio_sid: str, data: str | bytes) -> None:
        """Raise ValueError for text where a binary part is due, and for more parts, or fewer, than anybody sends."""
        if isinstance(data, str):
            if eio_sid in self._binary_packet:
                raise ValueError("text instead of a binary part")
            count = data[1:].partition("-")[0]
            if data[:1] in ("5", "6") and (not count.isdigit() or len(count) > 4 or not 0 < int(count) <= ATTACHMENTS):
                raise ValueError("a number of attachments that nobody sends")


class SocketIO(flask_socketio.SocketIO):
    """Flask-SocketIO, serving through our `Server`."""

    def init_app(self, app: Flask, *, fast: bool = False, recovery: bool = False, **options: Any) -> None:
        """As Flask-SocketIO's; `fast` takes our transport and rooms instead of the stock ones. Only on eventlet.

        With `recovery`, clients that lost their connection can have their session again; only with `fast`.
        """
        stock = flask_socketio.socketio.Server
        if fast:
            options.setdefault("client_manager", Manager())
        # Flask-SocketIO has no argument for the server's class; it looks the name up at the moment of the call.
        flask_socketio.socketio.Server = functools.partial(Server, fast=fast, recovery=recovery)
        try:
            super().init_app(app, **options)
        finally:
            flask_socketio.socketio.Server = stock
