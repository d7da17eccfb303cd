"""Engine.IO's server, making our connections."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import engineio
import engineio.server
import engineio.socket

from engine.connection import Connection
from engine.pings import Pings
from engine.readable import Server, Socket
from settings import settings


class Transport(Server):
    """Engine.IO's server whose sessions are `Connection`s, with one timer for all pings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.start_service_task = False  # its work, finding clients that are gone, is done by `Pings`
        self.pings = Pings(self)
        self.joined: Callable[[str], bool] = lambda _sid: True
        """Whether a session has come as far as Socket.IO's CONNECT; set by the Socket.IO server."""
        self.on_message: Callable[[str, str | bytes], object] = functools.partial(self._trigger_event, "message")
        """Called with each message's session and content; set by the Socket.IO server, which asks for nothing else."""

    def new_connection(self, sid: str) -> Connection:
        """A session that begins; it has `connect_seconds` to join a namespace."""
        connection = Connection(self, sid)
        self.pings.expect_connect(connection, settings.connect_seconds)
        return connection


def _make_socket(server: engineio.Server, sid: str) -> engineio.socket.Socket:
    """What python-engineio 4.15 calls as `socket.Socket` of the module that it imported; there is no other way in."""
    if isinstance(server, Transport):
        return server.new_connection(sid)
    return Socket(server, sid)


engineio.server.socket = SimpleNamespace(Socket=_make_socket)
