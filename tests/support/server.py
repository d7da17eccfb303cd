"""Parley itself as a real process, on a port that the system chose, with its own data."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.processes import PROJECT, Child

SECRET = "the secret of the tests, long enough for HS256"
"""The JWT_SECRET of every server under test, so that tests can mint tokens of their own."""

LIGHT = PROJECT / "tests" / "support" / "light"
"""Where Python finds how to hash passwords quickly."""

READY = r"^Parley is listening on http://(?P<host>[^ ]+):(?P<port>\d+)"
PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "ASYNC_MODE", "ENGINE", "VIRTUAL_ENV")
"""What a server under test has from the environment of the test run; everything else is said by the test."""


class ServerProcess:
    """`python app.py`, started and awaited. `restart()` keeps data and port, as an operator's does."""

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None) -> None:
        """Nothing runs before `start()`. `env` goes over the settings of tests."""
        self.data_dir = data_dir
        self.host = "127.0.0.1"
        self.port = 0
        self.env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.env |= {"PYTHONUNBUFFERED": "1", "HOST": self.host, "DATA_DIR": str(data_dir)}
        self.env |= {"RATE_LIMITS": "off", "JWT_SECRET": SECRET, "PYTHONPATH": str(LIGHT), **(env or {})}
        self._child: Child | None = None
        self._past_log: list[str] = []

    def start(self, timeout: float = 30.0) -> ServerProcess:
        """Start it and wait until it listens. Fails with its log where it does not."""
        self._child = Child([sys.executable, PROJECT / "app.py"], env={"PORT": str(self.port), **self.env})
        ready = self._child.out.wait_for(READY, timeout)
        if ready is None:
            self._child.kill()
            raise AssertionError(f"the server did not start (exit {self._child.process.returncode})\n{self.log_text()}")
        self.port = int(ready["port"])
        return self

    @property
    def child(self) -> Child:
        """The process of the last `start()`."""
        assert self._child is not None, "the server was never started"
        return self._child

    @property
    def running(self) -> bool:
        """Whether it is up."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """The system's id of the process."""
        return self.child.pid

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def log_text(self) -> str:
        """Its log (standard error) since the first start, and its standard output since the last."""
        return "\n".join([*self._past_log, *self.child.err.lines(), *self.child.out.lines()])

    def wait_for_log(self, pattern: str, timeout: float = 10.0) -> str:
        """The first line of this start's log with `pattern`. Fails where none comes in `timeout` seconds."""
        found = self.child.err.wait_for(pattern, timeout)
        assert found, f"no line with {pattern!r} in the log within {timeout} s:\n{self.log_text()}"
        return found.string

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 15.0) -> int:
        """SIGTERM, and its exit status (0 where it drained). Fails after `timeout` seconds."""
        return self.child.stop(number, timeout)

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        self.child.kill()

    def restart(self, *, kill: bool = False) -> None:
        """Stop it (or kill it), and start it on the same port with the same data."""
        if kill:
            self.kill()
        else:
            self.stop()
        self._past_log += self.child.err.lines()
        self.start()
