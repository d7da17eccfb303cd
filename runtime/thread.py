"""An operating system's thread for one kind of work, that comes and goes faster than one of a pool."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeVar

from runtime import loop

T = TypeVar("T")


class Thread:
    """Runs one job at a time while everything else goes on; started by the first.

    eventlet's pool hands a job over by a queue made of Python's locks, and its end by a connection over TCP. Every such
    step is one in which the thread waits for the interpreter, beside a loop that is busy. Here the way in is a queue
    that needs one of them, and the way back is a byte that the loop watches for.
    """

    def __init__(self) -> None:
        self._jobs: Any = None
        self._hub: Any = None
        self._waiting: Any = None
        self._ended: tuple[Any, BaseException | None] = (None, None)

    def run(self, function: Callable[..., T], *args: object) -> T:
        """What `function` returns or raises; one caller at a time. Without eventlet it runs here and now."""
        eventlet = loop.eventlet_itself()
        if not eventlet:
            return function(*args)
        hub = eventlet.hubs.get_hub()
        if self._jobs is None:
            self._start(eventlet, hub)
        elif hub is not self._hub:  # in some other thread already
            return function(*args)
        self._waiting = eventlet.getcurrent()
        self._jobs.put((function, args))
        hub.switch()
        (result, error), self._ended = self._ended, (None, None)
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _start(self, eventlet: Any, hub: Any) -> None:
        original = eventlet.patcher.original
        plain = original("socket")
        mine, its = plain.socketpair(plain.AF_UNIX if hasattr(plain, "AF_UNIX") else plain.AF_INET, plain.SOCK_STREAM)
        mine.setblocking(False)
        self._hub, self._jobs = hub, original("queue").SimpleQueue()
        loop.watch_reading(mine.fileno(), lambda _: self._back(mine), lambda *_: None)
        original("threading").Thread(target=self._work, args=(self._jobs, its), daemon=True).start()

    def _back(self, mine: socket.socket) -> None:
        """On the loop: the job has ended. Its caller goes on when all that can be read now has been read, which fills
        the next batch.
        """
        mine.recv(1)
        waiting, self._waiting = self._waiting, None
        self._hub.schedule_call_global(0, waiting.switch)

    def _work(self, jobs: Any, its: socket.socket) -> None:
        while True:
            function, args = jobs.get()
            try:
                self._ended = function(*args), None
            except BaseException as error:  # noqa: BLE001 (it is raised where the job came from)
                self._ended = None, error
            del function, args
            its.send(b"\0")
