"""How long one client, or a herd of them, may keep the loop to itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import runtime

SLICE_SECONDS = 0.001
"""After so long without a pause, others have their turn."""

PAUSE_SECONDS = 0.0002
"""Between two pieces of one client's work; a longer one was a pause."""

HERD_SECONDS = 0.002
"""How much of a turn a herd has."""


class Turn:
    """The work of one client, piece by piece: `begin` before each, `end` after it. In a greenlet that may wait."""

    __slots__ = ("_began", "_ended")

    def __init__(self) -> None:
        self._began = self._ended = 0.0

    def begin(self) -> None:
        """Let others have their turn first, if this client has had its own."""
        now = time.monotonic()
        if now - self._ended > PAUSE_SECONDS:
            self._began = now
        elif now - self._began > SLICE_SECONDS:
            runtime.sleep(0)
            self._began = time.monotonic()

    def end(self) -> None:
        """The piece is done."""
        self._ended = time.monotonic()


class Herd:
    """What falls due for very many at once: `a_turn` of it in each turn of the loop, in greenlets that may wait."""

    def __init__(self, a_turn: int) -> None:
        self._a_turn = a_turn
        self._waiting: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._armed = False

    def add(self, function: Callable[..., object], *args: object) -> None:
        """Call the function in this turn's end, or in one soon after."""
        self._waiting.append((function, args))
        if not self._armed:
            self._armed = True
            runtime.call_soon(self._run)

    def _run(self) -> None:
        end = time.monotonic() + HERD_SECONDS
        for _ in range(min(self._a_turn, len(self._waiting))):
            function, args = self._waiting.popleft()
            runtime.workers.run(function, *args)
            if time.monotonic() > end:
                break
        self._armed = bool(self._waiting)
        if self._armed:
            runtime.call_soon(self._run)


goodbyes = Herd(32)
"""Sessions that have ended and of which the application is to be told."""
