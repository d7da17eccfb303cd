"""How long a client holds the loop of a real server: processor time, the median of what it was tried twenty times."""

from __future__ import annotations

import json
import socket
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from tests.engine.mutation import TEXT, plain_frame
from tests.engine.test_limits import HELLO, await_bytes
from tests.support.api import Api, User
from tests.support.processes import PROJECT, Child
from tests.support.server import READY, ServerProcess

TIMES = 20
LIMIT_MS = 5.0
LAUNCHER = Path(__file__).parent / "measured_server.py"
ANSWER = b'4398765[{"ok":true'
QUESTION = plain_frame(b'4298765["echo",0]', TEXT)


class Measured:
    """The server, with a stopwatch on its loop, and a user."""

    def __init__(self, data_dir: Path) -> None:
        env = ServerProcess(data_dir).env | {"PORT": "0"}
        self._child = Child([sys.executable, LAUNCHER, PROJECT / "app.py"], env=env, stdin=True)
        ready = self._child.out.wait_for(READY, 30)
        assert ready, self._child.err.text()
        self.port = int(ready["port"])
        self.api = Api(self)
        self.user = self.api.register("alice")
        self._asked = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> socket.socket:
        """A WebSocket, on which nothing has been said."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(HELLO.encode())
        await_bytes(connection, b'"maxPayload"')
        return connection

    def connect(self, user: User, **auth: object) -> socket.socket:
        """A Socket.IO client."""
        connection = self.open()
        join(connection, user, **auth)
        return connection

    def hold(self, act: Callable[[], object]) -> float:
        """The longest turn of the loop while `act` runs, in the stopwatch's ms; what came of it is done by then."""
        self._longest()
        act()
        return self._longest()

    def _longest(self) -> float:
        for _ in range(2):  # when the second is answered, the turn of the first is over
            assert self.api.root("/healthz").status_code == 200
        self._asked += 1
        self._child.write_line(f"held-{self._asked}")
        line = self._child.out.wait_for(rf"^held-{self._asked} ([\d.]+)$")
        assert line, self._child.err.text()
        return float(line[1])

    def check(self, act: Callable[[], object], times: int = TIMES) -> None:
        """Fail where it holds the loop for more than 5 ms, usually."""
        turns = sorted(round(self.hold(act), 2) for _ in range(times))
        assert statistics.median(turns) < LIMIT_MS, f"the loop was held for {turns} ms"

    def close(self) -> None:
        """End it; it must have logged no traceback."""
        self.api.close()
        assert self._child.stop() == 0, self._child.err.text()
        assert "Traceback" not in self._child.err.text(), self._child.err.text()


def join(connection: socket.socket, user: User, **auth: object) -> None:
    """Say CONNECT, and wait until it is answered."""
    connection.sendall(plain_frame(b"40" + json.dumps({"token": user.token, **auth}).encode(), TEXT))
    await_bytes(connection, b'40{"sid"')
