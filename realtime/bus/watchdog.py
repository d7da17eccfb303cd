"""Whether this node hears itself: a message a second to its own channel, and how long it takes to come back."""

from __future__ import annotations

import logging
import struct
import time

from realtime.bus.figures import ROUND_TRIP, UP

log = logging.getLogger("parley.relay")

BEAT_SECONDS = 1.0
DEAF_SECONDS = 5.0
"""After so long without hearing itself a node says that it is deaf; a restart of the server takes less."""

PATIENCE_SECONDS = (0.02, 0.25)
"""The least (design.md, one gate per room) and the most that a missing message is waited for."""

MEMORY = 0.2
"""The weight of the newest round trip in the average."""


class Watchdog:
    """Counts what it hears of itself, if it `ever` did. `beat` is called each second, `heard` with what it had sent."""

    def __init__(self) -> None:
        self._heard = time.monotonic()
        self.ever = False
        self._average = 0.0
        self._deaf = False
        self._despaired = self._heard

    def beat(self) -> bytes:
        """What to send now; also notes and logs when the node has gone deaf."""
        if not self._deaf and self.deaf_seconds > DEAF_SECONDS:
            self._deaf = True
            UP.set(0)
            log.error("the relay is deaf: this node does not hear itself", extra={"seconds": round(self.deaf_seconds)})
        return struct.pack("<d", time.monotonic())

    def heard(self, body: bytes) -> None:
        """One came back."""
        self._heard, self.ever = time.monotonic(), True
        took = self._heard - float(struct.unpack("<d", body)[0])
        self._average += (took - self._average) * MEMORY
        ROUND_TRIP.observe(took)
        UP.set(1)
        if self._deaf:
            self._deaf = False
            log.warning("the relay is back: this node hears itself")

    def despairs(self) -> bool:
        """Whether new connections may help, where the present ones are open and nothing comes; now and then."""
        now = time.monotonic()
        if self.deaf_seconds < DEAF_SECONDS or now - self._despaired < 2 * DEAF_SECONDS:
            return False
        self._despaired = now
        return True

    @property
    def deaf_seconds(self) -> float:
        """Since when nothing was heard."""
        return time.monotonic() - self._heard

    @property
    def patience(self) -> float:
        """How long a message that overtook another one may be ahead of it, in seconds."""
        least, most = PATIENCE_SECONDS
        return min(most, max(least, 2 * self._average))
