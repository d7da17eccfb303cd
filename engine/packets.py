"""Engine.IO packets as frames, and Socket.IO packets with bytes among their data."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import engineio.exceptions
import engineio.packet
import orjson
import socketio.packet

from engine.frames import BINARY, frame

ENGINE_PING = frame(b"2")
ENGINE_CLOSE = frame(b"1")
ENGINE_PROBE = "2probe"
ENGINE_PROBED = frame(b"3probe")

WITHOUT_QUEUE: Any = SimpleNamespace(create_queue=lambda: None)
"""All that the stock constructor of a session asks of a server, which would make a queue for everybody."""


def packet_frame(packet: engineio.packet.Packet) -> bytes:
    """An Engine.IO packet as a frame. Not through `encode()` where it is binary: that caches, whatever `b64` says."""
    if packet.binary:
        return frame(bytes(packet.data), BINARY)
    return frame(packet.encode().encode())


def drain(waiting: Any) -> Iterator[bytes]:
    """The packets of a polling client's queue as frames; a NOOP was only there to end a poll."""
    with contextlib.suppress(queue.Empty):
        while True:
            packet = waiting.get(block=False)
            if packet is not None and packet.packet_type != engineio.packet.NOOP:
                yield packet_frame(packet)


def send_by_queue(connection: Any, encoded: bytes) -> None:
    """Give a client that polls an Engine.IO message; nothing happens where it is gone."""
    with contextlib.suppress(engineio.exceptions.EngineIOError):
        connection.send(engineio.packet.Packet(engineio.packet.MESSAGE, encoded[1:].decode()))


class Packet(socketio.packet.Packet):
    """A Socket.IO packet each of whose binary parts has one place.

    The stock one gives a part of a megabyte as many places as are asked for, and sends it as often when it is echoed.
    Overridden of python-socketio 5.18: `_reconstruct_binary_internal`, `encode`.
    """

    def encode(self) -> Any:
        """As the stock one, which takes ten times as long for the CONNECT that everybody is sent."""
        if self.packet_type == socketio.packet.CONNECT and self.namespace in (None, "/") and self.data:
            with contextlib.suppress(TypeError):
                return "0" + orjson.dumps(self.data).decode()
        return super().encode()

    @classmethod
    def _reconstruct_binary_internal(cls, data: Any, attachments: list[bytes | None]) -> Any:
        """Put the parts in their places. Raises ValueError for a part that is not there, or not there any longer."""
        if isinstance(data, list):
            return [cls._reconstruct_binary_internal(item, attachments) for item in data]
        if not isinstance(data, dict):
            return data
        if not (data.get("_placeholder") and "num" in data):
            return {key: cls._reconstruct_binary_internal(value, attachments) for key, value in data.items()}
        number = data["num"]
        if type(number) is not int or not 0 <= number < len(attachments) or attachments[number] is None:
            raise ValueError("a place for a part that is not there")
        part, attachments[number] = attachments[number], None
        return part
