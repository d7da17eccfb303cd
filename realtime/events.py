"""What travels from a committed change to sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Data = dict[str, Any]


@dataclass(slots=True)
class Event:
    """One durable event of a conversation. `data` has its `rev`; the gate adds `prevRev`.

    It goes to the conversation's room unless `to_room` is off, and to `to_users` wherever they are connected.
    """

    name: str
    rev: int
    data: Data
    to_users: tuple[str, ...] = ()
    to_room: bool = True


@dataclass(slots=True)
class Packet:
    """One commit's changes of one conversation, from rev `start` (excluded) to rev `end`, with their events.

    It also says whom the commit let in and put out, and whether it closed the conversation: their sockets enter and
    leave the room at that point of its order. `seq` is the newest message before it. A packet without events still
    moves the room's cursor.
    """

    conversation_id: str
    start: int
    end: int
    seq: int = 0
    events: list[Event] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)
    evicted: list[str] = field(default_factory=list)
    closed: bool = False


@dataclass(slots=True, frozen=True)
class Notice:
    """Something to tell users, wherever they are connected, that belongs to no conversation's order."""

    name: str
    data: Data
    users: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Closing:
    """Sockets to be closed: those that these login sessions or tokens opened, or all of a user."""

    user_id: str
    session_ids: tuple[str, ...] = ()
    token_hashes: tuple[str, ...] = ()
    all_but: str | None = None
    everything: bool = False


@dataclass(slots=True)
class Outcome:
    """All that one commit sets off."""

    packets: list[Packet] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
