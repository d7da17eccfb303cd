"""The one file that names eventlet: how code waits, runs beside other code, and is served.

Everything above uses these few verbs, so that leaving eventlet is a setting (`ASYNC_MODE=threading`). Until `patch()`
has been called (the `flask` commands, tests) the verbs work with plain threads. Locks, events and queues need no verb:
the standard library's own are cooperative once the process is patched.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Hook = Callable[[], None]
Application = Callable[..., object]
log = logging.getLogger("parley.runtime")

BACKLOG = 4096
"""Connections that may wait to be accepted; eventlet's default of 50 drops SYNs when a herd reconnects."""

CONNECTIONS = 200_000
"""Connections served at once; eventlet's default of 1,024 counts every websocket as a request under way."""

THREADS_SECONDS = 1.0
"""How long the threads of requests under way are waited for, once their sockets have been closed."""

_green: Any = None
_wake_up: socket.socket | None = None


class Timer(Protocol):
    """Something that was arranged for later; `cancel` is harmless once it ran."""

    def cancel(self) -> None:
        """Call it off."""


def patch() -> None:
    """Make the standard library cooperative. Only the process that serves does so, as its first act."""
    global _green
    with warnings.catch_warnings():
        # It says at its import that it is in maintenance; ASYNC_MODE=threading is how Parley can leave it.
        warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
        import eventlet
        import eventlet.patcher
        import eventlet.tpool
        import eventlet.wsgi

    eventlet.monkey_patch()
    _green = eventlet


def green() -> bool:
    """Whether this process runs on eventlet."""
    return _green is not None


def spawn(function: Callable[..., object], *args: object) -> None:
    """Run `function` beside the caller; the process does not wait for it at its end."""
    if _green:
        _green.spawn_n(function, *args)
    else:
        threading.Thread(target=function, args=args, daemon=True).start()


def call_later(seconds: float, function: Callable[..., object], *args: object) -> Timer:
    """Run `function` beside the caller after `seconds`, unless it is cancelled before."""
    if _green:
        timer: Timer = _green.spawn_after(seconds, function, *args)
        return timer
    thread = threading.Timer(seconds, function, args=args)
    thread.daemon = True
    thread.start()
    return thread


def every(seconds: float, step: Callable[[], object]) -> None:
    """Run `step` beside the caller, for ever, with a pause of `seconds` after each; what it raises is logged."""

    def loop() -> None:
        while True:
            sleep(seconds)
            try:
                step()
            except Exception:
                log.exception("a periodic step failed", extra={"step": getattr(step, "__qualname__", repr(step))})

    spawn(loop)


def sleep(seconds: float) -> None:
    """Let others run for `seconds`; 0 is one turn of the loop."""
    if _green:
        _green.sleep(seconds)
    else:
        time.sleep(seconds)


def call_soon(function: Callable[..., object], *args: object) -> None:
    """Run `function` on the loop itself, in its next turn; it must not wait. Only on eventlet."""
    _green.hubs.get_hub().schedule_call_global(0, function, *args)


def watch_reading(descriptor: int, on_ready: Callable[[], None], on_error: Callable[[], None]) -> object:
    """Call `on_ready` on the loop whenever there is something to read, until `unwatch`. Only on eventlet."""
    hub = _green.hubs.get_hub()
    hub.mark_as_reopened(descriptor)
    return hub.add(hub.READ, descriptor, lambda _fd: on_ready(), lambda *_: on_error(), None)


def watch_writing(descriptor: int, on_ready: Callable[[], None]) -> object:
    """Call `on_ready` on the loop whenever bytes can be written, until `unwatch`. Only on eventlet."""
    hub = _green.hubs.get_hub()
    return hub.add(hub.WRITE, descriptor, lambda _fd: on_ready(), lambda *_: on_ready(), None)


def unwatch(listener: object) -> None:
    """End a `watch_reading` or `watch_writing`; harmless where it has ended."""
    with contextlib.suppress(KeyError):
        _green.hubs.get_hub().remove(listener)


