"""Engine.IO's server, making our connections."""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import engineio
import engineio.server
import engineio.socket
import orjson

import runtime
from engine.connection import Connection
from engine.frames import frame
from engine.pings import Pings
from engine.readable import Server, Socket
from settings import settings

ID_NOISE = 12
"""Random bytes in a session's id."""

OF_HANDSHAKE = {
    runtime.CONNECTION,
    "HTTP_CONNECTION",
    "HTTP_UPGRADE",
    "HTTP_SEC_WEBSOCKET_EXTENSIONS",
    "HTTP_SEC_WEBSOCKET_KEY",
    "HTTP_SEC_WEBSOCKET_VERSION",
}
"""What nobody asks a handshake for once it is done."""

SHARED = 512
"""Texts of handshakes that later ones share."""


class Transport(Server):
    """Engine.IO's server whose sessions are `Connection`s, with one timer for all pings.

    Overridden of python-engineio 4.15: `handle_request`, `generate_id`.
    """

    sequence_number: int

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.start_service_task = False  # its work, finding clients that are gone, is done by `Pings`
        self.pings = Pings(self)
        self._noise = b""
        self.joined: Callable[[str], bool] = lambda _sid: True
        """Whether a session has come as far as Socket.IO's CONNECT; set by the Socket.IO server."""
        self.take_at_once: Callable[[str, str | bytes], bool] = lambda _sid, _message: False
        self.on_message: Callable[[str, str | bytes], object] = functools.partial(self._trigger_event, "message")
        """Called with each message's session and content; set by the Socket.IO server, which asks for nothing else."""

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Any request under the path of Engine.IO; of a handshake that came past the WSGI server, the short way."""
        if runtime.CONNECTION in environ and self._welcome(environ):
            return []
        return super().handle_request(environ, start_response)

    def _welcome(self, environ: dict[str, Any]) -> bool:
        """Begin a session with a WebSocket. Where anything is not as it should be, the long way is left to say so."""
        query, key = environ["QUERY_STRING"].split("&"), environ.get("HTTP_SEC_WEBSOCKET_KEY")
        if (
            not key
            or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13"
            or not {"EIO=4", "transport=websocket"} <= set(query)
            or "websocket" not in self.transports
            or not self._is_from_an_allowed_page(environ)
        ):
            return False
        sid = self.generate_id()
        connection = self.sockets[sid] = self.new_connection(sid)
        if self._trigger_event("connect", sid, _lasting(environ), run_async=False) not in {None, True}:
            del self.sockets[sid]
            return False
        connection.schedule_ping()
        connection.begin_websocket(environ.pop(runtime.CONNECTION), key, frame(self._opening(sid)))
        return True

    def generate_id(self) -> str:
        """A session's id, as python-engineio's: the randomness is fetched for many at once."""
        if len(self._noise) < ID_NOISE:
            self._noise = os.urandom(64 * ID_NOISE)
        noise, self._noise = self._noise[:ID_NOISE], self._noise[ID_NOISE:]
        self.sequence_number = (self.sequence_number + 1) & 0xFFFFFF
        return base64.urlsafe_b64encode(noise + self.sequence_number.to_bytes(3, "big")).decode()

    def _is_from_an_allowed_page(self, environ: dict[str, Any]) -> bool:
        origin = environ.get("HTTP_ORIGIN")
        if not origin or self.cors_allowed_origins == []:
            return True
        allowed = self._cors_allowed_origins(environ)
        return allowed is None or origin in allowed

    def _opening(self, sid: str) -> bytes:
        """What a session that begins with WebSocket is told of itself: the protocol's OPEN packet."""
        values = {
            "sid": sid,
            "upgrades": [],
            "pingTimeout": round(self.ping_timeout * 1000),
            "pingInterval": round(self.ping_interval * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return b"0" + orjson.dumps(values)

    def new_connection(self, sid: str) -> Connection:
        """A session that begins; it has `connect_seconds` to join a namespace."""
        connection = Connection(self, sid)
        self.pings.expect_connect(connection, settings.connect_seconds)
        return connection


def _lasting(environ: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a handshake for as long as its session lives: a dictionary of half the size, texts shared."""
    return {
        name: _shared(value) if type(value) is str else value
        for name, value in environ.items()
        if name not in OF_HANDSHAKE
    }


@functools.lru_cache(SHARED)
def _shared(text: str) -> str:
    """The same text as an earlier connection's: `sys.intern` is for ever in some versions of Python 3.12."""
    return text


def _make_socket(server: engineio.Server, sid: str) -> engineio.socket.Socket:
    """What python-engineio 4.15 calls as `socket.Socket` of the module that it imported; there is no other way in."""
    if isinstance(server, Transport):
        return server.new_connection(sid)
    return Socket(server, sid)


engineio.server.socket = SimpleNamespace(Socket=_make_socket)
