"""Processes that tests start: their output is kept and can be awaited, and none outlives the test run."""

from __future__ import annotations

import atexit
import re
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import IO, ClassVar

PROJECT = Path(__file__).resolve().parent.parent.parent


class Output:
    """What a process wrote to a stream, read beside the test so that the process never waits for a reader."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._stream = stream
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._news:
                    self._lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def lines(self) -> list[str]:
        """All lines so far."""
        with self._news:
            return list(self._lines)

    def text(self) -> str:
        """All of it so far."""
        return "\n".join(self.lines())

    def wait_for(self, pattern: str, timeout: float = 10.0) -> re.Match[str] | None:
        """The first line with `pattern`, awaited `timeout` seconds; None when time or the stream ends."""
        compiled, seen, deadline = re.compile(pattern), 0, time.monotonic() + timeout
        with self._news:
            while True:
                while seen < len(self._lines):
                    found = compiled.search(self._lines[seen])
                    seen += 1
                    if found:
                        return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._news.wait(left)

    def wait_count(self, number: int, timeout: float = 10.0) -> str | None:
        """The line of this number, from 1, awaited `timeout` seconds; None when time or the stream ends."""
        with self._news:
            self._news.wait_for(lambda: len(self._lines) >= number or self._ended, timeout)
            return self._lines[number - 1] if len(self._lines) >= number else None

    def close(self) -> None:
        """Wait until all was read; the process must have ended."""
        self._reader.join(timeout=5)


class Child:
    """One process of our own. Its output and its errors are kept apart; its input is open where asked for."""

    _living: ClassVar[weakref.WeakSet[Child]] = weakref.WeakSet()

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path = PROJECT,
        uid: int | None = None,
        stdin: bool = False,
    ) -> None:
        """Start `command` with exactly the environment `env`; with `uid`, as that user and group."""
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            user=uid,
            group=uid,
            extra_groups=[] if uid is not None else None,
        )
        assert self.process.stdout
        assert self.process.stderr
        self.out = Output(self.process.stdout)
        self.err = Output(self.process.stderr)
        Child._living.add(self)

    @property
    def pid(self) -> int:
        """The system's id of the process."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def signal(self, number: Signals) -> None:
        """Send it a signal; SIGSTOP freezes it, SIGCONT lets it go on."""
        self.process.send_signal(number)

    def write_line(self, text: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, timeout: float) -> int:
        """Its exit status (negative: the signal that ended it). Raises subprocess.TimeoutExpired."""
        status = self.process.wait(timeout)
        self._ended()
        return status

    def stop(self, number: Signals = Signals.SIGTERM, timeout: float = 15.0) -> int:
        """Ask it to end; its exit status. If it has not ended after `timeout` seconds: killed, a failure."""
        if self.running:
            self.process.send_signal(number)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"process {self.pid} did not end within {timeout} s of {number.name}") from None

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        self._ended()

    def _ended(self) -> None:
        Child._living.discard(self)
        if self.process.stdin:
            self.process.stdin.close()
        self.out.close()
        self.err.close()

    @classmethod
    def kill_all(cls) -> None:
        """End what is left, at the end of the test run."""
        for child in list(cls._living):
            child.kill()


atexit.register(Child.kill_all)
