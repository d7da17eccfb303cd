"""This process among those that share a port: the child's side of `runtime.processes`.

A process that was started alone has a place too, and nothing to wait for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys

from runtime.loop import spawn

ARGUMENT = "--process"
"""What a process of several is started with: its number, and the descriptors of its listening socket and of the line
to its parent."""

MIGRATE, START = b"M", b"S"
"""What the parent says when it is a process's turn: prepare the database and serve, or only serve."""

READY = b"R"
"""What the process answers once it serves. Either side's end is told by the end of the line."""


class Place:
    """Where a process stands: alone, or the `number`th (from 1) of several."""

    def __init__(self, number: int = 1, listener: int | None = None, line: int | None = None) -> None:
        """The descriptors are this process's own, handed down to it."""
        self.number = number
        self.alone = line is None
        self._listener = listener
        self._line_descriptor = line
        self._line: socket.socket | None = None

    @classmethod
    def read(cls, arguments: list[str]) -> Place:
        """The place that a command line names."""
        if arguments[:1] != [ARGUMENT]:
            return cls()
        number, listener, line = (int(word) for word in arguments[1:])
        return cls(number, listener, line)

    def await_turn(self) -> bool:
        """Wait until this process may start; returns whether it is the one that migrates. Raises RuntimeError."""
        if self._line_descriptor is None:
            return True
        self._line = _inherited(self._line_descriptor)
        told = self._line.recv(1)
        if not told:
            raise RuntimeError("the process that started this one is gone.")
        return told == MIGRATE

    def door(self) -> socket.socket | None:
        """The listening socket that was handed down; None where the process is alone."""
        return None if self._listener is None else _inherited(self._listener)

    def serves(self) -> None:
        """Tell the parent, and from now on end in order when the parent is gone."""
        if self._line is not None:
            self._line.send(READY)
            spawn(self._follow, self._line)

    def _follow(self, line: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            while line.recv(1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)


def _inherited(descriptor: int) -> socket.socket:
    """A socket that was open before this process began; what it is, the system says."""
    return socket.socket(-1, -1, -1, descriptor)


place = Place.read(sys.argv[1:])
