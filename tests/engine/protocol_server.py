"""What the official protocol test-suites are run against: our engine, without the chat (`bin/protocol-server`).

Socket.IO on `/socket.io/`: the namespaces `/` and `/custom`, open to all, tell a client with `auth` what it said in its
CONNECT; in `/`, `message` comes back as `message-back`, `message-with-ack` as its acknowledgement, `emit-with-ack` as a
question of that name, and the answer to it once more. Engine.IO alone on `/engine.io/`: every message comes back.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import engineio
from flask import Flask, request
from flask_socketio import emit

import logs
import runtime
from engine import SocketIO
from engine.accept import Reception
from engine.readable import Server
from engine.transport import Transport
from settings import settings

AUTH_SECONDS = 0.02
"""`auth` comes so long after the answer to CONNECT: the suite listens for one message, then for the next, and loses the
second of two that arrive in one piece."""

socketio = SocketIO()


def create_app() -> Flask:
    """Both protocols, in one WSGI application."""
    app = Flask("protocol-server")
    common: dict[str, Any] = {
        "async_mode": "eventlet",
        "async_handlers": False,
        "cors_allowed_origins": "*",
        "ping_interval": settings.ping_interval,
        "ping_timeout": settings.ping_timeout,
        "max_http_buffer_size": settings.packet_max_bytes,
        "http_compression": False,
    }
    fast = settings.engine == "fast"
    socketio.init_app(
        app,
        fast=fast,
        always_connect=True,
        logger=logs.library("socketio"),
        engineio_logger=logs.library("engineio"),
        **common,
    )
    for namespace in ("/", "/custom"):
        socketio.on("connect", namespace)(welcome)
    socketio.on("message")(send_back)
    socketio.on("message-with-ack")(acknowledge)
    socketio.on("emit-with-ack")(ask)
    echo = (Transport if fast else Server)(logger=logs.library("engineio"), **common)
    echo.on("message", echo.send)
    app.wsgi_app = engineio.WSGIApp(echo, app.wsgi_app)  # type: ignore[method-assign]
    return app


def welcome(auth: Any = None) -> None:
    """Tell a client what it said of itself."""
    client = {"to": request.sid, "namespace": request.namespace}  # type: ignore[attr-defined]
    runtime.call_later(AUTH_SECONDS, lambda: socketio.emit("auth", auth or {}, **client))


def send_back(*arguments: Any) -> None:
    """The same arguments, in an event of the server's."""
    emit("message-back", arguments)


def acknowledge(*arguments: Any) -> tuple[Any, ...]:
    """The same arguments, in the acknowledgement."""
    return arguments


def ask(*arguments: Any) -> None:
    """The same arguments, for the client to acknowledge."""
    client = request.sid  # type: ignore[attr-defined]
    emit("emit-with-ack", arguments, callback=lambda *answer: socketio.emit("emit-with-ack", answer, to=client))


def listen() -> socket.socket:
    """On both kinds of addresses where the machine has both, since `localhost` may be either."""
    if settings.host == "0.0.0.0":
        try:
            return runtime.listen("::", settings.port)
        except OSError:
            pass
    return runtime.listen(settings.host, settings.port)


def serve() -> None:
    """Until SIGTERM. The process must have been patched before it imported this."""
    logs.configure()
    listener = listen()
    port = listener.getsockname()[1]

    def ready() -> None:
        sys.stdout.write(f"protocol-server ({settings.engine}) is listening on http://localhost:{port}\n")
        sys.stdout.flush()

    app = create_app()
    reception = Reception(app, settings.connect_seconds).open if settings.engine == "fast" else None
    runtime.serve(listener, app, runtime.Life(ready, lambda: None, lambda: None, 1.0), reception)
