"""The server with a stopwatch on its loop: `python measured_server.py APP`.

It counts the processor time that the loop's thread spends between one look for something to do and the next. A line on
standard input comes back on standard output with the longest such turn since the line before, in milliseconds.

A processor that shares its core with a busy neighbour, as on a virtual machine, takes up to twice as long for the same
work, and calls all of it processor time. So each long turn is followed by a fixed piece of work in the same thread; by
as much as that took longer than on the undisturbed processor of the bar, the turn is shortened.
"""

from __future__ import annotations

import runpy
import statistics
import sys
import time
from pathlib import Path
from typing import Any

STEPS, UNDISTURBED_SECONDS = 10_000, 0.000135
"""The fixed piece of work, and what it takes on the machine on which the bar was set (2.8 GHz), with no neighbour."""

LONG_SECONDS = 0.001
"""A shorter turn is of no interest."""


def slowdown() -> float:
    """How many times as long as there the processor takes at this moment; 1 where it is faster."""
    taken = []
    for _ in range(5):
        began = time.thread_time()
        for _ in range(STEPS):
            pass
        taken.append(time.thread_time() - began)
    return max(1.0, statistics.median(taken) / UNDISTURBED_SECONDS)


class Stopwatch:
    """Measures the turns of a loop of eventlet's, from the return of its poll to the next call of it."""

    def __init__(self, hub: Any) -> None:
        self._poll = hub.do_poll
        self._began = time.thread_time()
        self._longest = 0.0
        hub.do_poll = self._measured

    def _measured(self, seconds: float) -> Any:
        turn = time.thread_time() - self._began
        if turn > max(self._longest, LONG_SECONDS):
            self._longest = max(self._longest, turn / slowdown())
        found = self._poll(seconds)
        self._began = time.thread_time()
        return found

    def answer(self) -> None:
        """In a thread of its own, to the end of the input."""
        for line in sys.stdin:
            longest, self._longest = self._longest, 0.0
            sys.stdout.write(f"{line.strip()} {longest * 1000:.3f}\n")
            sys.stdout.flush()


def main() -> None:
    """Serve until SIGTERM."""
    app = sys.argv[1]
    sys.path[0] = str(Path(app).parent)
    sys.argv = [app]
    import runtime  # noqa: PLC0415 (only now can it be found)

    plain = runtime.patch

    def patch() -> None:
        plain()
        import eventlet.hubs  # noqa: PLC0415 (only now is the process patched)
        import eventlet.patcher  # noqa: PLC0415

        stopwatch = Stopwatch(eventlet.hubs.get_hub())
        eventlet.patcher.original("threading").Thread(target=stopwatch.answer, daemon=True).start()

    runtime.patch = patch
    runpy.run_path(app, run_name="__main__")


if __name__ == "__main__":
    main()
