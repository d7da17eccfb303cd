"""A TCP proxy between clients and server that does what networks do, at the worst moment.

It reads the server's WebSocket frames, so that it can lose exactly the acknowledgement of a send: the message is
committed, and its sender does not know.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from dataclasses import dataclass

CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST."""

Writer = asyncio.StreamWriter


@dataclass(eq=False, slots=True)
class Link:
    """One client's connection and its continuation to the server. `dark`: whatever comes is swallowed."""

    client: Writer
    server: Writer
    dark: bool = False

    def reset(self) -> None:
        """End both with RST."""
        for writer in (self.client, self.server):
            found = writer.get_extra_info("socket")
            if found is not None and found.fileno() >= 0:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Frames:
    """Cuts a server's stream into HTTP's head and WebSocket frames, each whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._greeted = False

    def feed(self, data: bytes) -> list[bytes]:
        """What is complete with `data`."""
        self._rest += data
        pieces = []
        while (size := self._size()) and len(self._rest) >= size:
            pieces.append(self._rest[:size])
            self._rest = self._rest[size:]
            self._greeted = True
        return pieces

    def _size(self) -> int:
        """The bytes of the next piece; 0 where that cannot be told yet. Servers do not mask (RFC 6455, 5.1)."""
        rest = self._rest
        if not self._greeted:
            return rest.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in rest else 0
        if len(rest) < 2:
            return 0
        short = rest[1] & 0x7F
        if short < 126:
            return 2 + short
        width = 2 if short == 126 else 8
        return 2 + width + int.from_bytes(rest[2 : 2 + width], "big") if len(rest) >= 2 + width else 0


def acknowledges_send(frame: bytes) -> bool:
    """Whether this is a Socket.IO acknowledgement with a message in it."""
    head = frame[2:16]
    return b"43" in head and b'"message"' in frame and b'"duplicate"' in frame


class Proxy:
    """Listens on a port of its own.

    `lose` is the share of the sends' acknowledgements that vanish.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._target = port
        self._random = random.Random(seed)
        self._links: set[Link] = set()
        self._cuts = 0
        self._all_cut = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.lose = 0.0
        self.done: Counter[str] = Counter()

    async def start(self) -> str:
        """Listen; its address."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def reset_some(self, share: float) -> None:
        """End some connections with RST."""
        for link in self._pick(share):
            self.done["connections reset"] += 1
            link.reset()

    def darken_some(self, share: float) -> None:
        """Some connections stay open, and nothing passes any more."""
        for link in self._pick(share):
            self.done["connections blackholed"] += 1
            link.dark = True

    async def cut(self, number: int) -> None:
        """The next so many acknowledgements of sends end their connection instead; returns after the last."""
        self._all_cut.clear()
        self._cuts = number
        await self._all_cut.wait()

    def stop(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.reset()

    def _pick(self, share: float) -> list[Link]:
        links = sorted(self._links, key=id)
        return self._random.sample(links, round(len(links) * share))

    async def _connected(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, to_server)
        self._links.add(link)
        try:
            await asyncio.gather(self._up(link, reader), self._down(link, from_server))
        finally:
            self._links.discard(link)

    async def _up(self, link: Link, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(CHUNK):
                if not link.dark:
                    link.server.write(data)
                    await link.server.drain()
        except OSError:
            pass
        link.server.close()

    async def _down(self, link: Link, reader: asyncio.StreamReader) -> None:
        frames = Frames()
        try:
            while data := await reader.read(CHUNK):
                for frame in frames.feed(data):
                    self._pass_on(link, frame)
                await link.client.drain()
        except OSError:
            pass
        link.client.close()

    def _pass_on(self, link: Link, frame: bytes) -> None:
        if link.dark or link.client.transport.is_closing():
            return
        if acknowledges_send(frame):
            if self._cuts:
                self._cuts -= 1
                if not self._cuts:
                    self._all_cut.set()
                self.done["connections cut at an acknowledgement"] += 1
                link.reset()
                return
            if self._random.random() < self.lose:
                self.done["acknowledgements lost"] += 1
                return
        link.client.write(frame)
