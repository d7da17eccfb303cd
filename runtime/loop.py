"""How code waits and runs beside other code.

Everything above uses these few verbs, so that leaving eventlet is a setting (`ASYNC_MODE=threading`). Until `patch()`
has been called (the `flask` commands, tests) the verbs work with plain threads. Locks, events and queues need no verb:
the standard library's own are cooperative once the process is patched.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
log = logging.getLogger("parley.runtime")

CONNECTION = "parley.connection"
"""The key of a request's environment for a connection that came past the WSGI server."""

SWITCH_SECONDS = 0.00004
"""How long a thread may keep Python's interpreter from one that waits for it; 5 ms as it comes.

SQLite's thread wants it twice for a batch, to begin and to end, and the loop tells the batch before meanwhile: for 0.2
to 0.6 ms it makes no call of the system that would let go of it. With 1 ms, 100 busy pairs were a tenth slower.
"""

BEFORE = ("sqlalchemy.orm",)
"""Libraries that make locks as they are imported, for a few steps that never wait, and that other threads use too.

SQLAlchemy numbers sessions under one. SQLite's thread, which makes sessions, must not find a cooperative lock taken: in
another thread nobody wakes who waits for it, and it would wait for ever, and every write behind it. Made before the
standard library is cooperative, it is a plain one.
"""

_green: Any = None


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

    for name in BEFORE:
        importlib.import_module(name)
    from runtime import hub

    if hub.is_available():
        eventlet.hubs.use_hub(hub)
    eventlet.monkey_patch()
    sys.setswitchinterval(SWITCH_SECONDS)
    _green = eventlet


def green() -> bool:
    """Whether this process runs on eventlet."""
    return _green is not None


def eventlet_itself() -> Any:
    """The library, where this process runs on it; for this package only."""
    return _green


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


def others_wait() -> bool:
    """Whether something else is due on the loop already; never without one."""
    if not _green:
        return False
    hub = _green.hubs.get_hub()
    return bool(hub.next_timers) or (bool(hub.timers) and hub.timers[0][0] <= hub.clock())


def watch_reading(
    descriptor: int, on_ready: Callable[[int], object], on_error: Callable[..., object], *, new: bool = True
) -> object:
    """Call `on_ready` on the loop whenever there is something to read, until `unwatch`. Only on eventlet.

    It is given the descriptor; `on_error` whatever eventlet says. What is `new` to the loop ends every watch of that
    number, which was another file's; who only reads on says False, or its own wait for writing would end with them.
    """
    hub = _green.hubs.get_hub()
    if new:
        hub.mark_as_reopened(descriptor)
    return hub.add(hub.READ, descriptor, on_ready, on_error, None)


def watch_writing(descriptor: int, on_ready: Callable[..., object]) -> object:
    """Call `on_ready` on the loop whenever bytes can be written, until `unwatch`. Only on eventlet."""
    hub = _green.hubs.get_hub()
    return hub.add(hub.WRITE, descriptor, on_ready, on_ready, None)


def unwatch(listener: object) -> None:
    """End a `watch_reading` or `watch_writing`; harmless where it has ended."""
    with contextlib.suppress(KeyError):
        _green.hubs.get_hub().remove(listener)


def take_socket(environ: dict[str, Any]) -> socket.socket | None:
    """A request's connection, out of the WSGI server's hands, plain and non-blocking; None for TLS and threads.

    Whoever accepted it without the WSGI server has put it into the request as `CONNECTION`.
    """
    accepted: socket.socket | None = environ.pop(CONNECTION, None)
    if accepted is not None:
        return accepted
    if not _green or "eventlet.input" not in environ:
        return None
    green = environ["eventlet.input"].get_socket()
    plain: Any = _green.patcher.original("socket").socket
    descriptor: Any = getattr(green, "fd", None)
    if type(descriptor) is not plain:
        return None
    raw: socket.socket = plain(descriptor.family, descriptor.type, descriptor.proto, fileno=descriptor.detach())
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
        # Not by eventlet's own switch, which looks after greenlets that are not the loop's children: these are.
        idle, me, back = self._idle.append, _green.getcurrent(), _green.hubs.get_hub().greenlet.switch
        while True:
            function, args = job
            try:
                function(*args)
            except Exception:
                log.exception("a job failed")
            del function, args, job
            idle(me)
            job = back()


workers = Workers()


def run_blocking(function: Callable[..., T], *args: object) -> T:
    """Run `function` in an operating system's thread while everything else goes on."""
    if _green:
        result: T = _green.tpool.execute(function, *args)
        return result
    return function(*args)
