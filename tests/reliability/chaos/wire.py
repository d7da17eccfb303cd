"""A lean Socket.IO client over one WebSocket: fifty of them fit into a process beside the server they load.

Everything is called back in the order in which the frames came, acknowledgements and events alike; with a future for
each acknowledgement, an event behind it could overtake it, and the checker would see disorder that never was.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

OPEN_SECONDS = 5.0
"""How long a connection may take to open, Socket.IO's part included."""

OnAnswer = Callable[[dict[str, Any]], None]
OnEvent = Callable[[str, dict[str, Any]], None]


class Refused(Exception):
    """The server did not let the client in."""


class Wire:
    """One connection. `open()` first; `closed` is set once it is gone, for whatever reason."""

    def __init__(self, url: str, token: str, on_event: OnEvent) -> None:
        """`url` is the server's (`http://…`)."""
        self._url = url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        self._token = token
        self._on_event = on_event
        self._answers: dict[int, tuple[str, OnAnswer]] = {}
        self._next_id = 0
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        self.heard = self.opened = 0.0
        """When the last frame came, and when the client was let in."""

    async def open(self) -> None:
        """Connect and log in. Raises OSError, TimeoutError, WebSocketException, Refused."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                self._socket = await connect(
                    self._url, compression=None, max_size=None, ping_interval=None, close_timeout=0.2, proxy=None
                )
                await self._greet(self._socket)
        except BaseException:
            self.abort()
            raise
        self.heard = self.opened = time.monotonic()
        self._reader = asyncio.create_task(self._read(self._socket))
        self._writer = asyncio.create_task(self._write(self._socket))

    async def _greet(self, socket: ClientConnection) -> None:
        await socket.recv()
        auth = {"token": self._token, "recovery": False}
        await socket.send("40" + json.dumps(auth))
        while True:
            frame = str(await socket.recv())
            if frame == "2":
                await socket.send("3")
            elif frame.startswith("40"):
                return
            else:
                raise Refused(frame)

    def call(self, event: str, payload: object, on_answer: OnAnswer) -> None:
        """Send an event; `on_answer` gets its acknowledgement, if one comes."""
        self._next_id += 1
        self._answers[self._next_id] = (event, on_answer)
        self._outgoing.put_nowait(f"42{self._next_id}{json.dumps([event, payload])}")

    def waits_for_others(self, event: str) -> bool:
        """Whether acknowledgements of other events than `event` are still to come."""
        return any(asked != event for asked, _ in self._answers.values())

    def abort(self) -> None:
        """Drop the connection without a farewell."""
        for task in (self._reader, self._writer):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        if self._socket is not None:
            self._socket.transport.abort()
        self.closed.set()

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                await socket.send(await self._outgoing.get())
        except (OSError, WebSocketException):
            self.closed.set()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                if self._take(str(frame)):
                    break
        except (OSError, WebSocketException):
            pass
        finally:
            self.abort()

    def _take(self, frame: str) -> bool:
        """One frame; returns whether it was the server's farewell."""
        self.heard = time.monotonic()
        if frame == "2":
            self._outgoing.put_nowait("3")
        elif frame.startswith("42"):
            name, *arguments = json.loads(frame[2:])
            self._on_event(name, arguments[0] if arguments else {})
        elif frame.startswith("43"):
            at = frame.index("[")
            asked = self._answers.pop(int(frame[2:at]), None)
            if asked is not None:
                asked[1](json.loads(frame[at:])[0])
        return frame in ("1", "41")
