"""The server under chaos: on a port that clients cannot take, perhaps with a bomb in it or on a small disk."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.processes import PROJECT, Child
from tests.support.server import READY, ServerProcess

START_SECONDS = 30.0
SETTINGS = {"AUTO_PROVISION": "1", "LOG_LEVEL": "warning", "PING_INTERVAL": "1", "PING_TIMEOUT": "3"}
"""Users come by their tokens; quick pings let both sides notice soon that the other fell silent."""

LAUNCHER = Path(__file__).with_name("launcher.py")


def port_below_ephemeral() -> int:
    """A free port that the system gives to nobody by itself.

    While the server is down, clients try its port again and again. Were it one of those that the system chooses
    for outgoing connections, sooner or later a client would be given that very port, and be connected to itself.
    """
    while True:
        port = random.SystemRandom().randrange(16_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class ChaosServer(ServerProcess):
    """`python app.py`, with a command before it where `prefix` says so, and a bomb where `bomb` is above 0."""

    def __init__(self, data_dir: Path, env: Mapping[str, str], prefix: tuple[str, ...] = ()) -> None:
        super().__init__(data_dir, {**SETTINGS, **env})
        self.port = port_below_ephemeral()
        self.prefix = prefix
        self.bomb = 0

    def start(self, timeout: float = START_SECONDS) -> ServerProcess:
        """See `ServerProcess.start`."""
        app = PROJECT / "app.py"
        program = [str(LAUNCHER), str(app), str(self.bomb)] if self.bomb else [str(app)]
        if self._child is not None:
            self._past_log += self._child.err.lines()
        self._child = Child([*self.prefix, sys.executable, *program], env={"PORT": str(self.port), **self.env})
        if self._child.out.wait_for(READY, timeout) is None:
            self._child.kill()
            raise AssertionError(f"the server did not start (exit {self._child.process.returncode})\n{self.log_text()}")
        return self
