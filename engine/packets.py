"""Engine.IO packets as frames."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from typing import Any

import engineio.packet

from engine.frames import BINARY, frame

ENGINE_PING = frame(b"2")
ENGINE_CLOSE = frame(b"1")
ENGINE_PROBE = "2probe"
ENGINE_PROBED = frame(b"3probe")


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
