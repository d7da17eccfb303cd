"""Sending a client what it missed, in one go, and reading it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import engineio.exceptions
import engineio.packet
import orjson

from engine.blocks import Payload
from engine.frames import frame
from engine.packets import packet_frame

PIECE_BYTES = 65_536
"""What was missed is written in pieces of about this size."""

EVENT_HEAD = 2
"""Characters before an event's JSON: the types of its Engine.IO packet and of its Socket.IO packet."""


def send_missed(connection: Any, missed: Iterable[Payload]) -> None:
    """Send these in order, before anything else; large amounts as fast as the client takes them."""
    if connection.by_queue:
        for payload in missed:
            _queue(connection, payload)
        return
    pieces: list[bytes] = []
    gathered: list[bytes] = []
    size = 0
    for payload in missed:
        for one in _frames(payload):
            gathered.append(one)
            size += len(one)
        if size > PIECE_BYTES:
            pieces.append(b"".join(gathered))
            gathered, size = [], 0
    if pieces:
        connection.write_pieces([*pieces, b"".join(gathered)] if gathered else pieces)
    elif gathered:
        connection.write(b"".join(gathered))


def read_missed(missed: Iterable[Payload]) -> list[list[Any]] | None:
    """Each event's name and arguments, without the offset; None where there is binary data."""
    events: list[list[Any]] = []
    for payload in missed:
        if not isinstance(payload, bytes):
            return None
        events.append(orjson.loads(payload[EVENT_HEAD:])[:-1])
    return events


def without(events: list[list[Any]], known: list[list[Any]]) -> list[list[Any]]:
    """Those of the events that are not known, whatever they say of the one before: that differs from node to node."""
    if not events:
        return []
    told = {_essence(event) for event in known}
    return [event for event in events if _essence(event) not in told]


def _essence(event: list[Any]) -> bytes:
    return orjson.dumps([_content(argument) for argument in event], option=orjson.OPT_SORT_KEYS)


def _content(argument: Any) -> Any:
    if isinstance(argument, dict) and "prevRev" in argument:
        return {name: value for name, value in argument.items() if name != "prevRev"}
    return argument


def _messages(payload: Payload) -> list[Any]:
    parts = (payload[1:].decode(),) if isinstance(payload, bytes) else payload
    return [engineio.packet.Packet(engineio.packet.MESSAGE, part) for part in parts]


def _frames(payload: Payload) -> list[bytes]:
    return [frame(payload)] if isinstance(payload, bytes) else [packet_frame(one) for one in _messages(payload)]


def _queue(connection: Any, payload: Payload) -> None:
    try:
        for message in _messages(payload):
            connection.send(message)
    except engineio.exceptions.EngineIOError:
        return
