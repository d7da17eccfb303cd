"""Socket.IO in and out: parse, call one service, answer."""

from __future__ import annotations

from extensions import socketio
from realtime.connections import NAMESPACE
from sockets import lifecycle, messages, presence, rooms
from sockets.namespace import ChatNamespace

__all__ = ["chat", "lifecycle", "messages", "presence", "register", "rooms"]

chat = ChatNamespace(NAMESPACE)


def register() -> None:
    """Let the namespace answer. Called once, after `socketio.init_app`."""
    socketio.on_namespace(chat)
