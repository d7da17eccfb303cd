"""Who is there: rooms of so many members, their tokens, and the generator's plan. The same for every server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt

SECRET = "the secret of the benchmarks, long enough for HS256"  # noqa: S105 (it guards a server on the loopback)
TOKEN_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Rooms:
    """`count` rooms of `members` users each; nobody is in two. So many `messages` are in each already."""

    count: int
    members: int
    messages: int = 0


Place = tuple[Rooms, ...]
"""All rooms of a server; those of the first kind are the ones where something happens."""


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation: its id, its members by their numbers, and how many messages it has."""

    id: str
    members: range
    messages: int


def users_in(place: Place) -> int:
    """How many users there are."""
    return sum(rooms.count * rooms.members for rooms in place)


def user_id(number: int) -> str:
    """As long as any id of Parley's; the generator reads the number back from its first digits."""
    return f"{number:08x}-bec4-7000-8000-{number:012x}"


def room_id(number: int) -> str:
    """As long as any id of Parley's."""
    return f"{number:08x}-400a-7000-8000-{number:012x}"


def rooms_in(place: Place) -> Iterator[Room]:
    """The rooms, their members numbered on and on."""
    number = user = 0
    for rooms in place:
        for _ in range(rooms.count):
            yield Room(room_id(number), range(user, user + rooms.members), rooms.messages)
            number, user = number + 1, user + rooms.members


def token(number: int, now: int) -> str:
    """As Parley's own are, and the guide's server reads them: HS256, `userId`."""
    user = user_id(number)
    return jwt.encode({"userId": user, "sub": user, "iat": now, "exp": now + TOKEN_SECONDS}, SECRET, algorithm="HS256")


def write_plan(path: Path, place: Place, senders: int = 1, join: bool = True) -> Path:
    """The generator's plan: everybody joins their room, and the first `senders` of each active room send to it.

    Without `join` everybody only connects.
    """
    now = int(time.time())
    with path.open("w") as file:
        for number, room in enumerate(rooms_in(place)):
            active = join and number < place[0].count
            for position, user in enumerate(room.members):
                sends = int(active and position < senders)
                file.write(f"{token(user, now)} {room.id if join else '-'} {sends}\n")
    return path
