"""What waits to be written to sockets: gathered for one turn of the loop, so that a socket gets one `send` for all.

There is no queue, timer or greenlet for a recipient. A socket that cannot take its bytes keeps them, up to a bound in
bytes and in seconds; then it is cut, and nobody else notices.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable

import runtime
from settings import settings

JOIN_BYTES = 65_536
"""Waiting pieces are joined up to this many bytes a `send`."""

SENDS = 2
"""Such pieces that are sent to one socket in a turn of the loop, however fast it takes them."""

SLICE = 64
"""Sockets that are written to before the loop looks at what has come in: about 0.3 ms, since a `send` costs 4 to 5 µs.

So a message to a thousand sockets holds nobody up.
"""

LEAST, SEND_SECONDS = 8, 4.5e-6
"""Sockets that are written to in a turn in which others wait, at least, and what a `send` takes.

A message to a large room, and the one that its sender sends once the first is back, wait for five turns of the loop
until both are on their way. In small turns the second is stored while the first is still being sent, and joins it.
"""


class Outbox:
    """The bytes on their way to one socket. `broken` is called once the socket can take no more, ever."""

    __slots__ = (
        "_blocked_since",
        "_broken",
        "_closed",
        "_listener",
        "_pending",
        "_send",
        "_socket",
        "awaited",
        "gathered",
        "on_empty",
        "pending_bytes",
    )

    def __init__(self, raw: socket.socket, broken: Callable[[str], None]) -> None:
        self._socket = raw
        self._send = raw.send
        self._broken = broken
        self.gathered: list[bytes] | tuple[()] = ()
        self.awaited = False
        self._pending: deque[bytes] | None = None  # nearly all sockets take everything at once
        self.pending_bytes = 0
        self._closed = False
        self._listener: object | None = None
        self._blocked_since = 0.0
        self.on_empty: Callable[[], None] | None = None

    def write(self, data: bytes) -> None:
        """Send these bytes with this turn's others."""
        if self.gathered:
            self.gathered.append(data)
            if self.awaited:
                flusher.mark(self)  # once more: before those that were marked before it
        else:
            self.gathered = [data]
            flusher.mark(self)

    def write_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send something large after all before it, as fast as the socket takes it."""
        self.flush()
        for piece in pieces:
            if not self._closed:
                self._keep(piece)

    def flush(self) -> None:
        """Send what this turn gathered."""
        gathered = self.gathered
        if not gathered:
            return
        data = gathered[0] if len(gathered) == 1 else b"".join(gathered)
        self.gathered = ()
        if self._pending:
            self._keep(data)
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(str(error))
            return
        if sent < len(data):
            self._keep(data[sent:])

    def close(self) -> None:
        """Forget everything; the socket is going."""
        self._closed = True
        if self._listener is not None:
            runtime.unwatch(self._listener)
            self._listener = None
        blocked.discard(self)
        self.gathered = ()
        self._pending = None
        self.pending_bytes = 0
        self.on_empty = None

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.gathered and not self._pending

    def overdue(self, now: float) -> bool:
        """Whether the socket has taken nothing for too long."""
        return bool(self._pending) and now - self._blocked_since > settings.send_queue_seconds

    def cut(self, why: str) -> None:
        """Give the socket up."""
        self._broken(why)

    def _keep(self, data: bytes) -> None:
        if self._pending is None:
            self._pending = deque()
        self._pending.append(data)
        self.pending_bytes += len(data)
        if self.pending_bytes > settings.send_queue_bytes:
            self._broken("it reads too slowly")
        elif self._listener is None:
            self._blocked_since = time.monotonic()
            self._listener = runtime.watch_writing(self._socket.fileno(), self._on_writable)
            blocked.add(self)

    def _on_writable(self, *_: object) -> None:
        if self._listener is None:  # closed in this very turn, after the loop had heard of both ends
            return
        pending = self._pending
        for _turn in range(SENDS):
            if not pending:
                break
            data = _next_piece(pending)
            try:
                sent = self._send(data)
            except BlockingIOError:
                return
            except OSError as error:
                self._broken(str(error))
                return
            self.pending_bytes -= sent
            self._blocked_since = time.monotonic()
            if sent < len(data):
                pending[0] = data[sent:]
                return
            pending.popleft()
        if pending:
            return
        runtime.unwatch(self._listener)
        self._listener = None
        blocked.discard(self)
        if self.on_empty is not None:
            self.on_empty()


def _next_piece(pending: deque[bytes]) -> bytes:
    """The first of what waits, with as much of the rest as makes a good `send`."""
    if len(pending) > 1 and len(pending[0]) < JOIN_BYTES:
        pieces, size = [], 0
        while pending and size < JOIN_BYTES:
            pieces.append(pending.popleft())
            size += len(pieces[-1])
        pending.appendleft(b"".join(pieces))
    return pending[0]


class Flusher:
    """Flushes the outboxes that were written to: in the loop's next turn, `SLICE` of them a turn.

    First come those of clients that have sent something and been told nothing since: they have their answer while a
    large room is still being written to.
    """

    def __init__(self) -> None:
        self._marked: deque[Outbox] = deque()
        self._awaited: deque[Outbox] = deque()
        self._armed = False
        self._ended = 0.0

    def mark(self, outbox: Outbox) -> None:
        """This one has something to send at the end of the turn."""
        if outbox.awaited:
            outbox.awaited = False
            self._awaited.append(outbox)
        else:
            self._marked.append(outbox)
        if not self._armed:
            self._arm()

    def mark_all(self, outboxes: list[Outbox]) -> None:
        """The same for many at once, of whom nobody waits for an answer."""
        if outboxes:
            self._marked += outboxes
            if not self._armed:
                self._arm()

    def flush(self) -> None:
        """Send what was gathered for the first of them; the others have their turn after what came in meanwhile."""
        marked, awaited = self._marked, self._awaited
        count = self._share() if runtime.others_wait() else SLICE
        first = min(count // 2, len(awaited))
        for _ in range(first):
            awaited.popleft().flush()
        for _ in range(min(count - first, len(marked))):
            marked.popleft().flush()
        self._armed = False
        if marked or awaited:
            self._arm()
        self._ended = time.perf_counter()

    def _share(self) -> int:
        """How many are flushed where others wait: as long as they took since the last ones, so that neither starves."""
        took = time.perf_counter() - self._ended
        return max(LEAST, min(SLICE, int(took / SEND_SECONDS)))

    def _arm(self) -> None:
        self._armed = True
        runtime.call_soon(self.flush)


flusher = Flusher()
blocked: set[Outbox] = set()
"""Outboxes whose socket takes nothing just now."""
