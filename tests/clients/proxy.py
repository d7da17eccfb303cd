"""A TCP proxy that loses connections on command: resets, silence, and silence in one direction."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends a reset."""


class Proxy:
    """Before one server. Connections are passed on until something else is asked for."""

    def __init__(self, target: str) -> None:
        """`target` is the server's address, which may go away and come back."""
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._refusing = False
        self._silent = {"up": False, "down": False}
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self, refusing: bool = True) -> None:
        """Reset every new connection, and those that there are."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def silence(self, *, up: bool = False, down: bool = False) -> None:
        """From now on swallow what clients (`up`) or the server (`down`) send, without a word. None: pass it on."""
        self._silent = {"up": up, "down": down}

    def cut(self) -> int:
        """Reset all connections; how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                _reset(end)
        return len(pairs)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                if self._refusing:
                    raise ConnectionRefusedError
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            for source, sink, way in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._pump, args=(source, sink, way, pair), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: str, pair: tuple[socket.socket, ...]) -> None:
        try:
            while data := source.recv(65536):
                if not self._silent[way]:
                    sink.sendall(data)
        except OSError:
            pass
        # A connection that went silent stays so: its end is swallowed too.
        if not self._silent[way]:
            for end in pair:
                _reset(end)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # Wakes whoever reads from it; the descriptor itself would stay open in their call.
        end.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        end.close()
