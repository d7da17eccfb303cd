"""An operating system's thread for one kind of work, that comes and goes faster than one of a pool."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from runtime import loop

T = TypeVar("T")

BELLS = 64
"""Jobs of which the loop hears at once."""


class Thread:
    """Runs one job after another while everything else goes on; started by the first.

    eventlet's pool hands a job over by a queue made of Python's locks, and its end by a connection over TCP. Every such
    step is one in which the thread waits for the interpreter, beside a loop that is busy. Here the way in is a queue
    that needs one of them, and the way back is a byte that the loop watches for.
    """

    def __init__(self) -> None:
        self._jobs: Any = None
        self._hub: Any = None
        self._ended: deque[tuple[Any, Any, BaseException | None]] = deque()

    def run(self, function: Callable[..., T], *args: object) -> T:
        """What `function` returns or raises, after the jobs before it. Without eventlet it runs here and now.

        The caller goes on when all that can be read now has been read: that fills the next batch.
        """
        eventlet = loop.eventlet_itself()
        if not eventlet:
            return function(*args)
        hub = eventlet.hubs.get_hub()
        if self._jobs is None:
            self._start(eventlet, hub)
        elif hub is not self._hub:  # in some other thread already
            return function(*args)
        self._jobs.put((eventlet.getcurrent(), function, args))
        result, error = hub.switch()
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _start(self, eventlet: Any, hub: Any) -> None:
        original = eventlet.patcher.original
        mine, its = original("socket").socketpair()
        mine.setblocking(False)
        self._hub, self._jobs = hub, original("queue").SimpleQueue()
        loop.watch_reading(mine.fileno(), lambda _: self._hear(mine), lambda *_: None)
        original("threading").Thread(target=self._work, args=(self._jobs, its), daemon=True).start()

    def _hear(self, mine: socket.socket) -> None:
        """On the loop: as many jobs have ended as there are bytes."""
        for _ in mine.recv(BELLS):
            waiting, *outcome = self._ended.popleft()
            self._hub.schedule_call_global(0, waiting.switch, outcome)

    def _work(self, jobs: Any, its: socket.socket) -> None:
        while True:
            waiting, function, args = jobs.get()
            try:
                self._ended.append((waiting, function(*args), None))
            except BaseException as error:  # noqa: BLE001 (it is raised where the job came from)
                self._ended.append((waiting, None, error))
            del waiting, function, args
            its.send(b"\0")
