"""Socket.IO packets as bytes (protocol v5): the plain ones fast, all others by python-socketio."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from engine.weight import EVENT_WEIGHT, LIGHT_CHARS, OTHER_WEIGHT, check_weight

EVENT, ACK = b"42", b"43"
ID_DIGITS = 16
"""An acknowledgement's id has no more; JavaScript counts exactly up to 2**53."""

SLOW_CHARS = 262_144
"""What the standard library is given to read at most; it takes five times as long."""


def encode(kind: bytes, namespace: str | None, packet_id: int | None, data: list[Any]) -> bytes | None:
    """An EVENT or ACK, or None where only python-socketio can write it (bytes among the data, huge integers).

    That orjson refuses bytes is the test for binary data, which costs nothing.
    """
    try:
        body = orjson.dumps(data)
    except TypeError:
        return None
    head = kind if namespace in (None, "/") else kind + str(namespace).encode() + b","
    return head + body if packet_id is None else b"%b%d%b" % (head, packet_id, body)


PART = 50
"""Items of a long list that are encoded in one go: 0.1 ms for messages."""

PIECE_BYTES = 65_536
"""After so much of a large acknowledgement others have their turn."""


class Large:
    """An acknowledgement so large that it is encoded piece by piece, with pauses. On the wire it is just `value`."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def packet(self, namespace: str | None, packet_id: int, pause: Callable[[], object]) -> list[bytes] | None:
        """An ACK as `encode` makes it, in the pieces that it came in; the value is used up.

        To let go of all of it at its end would take as long as to encode it.
        """
        try:
            head = encode(ACK, namespace, packet_id, []) or b""
            pieces: list[bytes] = []
            gathered, size = [head[:-1]], 0
            for piece in _pieces(self.value):
                gathered.append(piece)
                size += len(piece)
                if size > PIECE_BYTES:
                    pieces.append(b"".join(gathered))
                    gathered, size = [], 0
                    pause()
            return [*pieces, *gathered, b"]"]
        except TypeError:
            return None


def _pieces(value: Any) -> Iterator[bytes]:
    """The value's JSON, a long list a part at a time."""
    if isinstance(value, dict) and any(isinstance(item, (dict, list)) for item in value.values()):
        for number, key in enumerate(list(value)):
            yield (b"," if number else b"{") + orjson.dumps(key) + b":"
            yield from _pieces(value.pop(key))
        yield b"}"
    elif isinstance(value, list) and len(value) > PART:
        for start in range(0, len(value), PART):
            some = value[start : start + PART]
            value[start : start + PART] = [None] * len(some)
            yield (b"," if start else b"[") + orjson.dumps(some)[1:-1]
        yield b"]"
    else:
        yield orjson.dumps(value)


def decode_event(message: str, heads: tuple[str, ...] = ("",)) -> tuple[int | None, list[Any]] | None:
    """The id and the data of a plain EVENT of the namespace `/` whose data begins so, or None for anything else.

    Other events, and other packets, are for python-socketio to look at. Raises ValueError where the JSON is broken.
    """
    if message[:2] == "2[":
        start, packet_id = 1, None
    else:
        start = message.find("[", 1, ID_DIGITS + 2)
        digits = message[1:start]
        if start < 1 or message[0] != "2" or not (digits.isascii() and digits.isdigit()):
            return None
        packet_id = int(digits)
    return (packet_id, _event(message[start:])) if message.startswith(heads, start) else None


def decode_connect(message: str) -> dict[str, Any] | None:
    """What a plain CONNECT to the namespace `/` carries, or None where python-socketio has to look."""
    if message[:2] != "0{" or len(message) > LIGHT_CHARS:
        return None
    try:
        data: dict[str, Any] = orjson.loads(message[1:])
    except orjson.JSONDecodeError:
        return None
    return data


def _event(text: str) -> list[Any]:
    check_weight(text, EVENT_WEIGHT)
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        check_weight(text, OTHER_WEIGHT)
        if len(text) > SLOW_CHARS:
            raise
        # Lone surrogates are JSON too, and this takes them; whoever reads the payload may refuse them.
        data = json.loads(text)
    if not isinstance(data, list) or not data:
        raise ValueError("an event is a list that begins with its name")
    return data
