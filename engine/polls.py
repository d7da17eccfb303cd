"""Polls under way, and clients that give them up."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import runtime


@contextlib.contextmanager
def told_of_end(environ: dict[str, Any], on_end: Callable[[], None]) -> Iterator[None]:
    """Call `on_end`, beside the caller, when the client of this request closes its connection in the meantime.

    Only on eventlet and without TLS, where the end of a connection is not to be seen from outside.
    """
    served = environ.get("eventlet.input") if runtime.green() else None
    raw: socket.socket | None = getattr(served.get_socket(), "fd", None) if served is not None else None
    if raw is None:
        yield
        return

    over = False

    def look(*_: object) -> None:
        nonlocal over
        if over:  # the loop had heard of it in the turn in which the poll ended
            return
        try:
            gone = not raw.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        over = True
        runtime.unwatch(listener)
        if gone:
            runtime.workers.run(on_end)

    listener = runtime.watch_reading(raw.fileno(), look, look)
    try:
        yield
    finally:
        over = True
        runtime.unwatch(listener)
