"""How commits and events travel between nodes: as JSON, packed once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

import orjson

from realtime.events import Closing, Event, Packet

PACKET, COPY, EMIT, NEWS, TYPING, CLOSE, FORGET, SOCKETIO = b"P", b"U", b"E", b"N", b"T", b"C", b"F", b"S"
"""The kinds of messages: a commit for its room, the same for one user, an event that is not stored, several of them for
one user, somebody who types, sockets to be closed, logins to be looked at again, and what Flask-SocketIO's own API does
on other nodes."""

FETCH, GIVE = b"R", b"G"
"""A node asks another for a session whose client has come to it, and is answered."""

ROOM, USER, ALL = "c", "u", "all"
"""Whose channel: a conversation's, a user's, every node's."""


def pack(value: Any) -> bytes:
    """JSON. Raises TypeError for what is none."""
    return orjson.dumps(value)


def unpack(body: bytes) -> Any:
    """What was packed. Raises ValueError."""
    return orjson.loads(body)


def only_for_the_room(packet: Packet) -> bool:
    """Whether the commit names no users, as nearly all do."""
    if packet.admitted:
        return False
    for event in packet.events:  # noqa: SIM110 (a generator would cost as much again as all of it)
        if event.to_users:
            return False
    return True


def named_users(packet: Packet) -> set[str]:
    """The users who are told of the commit, or let in by it, whether they are in the room or not."""
    named = {user_id for event in packet.events for user_id in event.to_users}
    return named.union(packet.admitted) if packet.admitted else named


def room_packet(packet: Packet) -> Packet:
    """The commit as a room is told of it: users are told of it by themselves.

    An event that is not for the room leaves its rev, so that the next one's `prevRev` shows that something happened.
    """
    if not any(event.to_users for event in packet.events):
        return packet
    events = [
        event
        if not event.to_users
        else Event(event.name, event.rev, event.data)
        if event.to_room
        else Event(event.name, event.rev, {"rev": event.data["rev"]}, to_room=False)
        for event in packet.events
    ]
    return _with_events(packet, events)


def user_packet(packet: Packet, user_id: str) -> Packet:
    """The commit as one user is told of it; one who is let in may need the room's events too."""
    admitted = user_id in packet.admitted
    events = [
        Event(event.name, event.rev, event.data, (user_id,) if user_id in event.to_users else (), event.to_room)
        for event in packet.events
        if user_id in event.to_users or (admitted and event.to_room)
    ]
    return _with_events(packet, events)


def _with_events(packet: Packet, events: list[Event]) -> Packet:
    return Packet(
        packet.conversation_id,
        packet.start,
        packet.end,
        packet.seq,
        events,
        packet.admitted,
        packet.evicted,
        packet.closed,
    )


def pack_packet(packet: Packet) -> bytes:
    """A commit."""
    events = [(event.name, event.rev, event.data, event.to_users, event.to_room) for event in packet.events]
    head = (packet.conversation_id, packet.start, packet.end, packet.seq)
    return pack((*head, packet.admitted, packet.evicted, packet.closed, events))


def unpack_packet(fields: list[Any]) -> Packet:
    """A commit of another node."""
    conversation_id, start, end, seq, admitted, evicted, closed, packed = fields
    events = [Event(name, rev, data, tuple(users), to_room) for name, rev, data, users, to_room in packed]
    return Packet(conversation_id, start, end, seq, events, admitted, evicted, closed)


def pack_copy(user_id: str, packet: Packet) -> bytes:
    """A commit for one user."""
    return b"".join((b"[", pack(user_id), b",", pack_packet(user_packet(packet, user_id)), b"]"))


def unpack_copy(body: bytes) -> tuple[str, Packet]:
    """Whom it is for, and the commit."""
    user_id, fields = unpack(body)
    return user_id, unpack_packet(fields)


def pack_news(user_id: str, name: str, packed: Iterable[bytes]) -> bytes:
    """Events of one name for one user, each packed already."""
    return b"".join((b"[", pack(user_id), b",", pack(name), b",[", b",".join(packed), b"]]"))


def pack_closing(closing: Closing) -> bytes:
    """Sockets to be closed."""
    return pack(astuple(closing))


def unpack_closing(body: bytes) -> Closing:
    """The same of another node."""
    user_id, session_ids, token_hashes, all_but, everything = unpack(body)
    return Closing(user_id, tuple(session_ids), tuple(token_hashes), all_but, everything)
