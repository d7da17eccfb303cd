"""All pings from one timer: every client has the same interval, so that they fall due in the order of their pongs."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import runtime
from engine.outbox import blocked

if TYPE_CHECKING:
    from engine.connection import Connection
    from engine.transport import Transport

TICK_SECONDS = 0.25


class Pings:
    """Which client is to be pinged when, and which has to answer by when."""

    def __init__(self, server: Transport) -> None:
        self._server = server
        self._due: deque[tuple[float, Connection]] = deque()
        self._unanswered: deque[tuple[float, float | None, Connection]] = deque()
        self._silent: deque[tuple[float, Connection]] = deque()
        self._started = False

    def schedule(self, connection: Connection) -> None:
        """Ping this client an interval from now."""
        self._due.append((time.monotonic() + self._server.ping_interval, connection))
        if not self._started:
            self._started = True
            runtime.every(TICK_SECONDS, self._tick)

    def expect_connect(self, connection: Connection, seconds: float) -> None:
        """Close this client unless it has joined a namespace within `seconds`."""
        self._silent.append((time.monotonic() + seconds, connection))

    def _tick(self) -> None:
        now = time.monotonic()
        self._ping(now)
        self._close_silent(now)
        for outbox in [outbox for outbox in blocked if outbox.overdue(now)]:
            outbox.cut("it takes nothing any longer")

    def _ping(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            connection = self._due.popleft()[1]
            if not connection.closed and not connection.closing:
                connection.ping()
                self._unanswered.append((now + self._server.ping_timeout, connection.last_ping, connection))
        while self._unanswered and self._unanswered[0][0] <= now:
            _, asked_at, connection = self._unanswered.popleft()
            if not connection.closed and connection.last_ping == asked_at:
                runtime.workers.run(self._time_out, connection)

    def _time_out(self, connection: Connection) -> None:
        connection.close(wait=False, reason=self._server.reason.PING_TIMEOUT)

    def _close_silent(self, now: float) -> None:
        while self._silent and self._silent[0][0] <= now:
            connection = self._silent.popleft()[1]
            if not connection.closed and not self._server.joined(connection.sid):
                runtime.workers.run(connection.close, False)
