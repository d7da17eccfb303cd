"""One connection to the server, kept up for ever: what goes out waits for nobody, what comes in is read by one reader.

A server that answers nothing (frozen, cut off) is noticed by its silence: it is asked for a sign of life after one
second, and given up after three.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from redis import RedisError

import runtime
from realtime.bus.address import Opened
from realtime.bus.figures import CONNECTS
from realtime.bus.resp import Replies, Reply, pack
from realtime.chunks import chunks

log = logging.getLogger("parley.relay")

TICK_SECONDS = 1.0
SILENT_TICKS = 3
"""So many seconds without a byte, though asked, and the connection is given up. Ticks, not a clock: a process that
stood still itself has not listened."""

BACKOFF_SECONDS = (0.05, 2.0)
"""The least and the most that is waited before the next try (issue 5); jitter takes off up to half."""

SETTLED_SECONDS = 5.0
"""A connection that lasted so long was a good one: the next try after it comes at once."""

READ_BYTES, READ_REPLIES = 16_384, 100
"""Read at once, and handled before anybody else has a turn."""

QUEUE_BYTES = 16_777_216
"""Bytes that may wait to be sent; what comes on top is dropped, since the database repairs it."""

PING = pack("PING")


class Lane(ABC):
    """A connection and its loop. `connect` opens one; it may wait, and raises RedisError or OSError."""

    name: ClassVar[str]

    def __init__(self, connect: Callable[[str], Opened]) -> None:
        self._connect = connect
        self._lock = threading.RLock()
        self._socket: socket.socket | None = None
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._sending = False
        self._quiet = 0
        self._fresh = True
        self._stopped = False
        self._tls = threading.Lock()

    def start(self) -> None:
        """Connect, and stay connected until `stop()`."""
        runtime.spawn(self._run)

    def stop(self) -> None:
        """Let go."""
        self._stopped = True
        self.restart()

    def restart(self) -> None:
        """Give the connection up; another one follows."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    @property
    def ready(self) -> bool:
        """Whether it does all that it is for."""
        return self.up

    @property
    def responsive(self) -> bool:
        """Whether there is one that is not silent."""
        return self._socket is not None and self._quiet < 2

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._out and not self._sending

    @abstractmethod
    def _on_up(self) -> None:
        """A connection is open; nothing was sent on it yet. Called with the lock held."""

    @abstractmethod
    def _on_down(self) -> None:
        """It is gone, with all that was under way."""

    @abstractmethod
    def _on_reply(self, reply: Reply) -> None:
        """Something came."""

    def _ping(self) -> None:
        self._put(PING)

    def _put(self, data: bytes) -> bool:
        """Send this with what else waits; False where it is dropped. Never waits.

        Before the first connection it is kept: a command of an administrator publishes and ends.
        """
        with self._lock:
            if (self._socket is None and not self._fresh) or self._out_bytes > QUEUE_BYTES:
                return False
            self._out.append(data)
            self._out_bytes += len(data)
            start = self._socket is not None and not self._sending
            self._sending = self._sending or start
        if start:
            runtime.spawn(self._send)
        return True

    def _send(self) -> None:
        """Send what waits, until nothing does."""
        while True:
            with self._lock:
                pieces, self._out, self._out_bytes = self._out, [], 0
                raw = self._socket
                if not pieces or raw is None:
                    self._sending = False
                    return
            try:
                self._write(raw, b"".join(pieces))
            except OSError as error:
                log.info("the relay takes nothing", extra={"lane": self.name, "problem": str(error)})
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_RDWR)  # its reader ends, and connects again

    def _run(self) -> None:
        pause = BACKOFF_SECONDS[0]
        while not self._stopped:
            begun = time.monotonic()
            try:
                self._serve(self._connect(self.name))
            except (RedisError, OSError, ValueError) as error:
                self._lost(error)
            except Exception as error:
                log.exception("the relay's reader failed", extra={"lane": self.name})
                self._lost(error)
            if time.monotonic() - begun > SETTLED_SECONDS:
                pause = BACKOFF_SECONDS[0]
            if not self._stopped:
                runtime.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(BACKOFF_SECONDS[1], pause * 2)

    def _serve(self, connection: Opened) -> None:
        """Read until the connection ends; always raises."""
        try:
            raw = connection.socket
            raw.settimeout(TICK_SECONDS)
            CONNECTS.labels(self.name).inc()
            with self._lock:
                self._quiet, self._socket = 0, raw
                self._on_up()
                self._fresh = False
                start = bool(self._out) and not self._sending
                self._sending = self._sending or start
            if start:
                runtime.spawn(self._send)
            self._read(raw)
        finally:
            connection.close()

    def _read(self, raw: socket.socket) -> None:
        replies = Replies()
        while not self._stopped:
            try:
                data = self._receive(raw)
            except TimeoutError:
                self._tick()
                continue
            except ssl.SSLWantReadError:
                continue
            if not data:
                raise ConnectionError("the server closed the connection")
            self._quiet = 0
            for some in chunks(replies.feed(data), READ_REPLIES):
                for reply in some:
                    self._on_reply(reply)
                runtime.sleep(0)  # a stream that never ends must not hold up everybody else
        raise ConnectionError("stopped")

    def _write(self, raw: socket.socket, data: bytes) -> None:
        if not _one_at_a_time(raw):
            raw.sendall(data)
            return
        with self._tls:
            raw.settimeout(TICK_SECONDS)
            raw.sendall(data)

    def _receive(self, raw: socket.socket) -> bytes:
        """What has come. Raises TimeoutError after a second without anything."""
        if not _one_at_a_time(raw):
            return raw.recv(READ_BYTES)
        assert isinstance(raw, ssl.SSLSocket)
        if not raw.pending() and not select.select([raw], [], [], TICK_SECONDS)[0]:
            raise TimeoutError
        with self._tls:
            raw.settimeout(0)
            return raw.recv(READ_BYTES)

    def _tick(self) -> None:
        self._quiet += 1
        if self._quiet >= SILENT_TICKS:
            raise ConnectionError(f"no answer for {self._quiet * TICK_SECONDS:g} s")
        self._ping()

    def _lost(self, error: Exception) -> None:
        """The connection is gone, or could not be opened."""
        with self._lock:
            was_up, self._socket = self._socket is not None, None
            first, self._fresh = self._fresh, False
            self._out, self._out_bytes = [], 0
            self._on_down()
        if (was_up or first) and not self._stopped:
            log.warning("the relay is away", extra={"lane": self.name, "problem": str(error)[:200]})


def _one_at_a_time(raw: socket.socket) -> bool:
    """Whether reading and writing must not happen at once: TLS between threads of the system."""
    return not runtime.green() and isinstance(raw, ssl.SSLSocket)
