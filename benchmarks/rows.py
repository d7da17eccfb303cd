"""The rows that make a place, for Parley's tables and for those of the guide's server."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, insert

from benchmarks.world import Place, Room, rooms_in, user_id
from models import Conversation, Message, Participant, User, new_id, now_ms, temp_key

Row = dict[str, Any]

CONTENT = "An earlier message, about as long as those to come."
CHUNK = 20_000
"""Rows in one call: a million at once would be gigabytes."""


def username(number: int) -> str:
    """What a user is called on both servers."""
    return f"user{number}"


def fill(connection: Connection, place: Place) -> None:
    """Make the place in Parley's tables, which are empty."""
    for model, rows in (
        (User, map(_user, _numbers(place))),
        (Conversation, map(_conversation, rooms_in(place))),
        (Participant, _participants(place)),
        (Message, _messages(place)),
    ):
        table = model.__table__
        assert isinstance(table, Table)
        while chunk := list(itertools.islice(rows, CHUNK)):
            connection.execute(insert(table), chunk)


def _numbers(place: Place) -> Iterator[int]:
    return itertools.chain.from_iterable(room.members for room in rooms_in(place))


def _user(number: int) -> Row:
    name = username(number)
    return {"id": user_id(number), "username": name, "name_key": name, "display_name": name, "display_key": name}


def _conversation(room: Room) -> Row:
    """As services.conversations leaves it: a rev for its start, and one for each message."""
    direct = len(room.members) == 2
    return {
        "id": room.id,
        "type": "direct" if direct else "group",
        "title": None if direct else "A room",
        "direct_key": "\n".join(sorted(map(user_id, room.members))) if direct else None,
        "seq": room.messages,
        "rev": room.messages + 1,
        "members_rev": 1,
        "props_rev": 1,
        "member_count": len(room.members),
    }


def _participants(place: Place) -> Iterator[Row]:
    for room in rooms_in(place):
        for number in room.members:
            owner = number == room.members[0]
            yield {
                "conversation_id": room.id,
                "user_id": user_id(number),
                "role": "owner" if owner else "member",
                "rev": 1,
                "member_rev": 1,
                "user_rev": 1,
                "read_seq": room.messages if owner else 0,
            }


def _messages(place: Place) -> Iterator[Row]:
    """The earlier messages, all by each room's first member, the rooms in turn as they would have come."""
    rooms = [room for room in rooms_in(place) if room.messages]
    digest = hashlib.blake2b(CONTENT.encode(), digest_size=16).digest()
    for seq in range(1, max((room.messages for room in rooms), default=0) + 1):
        for room in rooms:
            if seq <= room.messages:
                yield {
                    "id": new_id(),
                    "conversation_id": room.id,
                    "seq": seq,
                    "rev": seq + 1,
                    "sender_id": user_id(room.members[0]),
                    "temp_id": f"earlier-{seq}",
                    "temp_key": temp_key(user_id(room.members[0]), room.id, f"earlier-{seq}"),
                    "digest": digest,
                    "content": CONTENT,
                    "created_at": now_ms(),
                }


def guide_users(place: Place) -> list[tuple[str, str]]:
    """Id and username, for the guide's server."""
    return [(user_id(number), username(number)) for number in _numbers(place)]


def guide_participants(place: Place) -> list[tuple[str, str]]:
    """Conversation and user, for the guide's server."""
    return [(room.id, user_id(number)) for room in rooms_in(place) for number in room.members]
