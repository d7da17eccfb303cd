"""Every check and every test, two beside each other where that is safe: the work behind `bin/test` without arguments.

Parts share nothing but the machine: they run in two lanes, each with servers, databases and ports of its own. Tests
that measure processor time or latency are marked `alone`, and run when the lanes are empty. The exit status is 1 where
a part failed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LANES = 2
DEADLINE = 900.0
"""Seconds for one part: more is a hang, which pytest's own deadline for each test did not end."""

GRACE = 30.0
"""Seconds for the part that is told to end, to stop the servers that it started."""

SHOWN = 12
"""Lines of a failed part that are repeated at the end of the run."""

PYTEST = ("pytest",)
SOCKETS = "tests/sockets"
LONG = ("tests/nodes", "tests/reliability")
PAGES = ("tests/browser", "tests/clients")
OF_MEMORY = tuple(f"tests/sockets/test_{name}.py" for name in ("draining", "errors", "expiry", "presence", "typing"))
"""What no database has a part in; that it goes well with PostgreSQL, `tests/nodes` shows: every server there has it."""

OF_ROWS = tuple(
    f"tests/blueprints/test_{name}.py"
    for name in ("auth", "conversations", "files", "messages", "participants", "tokens", "uploads", "users")
)
"""What threads have no part in: a request, its rows and its answer."""

OF_EVENTS = tuple(f"tests/sockets/test_{name}.py" for name in ("errors", "reactions", "receipts", "sync"))
"""The same of an event."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the checks: a Python module with its arguments, and the cell of the matrix that it runs in."""

    name: str
    command: tuple[str, ...]
    cell: dict[str, str] = field(default_factory=dict)


def pytest_run(name: str, *arguments: str, only: str, **cell: str) -> Part:
    """A pytest run of the tests with these marks."""
    return Part(name, (*PYTEST, "-m", only, *arguments), cell)


def ignoring(*folders: str) -> tuple[str, ...]:
    """All but these folders."""
    return tuple(f"--ignore={folder}" for folder in folders)


BESIDE_OTHERS, CORE = "not alone", "core and not alone"

BESIDE = (
    Part("ruff check", ("ruff", "check", ".")),
    Part("ruff format", ("ruff", "format", "--check", ".")),
    pytest_run("all other tests, SQLite", *ignoring(*LONG, *PAGES), only=BESIDE_OTHERS),
    pytest_run("several servers and faults, SQLite", *LONG, only=BESIDE_OTHERS),
    pytest_run("pages and clients, SQLite", *PAGES, only=BESIDE_OTHERS),
    Part("mypy", ("mypy",)),
    pytest_run(
        "core tests, DATABASE=postgresql",
        *ignoring(*OF_MEMORY, *PAGES, "tests/commands"),
        only=CORE,
        DATABASE="postgresql",
    ),
    pytest_run(
        "core tests, ASYNC_MODE=threading",
        *ignoring(*OF_ROWS, *OF_EVENTS, "tests/commands"),
        only=CORE,
        ASYNC_MODE="threading",
    ),
    pytest_run("socket tests, ENGINE=stock", SOCKETS, only=CORE, ENGINE="stock"),
)
"""In the order in which they begin: the longest first, so that no lane is left with one at the end."""

ALONE = (pytest_run("tests that measure, SQLite", only="alone"),)


def what_failed(written: str) -> list[str]:
    """The lines of a part's output that say which of its tests failed and why; its last ones where none do."""
    lines = written.splitlines()
    said = [line for line in lines if line.startswith(("E  ", "FAILED ", "ERROR "))]
    return (said or lines)[-SHOWN:]


class Checks:
    """One run."""

    def __init__(self) -> None:
        self._waiting: deque[Part] = deque()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._ended_by = 0
        self._report: list[str] = []
        self._failures: list[str] = []
        self.failed = False

    def interrupt(self, number: int, _: FrameType | None) -> None:
        """End the whole run, with every process that it started: pytest takes SIGTERM for an interrupt."""
        self._ended_by = self._ended_by or number
        for process in list(self._running):
            process.terminate()

    def lanes(self, parts: tuple[Part, ...], lanes: int) -> None:
        """Run them, so many beside each other."""
        self._waiting.extend(parts)
        threads = [threading.Thread(target=self._lane) for _ in range(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # a signal is handled between two waits
                thread.join(0.5)
        if self._ended_by:
            sys.exit(128 + self._ended_by)

    def _lane(self) -> None:
        while not self._ended_by:
            try:
                part = self._waiting.popleft()
            except IndexError:
                return
            self._run(part)

    def _run(self, part: Part) -> None:
        """One part; what it wrote is shown in one piece when it has ended."""
        since = time.monotonic()
        with tempfile.TemporaryFile() as output:
            command = [sys.executable, "-m", *part.command]
            print(f"-- {part.name} begins", flush=True)
            process = subprocess.Popen(  # in a group of its own: an interrupt comes to it once, and from here
                command,
                cwd=ROOT,
                env={**os.environ, **part.cell},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            self._running.add(process)
            if self._ended_by:  # it came too late for the signal
                process.terminate()
            failed = self._status(process) != 0
            self._running.discard(process)
            line = f"{'FAILED' if failed else 'ok    '} {time.monotonic() - since:4.0f} s  {part.name}"
            output.seek(0)
            written = output.read().decode(errors="replace").rstrip()
            with self._lock:
                self._report.append(line)
                if failed:
                    self.failed = True
                    self._failures += [f"-- {part.name}", *what_failed(written)]
                print(f"\n== {part.name}\n{written}", flush=True)

    @staticmethod
    def _status(process: subprocess.Popen[bytes]) -> int:
        """How it ended; by force, with all of its group, where it does not end in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(DEADLINE)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return 1

    def report(self, seconds: float) -> str:
        """A line for each part, and last what failed: who keeps only the end of a run's output still learns it."""
        return "\n".join([*self._report, f"{'':6} {seconds:4.0f} s  in all", *self._failures])


def main() -> int:
    """Run everything."""
    begun = time.monotonic()
    checks = Checks()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, checks.interrupt)
    checks.lanes(BESIDE, LANES)
    checks.lanes(ALONE, 1)
    print(f"\n{checks.report(time.monotonic() - begun)}")
    return int(checks.failed)


if __name__ == "__main__":
    sys.exit(main())
