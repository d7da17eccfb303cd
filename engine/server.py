"""Flask-SocketIO with our python-socketio server inside."""

from __future__ import annotations

import logging
from typing import Any

import engineio
import flask_socketio
import socketio
from flask import Flask
from socketio import packet

from engine.namespace import EventNamespace

log = logging.getLogger("parley.engine")

engineio.payload.Payload.max_decode_packets = 10_000
"""Packets in one poll. The stock limit of 16 drops a polling client that was busy; `max_http_buffer_size` bounds a poll
in bytes."""


class Server(socketio.Server):
    """python-socketio's server, with events handed to `EventNamespace.receive`.

    Overridden of python-socketio 5.18: `_handle_connect`, `_handle_event_internal`, `_handle_eio_message`.
    """

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        super()._handle_connect(eio_sid, namespace, data)
        handler = self.namespace_handlers.get(namespace or "/")
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if sid and isinstance(handler, EventNamespace):
            handler.welcomed(sid)

    def _handle_event_internal(
        self, server: socketio.Server, sid: str, eio_sid: str, data: list[Any], namespace: str, packet_id: int | None
    ) -> None:
        handler = self.namespace_handlers.get(namespace)
        if not isinstance(handler, EventNamespace):
            super()._handle_event_internal(server, sid, eio_sid, data, namespace, packet_id)
            return

        def reply(acknowledgement: Any) -> None:
            answer = self.packet_class(packet.ACK, namespace=namespace, id=packet_id, data=[acknowledgement])
            self._send_packet(eio_sid, answer)

        handler.receive(sid, data[0], data[1:], None if packet_id is None else reply)

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """A packet that cannot be read costs its client an error, not the connection (RecursionError: `[[[[…`)."""
        try:
            super()._handle_eio_message(eio_sid, data)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError) as error:
            self._binary_packet.pop(eio_sid, None)
            log.info("packet cannot be read", extra={"eio_sid": eio_sid, "problem": repr(error)[:200]})
            for namespace, handler in self.namespace_handlers.items():
                sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
                if sid and isinstance(handler, EventNamespace):
                    handler.malformed(sid, "The packet cannot be read")


class SocketIO(flask_socketio.SocketIO):
    """Flask-SocketIO, serving through our `Server`."""

    def init_app(self, app: Flask, **options: Any) -> None:
        stock = flask_socketio.socketio.Server
        # Flask-SocketIO has no argument for the server's class; it looks the name up at the moment of the call.
        flask_socketio.socketio.Server = Server
        try:
            super().init_app(app, **options)
        finally:
            flask_socketio.socketio.Server = stock
