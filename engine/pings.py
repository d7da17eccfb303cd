"""All pings from one timer: every client has the same interval, so that they fall due in the order of their pongs."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING

import runtime
from engine.outbox import blocked

if TYPE_CHECKING:
    from engine.connection import Connection
    from engine.transport import Transport

log = logging.getLogger("parley.engine")

LONGEST, SHORTEST = 0.25, 0.001
"""Seconds between two looks."""


class Pings:
    """Which client is to be pinged when, and which has to answer by when."""

    def __init__(self, server: Transport) -> None:
        self._server = server
        self._due: deque[tuple[float, Connection]] = deque()
        self._unanswered: deque[tuple[float, float | None, Connection]] = deque()
        self._silent: deque[tuple[float, Connection]] = deque()
        self._started = False
        self._look_at_blocked = 0.0

    def schedule(self, connection: Connection) -> None:
        """Ping this client an interval from now."""
        self._due.append((time.monotonic() + self._server.ping_interval, connection))
        if not self._started:
            self._started = True
            runtime.spawn(self._run)

    def expect_connect(self, connection: Connection, seconds: float) -> None:
        """Close this client unless it has joined a namespace within `seconds`."""
        self._silent.append((time.monotonic() + seconds, connection))

    def _run(self) -> None:
        while True:
            runtime.sleep(self._pause(time.monotonic()))
            try:
                self._tick(time.monotonic())
            except Exception:
                log.exception("a look at the pings failed")

    def _pause(self, now: float) -> float:
        first = (waiting[0][0] for waiting in (self._due, self._unanswered, self._silent) if waiting)
        return max(SHORTEST, min(LONGEST, min(first, default=now + LONGEST) - now))

    def _tick(self, now: float) -> None:
        self._ping(now)
        self._close_silent(now)
        if now >= self._look_at_blocked:
            self._look_at_blocked = now + LONGEST
            for outbox in [outbox for outbox in blocked if outbox.overdue(now)]:
                outbox.cut("it takes nothing any longer")

    def _ping(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            due, connection = self._due.popleft()
            if not connection.closed and not connection.closing:
                connection.ping()
                self._unanswered.append((due + self._server.ping_timeout, connection.last_ping, connection))
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
