"""Engine.IO packets as frames."""

from __future__ import annotations

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
