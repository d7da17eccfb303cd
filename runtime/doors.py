"""Listening sockets of one port, for several processes.

Linux shares the connections to a port out evenly between all sockets that listen on it with SO_REUSEPORT, by a hash of
the addresses. So each process has a socket of its own there, which the parent opens, keeps open and hands down: what
waits at a process that died is served by its successor. Processes that accept from one common socket are woken
together, and the quickest takes it: of 1,000 clients that connected 20 at once, two processes had 505 and 495 with
sockets of their own, 705 and 295 with a common one; three had 343, 326, 331 against 529, 163, 308.

Elsewhere (macOS: the newest socket gets everything) they accept from one common socket, evenly or not.
"""

from __future__ import annotations

import socket
import sys

from runtime.serving import listen, listen_beside

SHARED_OUT = sys.platform == "linux"
"""Whether the system shares connections out evenly between the sockets of a port."""


class Doors:
    """The sockets, as the parent holds them."""

    def __init__(self, host: str, port: int) -> None:
        """Take the port; 0 is a free one. Raises OSError where another program has it."""
        first = listen(host, port)
        self.port: int = first.getsockname()[1]
        self._host = host
        self._open: list[socket.socket] = []
        self._common: socket.socket | None = None
        if SHARED_OUT:
            # Opened without SO_REUSEPORT, to be told where the port is taken; another's with it would let ours in.
            first.close()
        else:
            self._common = first
            self._open.append(first)

    def open(self) -> socket.socket:
        """A listening socket for one process. Raises OSError."""
        if self._common is not None:
            return self._common
        door = listen_beside(self._host, self.port)
        self._open.append(door)
        return door

    def shut(self, door: socket.socket) -> None:
        """The process that had it is away for a while: the others get its share, and what waited there is refused."""
        if door is not self._common:
            self._open.remove(door)
            door.close()

    def close(self) -> None:
        """Let go of all; a process that has one keeps it open as long as it wants."""
        while self._open:
            self._open.pop().close()
