"""WebSocket frames (RFC 6455): made once for all who get them, read without copying more than is needed."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
FINAL = 0x80
MASKED = 0x80
RESERVED = 0x70
CONTROL_BYTES = 125
"""Payload of a control frame at most (RFC 6455, 5.5)."""

NORMAL, PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1000, 1002, 1007, 1009
_SHORT, _MIDDLE, _LONG = (struct.Struct(form).pack for form in ("!BB", "!BBH", "!BBQ"))
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class FrameError(Exception):
    """What came is no WebSocket, or more than is allowed; `code` is for the close frame (RFC 6455, 7.4.1)."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(problem)
        self.code = code


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole, unmasked frame, as servers send it."""
    return _head(len(payload), opcode) + payload


def frames_of(payloads: Sequence[bytes]) -> bytes:
    """A frame for each, one right after the other."""
    return frame(payloads[0]) if len(payloads) == 1 else b"".join(map(frame, payloads))


def frame_of(pieces: Sequence[bytes]) -> list[bytes]:
    """The same of a text in pieces, which nobody has to copy together."""
    return [_head(sum(map(len, pieces)), TEXT), *pieces]


def _head(size: int, opcode: int) -> bytes:
    if size < 126:
        return _SHORT(FINAL | opcode, size)
    if size < 65536:
        return _MIDDLE(FINAL | opcode, 126, size)
    return _LONG(FINAL | opcode, 127, size)


def close_frame(code: int) -> bytes:
    """A close frame with its reason's code."""
    return frame(code.to_bytes(2, "big"), CLOSE)


def text_of(payload: bytes) -> str:
    """A text message's content. Raises FrameError where it is no UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameError(BAD_DATA, "text that is no UTF-8") from None


def handshake(key: str) -> bytes:
    """The answer that makes a connection a WebSocket; no extension is agreed to.

    permessage-deflate costs 94 KB a connection, and a bomb of 293 KB took 278 MB (design.md).
    """
    accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _unmask_in_python(data: bytes, mask: bytes) -> bytes:
    """XOR as two long integers: 20 times a loop over bytes, and within 5 ms for a megabyte."""
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


def _unmasker() -> Callable[[bytes, bytes], bytes]:
    try:
        from websockets.speedups import apply_mask  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return _unmask_in_python
    return apply_mask


unmask = _unmasker()


class FrameReader:
    """Cuts a client's bytes into messages. Control frames come by themselves, fragments whole."""

    __slots__ = ("_buffer", "_fragments", "_kind", "_limit", "_size")

    def __init__(self, limit: int) -> None:
        """`limit` is a message's size in bytes, fragments together."""
        self._limit = limit
        self._buffer = b""
        self._fragments: list[bytes] | None = None
        self._kind = 0
        self._size = 0

    @property
    def wanted(self) -> int:
        """Bytes that are worth reading next: more while a large frame is under way. 8 KB of pings take 2 ms."""
        return 262_144 if len(self._buffer) > 32_768 else 8192

    def whole_text(self, data: bytes) -> bytes | None:
        """The one text message that `data` is, where it is just that, as from most clients; else `feed` has to look."""
        size = len(data)
        if size < 7 or data[0] != FINAL | TEXT or self._buffer or self._fragments is not None:
            return None
        length = data[1] - MASKED
        if length < 126:
            return unmask(data[6:], data[2:6]) if 0 < length == size - 6 <= self._limit else None
        if length == 126 and size > 8 and int.from_bytes(data[2:4], "big") == size - 8 <= self._limit:
            return unmask(data[8:], data[4:8])
        return None

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that `data` completes, as opcode and payload. Raises FrameError."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        position, size = 0, len(data)
        while size - position >= 6:
            first, second = data[position], data[position + 1]
            if second < MASKED or first & RESERVED:
                raise FrameError(PROTOCOL_ERROR, "unmasked frame or reserved bit")
            start, length = position + 2, second & 0x7F
            if length == 126:
                start += 2
                length = int.from_bytes(data[position + 2 : start], "big")
            elif length == 127:
                start += 8
                length = int.from_bytes(data[position + 2 : start], "big") if size >= start else 0
            if length > self._limit:
                raise FrameError(TOO_BIG, "frame too large")
            end = start + 4 + length
            if end > size:
                break
            payload = data[start + 4 : end]
            mask = data[start : start + 4]
            position = end
            message = self._take(first, unmask(payload, mask) if length else b"")
            if message is not None:
                yield message
        if position < size:
            self._buffer = data[position:] if position else data

    def _take(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        """One frame: a message, or a part of one."""
        opcode, final = first & 0x0F, first & FINAL
        if opcode >= CLOSE:
            if not final or len(payload) > CONTROL_BYTES or opcode > PONG:
                raise FrameError(PROTOCOL_ERROR, "bad control frame")
            return opcode, payload
        if opcode > BINARY or (opcode == 0) != (self._fragments is not None):
            raise FrameError(PROTOCOL_ERROR, "bad opcode")
        if self._fragments is None:
            if final:
                return opcode, payload
            self._fragments, self._kind, self._size = [payload], opcode, len(payload)
            return None
        self._fragments.append(payload)
        self._size += len(payload)
        if self._size > self._limit or len(self._fragments) > self._limit // 16:
            raise FrameError(TOO_BIG, "message too large")
        if not final:
            return None
        whole, self._fragments = b"".join(self._fragments), None
        return self._kind, whole
