"""Two tiny servers for pages that are not ours: one serves a page, the other leads a browser past the name service."""

from __future__ import annotations

import contextlib
import http.server
import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from typing import ClassVar

Address = tuple[str, int]

CHUNK = 65_536
GRANTED, REFUSED = 0, 5


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def _running(server: _Threads) -> Iterator[str]:
    """Its `host:port` while it runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serving(page: str) -> contextlib.AbstractContextManager[str]:
    """The `host:port` of a server of this one page, whatever the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers the page, and 204 for the icon that browsers ask for."""

        def do_GET(self) -> None:
            """Any GET."""
            body = b"" if self.path == "/favicon.ico" else page.encode()
            self.send_response(200 if body else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the test's output."""

    return _running(_Threads(("127.0.0.1", 0), Handler))


def detour(roads: Mapping[Address, Address]) -> contextlib.AbstractContextManager[str]:
    """The `host:port` of a SOCKS 5 proxy (RFC 1928) that connects to `roads[address]` where it names one.

    So a page that says `http://localhost:3000` reaches a server on a port that the system chose. Bytes are passed
    on as they are, WebSockets included.
    """

    class Handler(_Socks):
        """The proxy with these roads."""

        targets = roads

    return _running(_Threads(("127.0.0.1", 0), Handler))


class _Socks(socketserver.BaseRequestHandler):
    targets: ClassVar[Mapping[Address, Address]]

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise ConnectionError("the browser went away")
            data += more
        return data

    def _address(self) -> Address:
        """The address in the browser's request: version, CONNECT, reserved, and its kind."""
        kind = self._read(4)[3]
        if kind == 3:
            host = self._read(self._read(1)[0]).decode()
        else:
            host = socket.inet_ntop(
                *((socket.AF_INET, self._read(4)) if kind == 1 else (socket.AF_INET6, self._read(16)))
            )
        (port,) = struct.unpack(">H", self._read(2))
        return host, port

    def handle(self) -> None:
        """One connection, until either side ends it."""
        with contextlib.suppress(ConnectionError):
            self._read(self._read(2)[1])
            self.request.sendall(b"\x05\x00")
            address = self._address()
            try:
                road = socket.create_connection(self.targets.get(address, address), timeout=10)
            except OSError:
                self.request.sendall(bytes((5, REFUSED, 0, 1)) + bytes(6))
                return
            with road:
                self.request.sendall(bytes((5, GRANTED, 0, 1)) + bytes(6))
                self._pass_on(road)

    def _pass_on(self, road: socket.socket) -> None:
        other = {self.request: road, road: self.request}
        while True:
            for end in select.select(list(other), [], [])[0]:
                data = end.recv(CHUNK)
                if not data:
                    return
                other[end].sendall(data)
