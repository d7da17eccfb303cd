"""No socket outlives its token: it is warned a minute before, and closed at the end."""

from __future__ import annotations

import heapq
import threading

from models import now_ms
from realtime.connections import Connection, close, connections, emit
from schemas.base import iso
from schemas.errors import token_expired

WARNING_MS = 60_000
"""How long before the end a client is told (protocol.md, Socket.IO)."""

CHECK_SECONDS = 0.25


class Expiry:
    """All tokens' ends in one queue, watched by one loop, so that a socket costs no timer of its own."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, int, str]] = []
        self._lock = threading.Lock()

    def watch(self, connection: Connection) -> None:
        """Mind the connection's present `expires_at`; an earlier end that was minded before counts no more."""
        self._mind(connection.expires_at - WARNING_MS, connection)

    def _mind(self, at: int, connection: Connection) -> None:
        with self._lock:
            heapq.heappush(self._queue, (at, connection.expires_at, connection.sid))

    def check(self) -> None:
        """Warn and close those whose time has come; to be called every `CHECK_SECONDS`."""
        while due := self._due():
            self._tell(due)

    def _tell(self, due: list[tuple[int, int, str]]) -> None:
        for at, expires_at, sid in due:
            connection = connections.get(sid)
            if connection is None or connection.expires_at != expires_at:
                continue
            if at < expires_at:
                self._mind(expires_at, connection)
                emit("auth:expiring", {"expiresAt": iso(expires_at)}, to=sid)
            else:
                emit("error", token_expired().body(), to=sid)
                close(connection)

    def _due(self) -> list[tuple[int, int, str]]:
        now, due = now_ms(), []
        with self._lock:
            while self._queue and self._queue[0][0] <= now:
                due.append(heapq.heappop(self._queue))
        return due


expiry = Expiry()
