"""A client's messages, handled one at a time in the order in which they came; no greenlet while none is there."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import runtime
from engine.turns import Turn


class Owner(Protocol):
    """Whose messages they are."""

    def handle_at_once(self, message: str | bytes) -> bool:
        """Handle one on the loop, where that waits for nothing; returns whether it did. Raises nothing."""

    def handle_message(self, message: str | bytes) -> None:
        """Handle one; in a greenlet that may wait. Raises nothing."""

    def pause_reading(self) -> None:
        """More wait than a client may have in flight."""

    def resume_reading(self) -> None:
        """There is room again."""


class Inbox:
    """The messages of one client that are still to be handled.

    A client that sends faster than it is served is held back by its own connection.
    """

    __slots__ = ("_busy", "_limit", "_owner", "_paused", "_turn", "_waiting")

    def __init__(self, owner: Owner, limit: int) -> None:
        self._owner = owner
        self._limit = limit
        self._waiting: deque[str | bytes] | tuple[()] = ()
        self._turn = Turn()
        self._busy = False
        self._paused = False

    def put(self, message: str | bytes) -> None:
        """Handle the message, after those before it."""
        if self._busy:
            if not self._waiting:
                self._waiting = deque()
            self._waiting.append(message)
            if len(self._waiting) >= self._limit and not self._paused:
                self._paused = True
                self._owner.pause_reading()
        elif not self._owner.handle_at_once(message):
            self._busy = True
            runtime.workers.run(self._work, message)

    def close(self) -> None:
        """The client is gone: what it sent and was not handled yet is dropped."""
        self._waiting = ()

    def _work(self, message: str | bytes) -> None:
        try:
            self._take(message)
            while self._waiting:
                self._take(self._waiting.popleft())
                if self._paused and len(self._waiting) <= self._limit // 2:
                    self._paused = False
                    self._owner.resume_reading()
        finally:
            self._busy, self._waiting = False, ()

    def _take(self, message: str | bytes) -> None:
        self._turn.begin()
        self._owner.handle_message(message)
        self._turn.end()
