"""How connections come in, are served, and how the process ends."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtime.loop import eventlet_itself, spawn

Hook = Callable[[], None]
Application = Callable[..., object]
log = logging.getLogger("parley.runtime")

BACKLOG = 4096
"""Connections that may wait to be accepted; eventlet's default of 50 drops SYNs when a herd reconnects."""

CONNECTIONS = 200_000
"""Connections served at once; eventlet's default of 1,024 counts every websocket as a request under way."""

THREADS_SECONDS = 1.0
"""How long the threads of requests under way are waited for, once their sockets have been closed."""

ENDING = (signal.SIGTERM, signal.SIGINT)
"""What ends a server in order."""

_wake_up: socket.socket | None = None


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket, Nagle's delay off for all that it accepts (p99 36 to 5 ms, design.md). Raises OSError."""
    return _listen(host, port, socket.SO_REUSEADDR)


def listen_beside(host: str, port: int) -> socket.socket:
    """One of several such sockets of one port; others of the same user may open theirs. Raises OSError."""
    return _listen(host, port, socket.SO_REUSEADDR, socket.SO_REUSEPORT)


def _listen(host: str, port: int, *options: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    for option in options:
        listener.setsockopt(socket.SOL_SOCKET, option, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


@dataclass(frozen=True, slots=True)
class Life:
    """What is done at the turns of a server's life.

    `on_ready`: a signal would now be obeyed. `on_signal`: one came, and the door is still open. `on_stop`: the door is
    closed; it ends the connections that would otherwise stay. Requests under way have `stop_seconds` from then on.
    `impatient`: a second signal ends the process at once.
    """

    on_ready: Hook
    on_signal: Hook
    on_stop: Hook
    stop_seconds: float
    impatient: bool = True


PassOn = Callable[[socket.socket, Any], None]
Reception = Callable[[socket.socket, PassOn], Hook]
"""Accepts from a plain listening socket. What it does not serve itself it passes on, untouched, with its address; what
it returns ends it."""


def serve(listener: socket.socket, application: Application, life: Life, reception: Reception | None = None) -> None:
    """Serve `application` until SIGTERM or SIGINT.

    On eventlet a `reception` sees every connection first, unless the listener speaks TLS itself.
    """
    if eventlet_itself():
        _serve_green(listener, application, life, reception)
    else:
        _serve_with_threads(listener, application, life)
    if not life.impatient:
        # Python's own end would make them deadly again, for whoever is told to end twice.
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)


class _PassedOn:
    """What the WSGI server takes for its listening socket: connections that were accepted already."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._waiting = eventlet_itself().queue.LightQueue()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def pass_on(self, connection: socket.socket, address: Any) -> None:
        """Let the WSGI server have it."""
        self._waiting.put((eventlet_itself().greenio.GreenSocket(connection), address))

    def accept(self) -> tuple[Any, Any]:
        """The next connection, as the WSGI server asks for it."""
        accepted: tuple[Any, Any] = self._waiting.get()
        return accepted


def _serve_green(listener: Any, application: Application, life: Life, reception: Reception | None) -> None:
    eventlet = eventlet_itself()
    accepting, close = listener, None
    if reception is not None and type(getattr(listener, "fd", None)) is eventlet.patcher.original("socket").socket:
        accepting = _PassedOn(listener)
        close = reception(listener.fd, accepting.pass_on)
    server = eventlet.spawn(
        eventlet.wsgi.server, accepting, application, max_size=CONNECTIONS, log_output=False, debug=False, keepalive=75
    )
    stopped = threading.Event()

    def stop() -> None:
        if stopped.is_set() and life.impatient:
            os._exit(1)
        stopped.set()

    _on_signals(stop)
    life.on_ready()
    stopped.wait()
    life.on_signal()
    deadline = time.monotonic() + life.stop_seconds
    if close is not None:
        close()
    eventlet.kill(server, SystemExit)  # eventlet's loop then closes idle connections and waits for the others
    listener.close()
    life.on_stop()
    with eventlet.Timeout(max(0.1, deadline - time.monotonic()), False):
        server.wait()


def _on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT. A scheduled handler began 2.5 s late under load, this at once (design.md)."""
    global _wake_up
    reader, _wake_up = socket.socketpair()
    _wake_up.setblocking(False)
    signal.set_wakeup_fd(_wake_up.fileno(), warn_on_full_buffer=False)
    for number in ENDING:
        signal.signal(number, lambda *_: None)

    def wait() -> None:
        while True:
            if any(byte in ENDING for byte in reader.recv(64)):
                spawn(stop)

    spawn(wait)


def _serve_with_threads(listener: socket.socket, application: Application, life: Life) -> None:
    """The same with one thread a connection, on the standard library's own signals."""
    from werkzeug.serving import make_server

    under_way: set[int] = set()

    def counted(environ: Any, start_response: Any) -> Any:
        under_way.add(threading.get_ident())
        try:
            return application(environ, start_response)
        finally:
            under_way.discard(threading.get_ident())

    host, port = listener.getsockname()[:2]
    server = make_server(host, port, counted, threaded=True, fd=listener.fileno())
    server.daemon_threads = True  # type: ignore[attr-defined]
    stopping = threading.Event()

    def end() -> None:
        life.on_signal()
        server.shutdown()

    def on_signal(*_: object) -> None:
        if stopping.is_set():
            if life.impatient:
                os._exit(1)
            return
        stopping.set()
        threading.Thread(target=end, daemon=True).start()

    for number in ENDING:
        signal.signal(number, on_signal)
    life.on_ready()
    server.serve_forever(poll_interval=0.1)
    listener.close()
    life.on_stop()
    deadline = time.monotonic() + THREADS_SECONDS
    while under_way and time.monotonic() < deadline:
        time.sleep(0.02)
