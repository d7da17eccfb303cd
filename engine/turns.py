"""How long one client may keep the loop to itself."""

from __future__ import annotations

import time

import runtime

SLICE_SECONDS = 0.001
"""After so long without a pause, others have their turn."""

PAUSE_SECONDS = 0.0002
"""Between two pieces of one client's work; a longer one was a pause."""


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
