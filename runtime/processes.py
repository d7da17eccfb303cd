"""Several processes that share a port: they are started, watched, started again when they die, and ended together.

Each is a fresh interpreter. A fork of a process that has imported everything would save some 80 MB, and share what must
not be shared: eventlet's loop, the name of the node, counters of ids (docs/decisions/0020-several-processes.md).

Nothing here waits but for news: signals, the lines to the processes, and the next time that something is due.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from runtime.doors import Doors
from runtime.place import ARGUMENT, MIGRATE, READY, START

log = logging.getLogger("parley.runtime")

STEADY_SECONDS = 30.0
"""One that has served for so long is started again at once; one that dies sooner, after a pause that doubles."""

PAUSE_SECONDS, LONGEST_PAUSE = 0.25, 5.0
"""The first of those pauses, and their bound: about what a client waits between two tries."""


@dataclass(slots=True)
class _Process:
    """One of them: who it is at present, and how it went."""

    number: int
    door: socket.socket | None = None
    child: subprocess.Popen[bytes] | None = None
    line: socket.socket | None = None
    begun: float = 0.0
    called: bool = False
    serves: bool = False
    deaths: int = 0
    due: float | None = 0.0


class Processes:
    """All of them, and this one, which serves nobody."""

    def __init__(
        self, program: Path, doors: Doors, count: int, *, on_ready: Callable[[], None], stop_seconds: float
    ) -> None:
        """`count` times `program`; `on_ready` when all serve for the first time.

        On SIGTERM they have `stop_seconds` to end; then, or on a second signal, they are killed.
        """
        self._program, self._doors = program, doors
        self._all = [_Process(number) for number in range(1, count + 1)]
        self._on_ready: Callable[[], None] | None = on_ready
        self._migrated = False
        self._stop_seconds = stop_seconds
        self._stopping = False
        self._deadline: float | None = None
        self._status = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Until SIGTERM or SIGINT, or until none serves and none can be started; the exit status."""
        self._hear_signals()
        while not self._stopping or any(one.child for one in self._all):
            self._do_what_is_due()
            for key, _ in self._selector.select(self._seconds_to_wait()):
                key.data()
        return self._status

    def _hear_signals(self) -> None:
        """Get them as bytes on a socket: a handler could run anywhere."""
        self._signals, wake_up = socket.socketpair()
        for end in (self._signals, wake_up):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_up.detach(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signals)

    def _on_signals(self) -> None:
        numbers = set(self._signals.recv(4096))
        for process in self._all:
            if process.child is not None and process.child.poll() is not None:
                self._ended(process, process.child.returncode)
        if numbers & {signal.SIGTERM, signal.SIGINT}:
            self._stop()

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for process in self._all:
            if process.due is not None and process.due <= now:
                try:
                    self._start(process)
                except OSError as error:
                    log.error("a process cannot be started", extra={"number": process.number, "problem": str(error)})
                    process.due = now + LONGEST_PAUSE
        if self._deadline is not None and self._deadline <= now:
            self._kill("processes did not end in time")

    def _seconds_to_wait(self) -> float | None:
        times = [one.due for one in self._all if one.due is not None]
        if self._deadline is not None:
            times.append(self._deadline)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _start(self, process: _Process) -> None:
        if process.door is None:
            process.door = self._doors.open()
        line, theirs = socket.socketpair()
        line.setblocking(False)
        descriptors = (process.door.fileno(), theirs.fileno())
        command = [sys.executable, str(self._program), ARGUMENT, *map(str, (process.number, *descriptors))]
        with theirs:
            # In a group of its own: a terminal's Ctrl-C is for this process, which passes it on.
            process.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors, process_group=0)
        process.line, process.begun, process.due = line, time.monotonic(), None
        process.called = process.serves = False
        self._selector.register(line, selectors.EVENT_READ, functools.partial(self._told, process, line))
        self._call()

    def _call(self) -> None:
        """Let those start that may: the first alone, which migrates, and when it serves all others."""
        for process in self._all:
            if process.line is not None and not process.called and (self._migrated or process is self._all[0]):
                process.called = True
                with contextlib.suppress(BrokenPipeError):  # its end is being told as well
                    process.line.send(START if self._migrated else MIGRATE)

    def _told(self, process: _Process, line: socket.socket) -> None:
        try:
            told = line.recv(64)
        except ConnectionResetError:
            told = b""
        if not told:
            self._selector.unregister(line)
            line.close()
        elif READY in told and process.line is line and process.child is not None:
            process.serves = self._migrated = True
            log.info("a process serves", extra={"number": process.number, "pid": process.child.pid})
            self._call()
            if self._on_ready is not None and all(one.serves for one in self._all):
                self._on_ready()
                self._on_ready = None

    def _ended(self, process: _Process, status: int) -> None:
        served, process.serves, process.child, process.line = process.serves, False, None, None
        if self._stopping:
            if served and status != 0:
                log.error("a process ended badly", extra={"number": process.number, "status": _words(status)})
                self._status = 1
        elif served or (self._on_ready is None and any(one.serves for one in self._all)):
            self._start_again(process, status, served)
        else:
            self._fail(f"process {process.number} of {len(self._all)} ended before it served ({_words(status)}).")

    def _start_again(self, process: _Process, status: int, served: bool) -> None:
        lived = time.monotonic() - process.begun
        asked = served and status == 0
        process.deaths = 0 if asked else 1 if served and lived >= STEADY_SECONDS else process.deaths + 1
        pause = min(LONGEST_PAUSE, PAUSE_SECONDS * 2 ** (process.deaths - 2)) if process.deaths > 1 else 0.0
        process.due = time.monotonic() + pause
        if pause and process.door is not None:
            self._doors.shut(process.door)
            process.door = None
        log.log(
            logging.INFO if asked else logging.ERROR,
            "a process ended and is started again",
            extra={
                "number": process.number,
                "status": _words(status),
                "pause_seconds": pause,
                "lived": round(lived, 1),
            },
        )

    def _stop(self) -> None:
        """Ask all to end; asked twice, make them."""
        if self._stopping:
            self._kill("processes were told twice to end")
            return
        self._stopping, self._deadline = True, time.monotonic() + self._stop_seconds
        self._doors.close()
        for process in self._all:
            process.due = None
            if process.child is not None:
                process.child.send_signal(Signals.SIGTERM)

    def _kill(self, why: str) -> None:
        living = [one for one in self._all if one.child is not None]
        if living:
            log.error(why, extra={"numbers": [one.number for one in living]})
            self._status = 1
        self._deadline = None
        for process in living:
            assert process.child is not None
            process.child.kill()

    def _fail(self, problem: str) -> None:
        sys.stderr.write(f"Parley cannot start: {problem}\n")
        self._stop()
        self._status = 1


def _words(status: int) -> str:
    return f"killed by {Signals(-status).name}" if status < 0 else f"status {status}"


def several(
    program: Path, host: str, port: int, count: int, *, on_ready: Callable[[int], None], stop_seconds: float
) -> int:
    """Serve with `count` processes until SIGTERM; the exit status. `on_ready` is given the port. Raises OSError."""
    doors = Doors(host, port)
    ready = functools.partial(on_ready, doors.port)
    return Processes(program, doors, count, on_ready=ready, stop_seconds=stop_seconds).run()