def take_socket(environ: dict[str, Any]) -> socket.socket | None:
    """A request's connection, out of the WSGI server's hands, plain and non-blocking; None for TLS and threads."""
    if not _green or "eventlet.input" not in environ:
        return None
    green = environ["eventlet.input"].get_socket()
    plain: Any = _green.patcher.original("socket").socket
    if green.fd.__class__ is not plain:
        return None
    raw: socket.socket = plain(green.fd.family, green.fd.type, green.fd.proto, fileno=green.fd.detach())
    raw.setblocking(False)
    _green.wsgi.WSGI_LOCAL.already_handled = True
    return raw


def guard() -> AbstractContextManager[object]:
    """A lock for a few steps that never wait, against other threads; on eventlet it costs a tenth of a cooperative one.

    Whoever waits while holding it would stop everybody.
    """
    plain: AbstractContextManager[object] = _green.patcher.original("threading").Lock() if _green else threading.Lock()
    return plain


class Workers:
    """Greenlets that handle one job after another, switched to at once. Only on eventlet."""

    def __init__(self) -> None:
        self._idle: list[Any] = []
        self._hub: Any = None

    def run(self, function: Callable[..., object], *args: object) -> None:
        """Run `function` in a greenlet of its own, at once when called on the loop, else in its next turn.

        What it raises is logged.
        """
        hub = self._hub
        if hub is None:
            hub = self._hub = _green.hubs.get_hub()
        if _green.getcurrent() is not hub.greenlet:
            hub.schedule_call_global(0, self.run, function, *args)
            return
        worker = self._idle.pop() if self._idle else _green.greenlet.greenlet(self._work, hub.greenlet)
        worker.switch((function, args))

    def _work(self, job: tuple[Callable[..., object], tuple[object, ...]]) -> None:
        hub = _green.hubs.get_hub()
        me = _green.getcurrent()
        while True:
            function, args = job
            try:
                function(*args)
            except Exception:
                log.exception("a job failed")
            del function, args, job
            self._idle.append(me)
            job = hub.switch()


workers = Workers()


def run_blocking(function: Callable[..., T], *args: object) -> T:
    """Run `function` in an operating system's thread while everything else goes on."""
    if _green:
        result: T = _green.tpool.execute(function, *args)
        return result
    return function(*args)


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket, Nagle's delay off for all that it accepts (p99 36 to 5 ms, design.md)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


@dataclass(frozen=True, slots=True)
class Life:
    """What is done at the turns of a server's life.

    `on_ready`: a signal would now be obeyed. `on_signal`: one came, and the door is still open. `on_stop`: the door is
    closed; it ends the connections that would otherwise stay. Requests under way have `stop_seconds` from then on.
    """

    on_ready: Hook
    on_signal: Hook
    on_stop: Hook
    stop_seconds: float


def serve(listener: socket.socket, application: Application, life: Life) -> None:
    """Serve `application` until SIGTERM or SIGINT. A second signal ends the process at once."""
    if _green:
        _serve_green(listener, application, life)
    else:
        _serve_with_threads(listener, application, life)


def _serve_green(listener: socket.socket, application: Application, life: Life) -> None:
    server = _green.spawn(
        _green.wsgi.server, listener, application, max_size=CONNECTIONS, log_output=False, debug=False, keepalive=75
    )
    stopped = threading.Event()

    def stop() -> None:
        if stopped.is_set():
            os._exit(1)
        stopped.set()

    _on_signals(stop)
    life.on_ready()
    stopped.wait()
    life.on_signal()
    deadline = time.monotonic() + life.stop_seconds
    _green.kill(server, SystemExit)  # eventlet's loop then closes idle connections and waits for the others
    listener.close()
    life.on_stop()
    with _green.Timeout(max(0.1, deadline - time.monotonic()), False):
        server.wait()


def _on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT. A scheduled handler began 2.5 s late under load, this at once (design.md)."""
    global _wake_up
    reader, _wake_up = socket.socketpair()
    _wake_up.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(_wake_up.fileno(), warn_on_full_buffer=False)

    def wait() -> None:
        while True:
            if any(byte in (signal.SIGTERM, signal.SIGINT) for byte in reader.recv(64)):
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
            os._exit(1)
        stopping.set()
        threading.Thread(target=end, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    life.on_ready()
    server.serve_forever(poll_interval=0.1)
    listener.close()
    life.on_stop()
    deadline = time.monotonic() + THREADS_SECONDS
    while under_way and time.monotonic() < deadline:
        time.sleep(0.02)
