"""A client's messages, handled one at a time in the order in which they came; no greenlet while none is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import runtime
from engine.turns import Turn


class Inbox:
    """The messages of one client that are still to be handled.

    `pause` is called when more wait than a client may have in flight, `resume` when there is room again: a client that
    sends faster than it is served is held back by its own connection.
    """

    __slots__ = ("_busy", "_handle", "_limit", "_pause", "_paused", "_resume", "_turn", "_waiting")

    def __init__(
        self, handle: Callable[[str | bytes], None], limit: int, pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self._handle = handle
        self._limit = limit
        self._pause = pause
        self._resume = resume
        self._waiting: deque[str | bytes] = deque()
        self._turn = Turn()
        self._busy = False
        self._paused = False

    def put(self, message: str | bytes) -> None:
        """Handle the message, after those before it."""
        if self._busy:
            self._waiting.append(message)
            if len(self._waiting) >= self._limit and not self._paused:
                self._paused = True
                self._pause()
        else:
            self._busy = True
            runtime.workers.run(self._work, message)

    def close(self) -> None:
        """The client is gone: what it sent and was not handled yet is dropped."""
        self._waiting.clear()

    def _work(self, message: str | bytes) -> None:
        try:
            self._take(message)
            while self._waiting:
                self._take(self._waiting.popleft())
                if self._paused and len(self._waiting) <= self._limit // 2:
                    self._paused = False
                    self._resume()
        finally:
            self._busy = False

    def _take(self, message: str | bytes) -> None:
        self._turn.begin()
        self._handle(message)
        self._turn.end()
