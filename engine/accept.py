"""Connections at their very beginning: a WebSocket's handshake is answered here, before the WSGI server sees it.

What has come is looked at without taking it. A plain handshake for Socket.IO becomes a request to the same WSGI
application as always, so that every check is made where it is always made, without a greenlet, a file object and a
parser around it. Everything else goes to the WSGI server as it came.
"""

from __future__ import annotations

import functools
import io
import itertools
import logging
import re
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import runtime

log = logging.getLogger("parley.engine")

PATH = "/socket.io/"
ACCEPTS = 32
"""Connections that are accepted in one turn of the loop, and served: most have said by then what they want. 2 ms."""

HEAD_BYTES = 8192
"""A request's head that is longer, or comes in pieces, is for the WSGI server."""

REQUEST_LINE = re.compile(r"GET (/socket\.io/?)\?([!-~]*) HTTP/1\.1")
HEADER_NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t -~]*")
FOR_WSGI = ("content-length", "transfer-encoding", "expect")
NO_BODY = io.BytesIO()
FULL_SECONDS = 0.1
"""How long nothing is accepted when the process has no descriptor left."""

Application = Callable[..., Any]


class Reception:
    """Accepts connections, and serves those that are WebSockets from their first breath."""

    def __init__(self, application: Application, idle_seconds: float) -> None:
        """A connection that sends nothing for `idle_seconds` is closed."""
        self._application = application
        self._idle_seconds = idle_seconds
        self.silent: dict[_Arrival, float] = {}
        """Connections that have not said yet what they want, oldest first, each with until when it has time."""
        self._watching = False

    def open(self, listener: socket.socket, pass_on: runtime.PassOn) -> Callable[[], None]:
        """Begin; returns what ends it (see `runtime.Reception`)."""
        self._listener: socket.socket | None = listener
        self.pass_on = pass_on
        host, port = listener.getsockname()[:2]
        self._server = {"SERVER_NAME": host, "SERVER_PORT": str(port)}
        self._accepting: object | None = None
        self._listen()
        if not self._watching:
            self._watching = True
            runtime.every(1.0, self._close_silent)
        return self._close

    def _listen(self) -> None:
        if self._listener is not None:
            self._accepting = runtime.watch_reading(self._listener.fileno(), self._accept, self._close)

    def _close(self, *_: object) -> None:
        if self._accepting is not None:
            runtime.unwatch(self._accepting)
        self._accepting = self._listener = None
        for arrival in list(self.silent):
            arrival.close()

    def _accept(self, _descriptor: int) -> None:
        for _ in range(ACCEPTS):
            if self._listener is None:
                return
            try:
                connection, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("cannot accept", extra={"problem": str(error)})
                runtime.unwatch(self._accepting)
                runtime.call_later(FULL_SECONDS, self._listen)
                return
            connection.setblocking(False)
            _Arrival(self, connection, address).look()

    def wait_for(self, arrival: _Arrival) -> None:
        """It has not said anything yet."""
        self.silent[arrival] = time.monotonic() + self._idle_seconds

    def _close_silent(self) -> None:
        now = time.monotonic()
        for arrival in list(itertools.takewhile(lambda one: self.silent[one] <= now, self.silent)):
            arrival.close()

    def serve(self, connection: socket.socket, address: Any, head: str) -> bool:
        """Answer a WebSocket's handshake; returns whether it was one."""
        environ = _environ(head)
        if environ is None:
            return False
        connection.recv(HEAD_BYTES)
        environ |= self._server
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = address[0], str(address[1])
        environ[runtime.CONNECTION] = connection
        runtime.workers.run(self._ask, connection, environ)
        return True

    def _ask(self, connection: socket.socket, environ: dict[str, Any]) -> None:
        """Call the application. One that refuses answers with HTTP, and the connection ends."""
        refusal: list[tuple[str, list[tuple[str, str]]]] = []
        body = b"".join(self._application(environ, lambda status, headers, _=None: refusal.append((status, headers))))
        if refusal:
            status, headers = refusal[0]
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
            if not any(name.lower() == "content-length" for name, _ in headers):
                lines.append(f"Content-Length: {len(body)}")
            connection.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            connection.close()


class _Arrival:
    """A connection that has not said yet what it wants."""

    __slots__ = ("_address", "_connection", "_listener", "_reception")

    def __init__(self, reception: Reception, connection: socket.socket, address: Any) -> None:
        self._reception = reception
        self._connection: socket.socket | None = connection
        self._address = address
        self._listener: object | None = None

    def close(self, *_: object) -> None:
        """It said nothing."""
        connection = self._take()
        if connection is not None:
            connection.close()

    def _take(self) -> socket.socket | None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._listener is not None:
                self._reception.silent.pop(self, None)
                runtime.unwatch(self._listener)
            self._listener = self._address = None
        return connection

    def look(self, _descriptor: int = -1) -> None:
        """See what it wants, now or as soon as it says so."""
        if self._connection is None:
            return
        try:
            seen = self._connection.recv(HEAD_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            if self._listener is None:
                self._listener = runtime.watch_reading(self._connection.fileno(), self.look, self.close)
                self._reception.wait_for(self)
            return
        except OSError:
            seen = b""
        address, connection = self._address, self._take()
        if connection is None:
            return
        if not seen:
            connection.close()
        elif not (_is_handshake(seen) and self._reception.serve(connection, address, seen.decode("latin-1"))):
            self._reception.pass_on(connection, address)


def _is_handshake(seen: bytes) -> bool:
    return seen.startswith(b"GET /socket.io") and seen.endswith(b"\r\n\r\n")


def _environ(head: str) -> dict[str, Any] | None:
    """The request as WSGI has it, where it is a handshake that leaves nothing to interpret; else None."""
    first, *lines = head[:-4].split("\r\n")
    request = REQUEST_LINE.fullmatch(first)
    if request is None:
        return None
    path, query = request.groups()
    if "transport=websocket" not in query or "sid=" in query:
        return None
    environ = {"PATH_INFO": path, "QUERY_STRING": query, **CONSTANT}
    for line in lines:
        name, colon, value = line.partition(":")
        key = _key(name)
        if key is None or not colon or key in environ or HEADER_VALUE.fullmatch(value) is None:
            return None
        environ[key] = value.strip(" \t")
    return environ if environ.get("HTTP_UPGRADE", "").lower() == "websocket" else None


@functools.lru_cache(256)
def _key(name: str) -> str | None:
    """What WSGI calls a header; None where the WSGI server has to look at it."""
    if HEADER_NAME.fullmatch(name) is None or name.lower() in FOR_WSGI:
        return None
    return "HTTP_" + name.upper().replace("-", "_")


CONSTANT: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input": NO_BODY,
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
