"""Rooms in which a packet is missing: each is given a moment, then read; those that are late by then are read together.

Without Redis every commit of this node that follows one of another node's is such a case. One reading at a time, for
all who wait, costs a busy node less the busier it is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

import runtime
from realtime.gate import Gate

log = logging.getLogger("parley.realtime")


class Overdue:
    """Who waits, and until when. `patience`: how many seconds a room is given; `read` tells rooms what they lack."""

    def __init__(self, patience: Callable[[], float], read: Callable[[Sequence[Gate]], None]) -> None:
        self._patience = patience
        self._read = read
        self._due: dict[str, tuple[float, Gate]] = {}
        self._running = False
        self._lock = threading.Lock()

    def expect(self, gate: Gate) -> None:
        """The room misses a packet. Never waits."""
        with self._lock:
            if gate.conversation_id in self._due:
                return
            patience = self._patience()
            self._due[gate.conversation_id] = (time.monotonic() + patience, gate)
            start, self._running = not self._running, True
        if start:
            runtime.call_later(patience, self._run)

    def _run(self) -> None:
        """Until nobody waits."""
        while (found := self._take()) is not None:
            gates, seconds = found
            if not gates:
                runtime.sleep(seconds)
                continue
            try:
                self._read(gates)
            except Exception:
                log.exception("rooms could not be told what they missed")

    def _take(self) -> tuple[list[Gate], float] | None:
        """Those who have waited long enough, or the seconds until somebody has; None where nobody waits any more."""
        with self._lock:
            if not self._due:
                self._running = False
                return None
            now = time.monotonic()
            late = [one for one, (at, _) in self._due.items() if at <= now]
            return [self._due.pop(one)[1] for one in late], min((at for at, _ in self._due.values()), default=now) - now
