"""Commits of other nodes, in every order in which they can come: each socket is told once, wherever it stands."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest

from models import store
from realtime import catchup, wire
from realtime import rooms as rooms_module
from realtime.connections import Connection
from realtime.events import Event, Outcome, Packet
from realtime.places import places
from realtime.rooms import Rooms
from tests.realtime.test_gate import ROOM, World, event, world

__all__ = ["world"]

REMOVED, ADDED, NEW = "conversation:participant-removed", "conversation:participant-added", "conversation:new"


@pytest.fixture
def rooms(world: World, monkeypatch: pytest.MonkeyPatch) -> Rooms:
    """Rooms whose sockets are those of `world`."""
    monkeypatch.setattr(rooms_module, "connections", world.connections)
    monkeypatch.setattr(rooms_module, "emit", world.emit)
    return Rooms()


def inside(rooms: Rooms, connection: Connection, rev: int) -> Connection:
    """Into the room as it stands at `rev`."""
    with rooms.joining(connection, [ROOM]):
        pass
    rooms.admit(connection, ROOM, rev, 0)
    return connection


def named(name: str, rev: int, user_id: str, *, to_room: bool = True) -> Event:
    """An event that names a user."""
    return Event(name, rev, {"conversationId": ROOM, "rev": rev, "userId": user_id}, (user_id,), to_room)


def removal(rev: int, user_id: str) -> Packet:
    """A commit that puts somebody out."""
    return Packet(ROOM, rev - 1, rev, 0, [named(REMOVED, rev, user_id)], evicted=[user_id])


def admission(rev: int, *user_ids: str) -> Packet:
    """A commit that lets people in."""
    events = [one for who in user_ids for one in (named(ADDED, rev, who), named(NEW, rev, who, to_room=False))]
    return Packet(ROOM, rev - 1, rev, 0, events, admitted=list(user_ids))


def travelled(packet: Packet) -> Packet:
    """As it is at the other end."""
    return wire.unpack_packet(wire.unpack(wire.pack_packet(packet)))


def arrive(rooms: Rooms, packet: Packet, parts: tuple[str, ...]) -> None:
    """The parts of a commit of another node: `room`, and the copies of users."""
    for part in parts:
        if part == "room":
            rooms.receive(travelled(wire.room_packet(packet)))
        else:
            rooms.receive_copy(*wire.unpack_copy(wire.pack_copy(part, packet)))


def names(world: World, sid: str) -> list[str]:
    """What a socket was told."""
    return [name for name, _ in world.got[sid]]


ORDERS = list(itertools.permutations(("room", "ben")))


@pytest.mark.parametrize("order", ORDERS)
def test_whoever_is_put_out_is_told_once_on_each_socket(
    world: World,
    rooms: Rooms,
    order: tuple[str, ...],
) -> None:
    anna, joined = inside(rooms, world.connect("a", "anna"), 4), inside(rooms, world.connect("b1", "ben"), 4)
    world.connect("b2", "ben")
    arrive(rooms, removal(5, "ben"), order)
    rooms.receive(Packet(ROOM, 5, 6, events=[event(6)]))
    assert names(world, "a") == [REMOVED, "message:new"]
    assert names(world, "b1") == [REMOVED]
    assert names(world, "b2") == [REMOVED]
    assert (joined.rooms, anna.rooms) == (set(), {ROOM})


@pytest.mark.parametrize("order", list(itertools.permutations(("room", "ben", "cleo"))))
def test_newcomers_are_told_once_and_enter_where_they_asked_to(
    world: World,
    rooms: Rooms,
    order: tuple[str, ...],
) -> None:
    inside(rooms, world.connect("a", "anna"), 4)
    world.connect("b1", "ben", auto_join=True)
    world.connect("b2", "ben")
    world.connect("c", "cleo", auto_join=True)
    arrive(rooms, admission(5, "ben", "cleo"), order)
    rooms.receive(Packet(ROOM, 5, 6, events=[event(6)]))
    assert names(world, "a") == [ADDED, ADDED, "message:new"]
    for sid in ("b1", "c"):
        assert sorted(names(world, sid)) == sorted([ADDED, NEW, "message:new"])
        assert names(world, sid)[-1] == "message:new"
    assert names(world, "b2") == [ADDED, NEW]


def test_a_copy_is_enough_for_a_room_that_nobody_here_was_in(world: World, rooms: Rooms) -> None:
    joins = world.connect("b", "ben", auto_join=True)
    arrive(rooms, admission(5, "ben"), ("ben",))
    rooms.receive(Packet(ROOM, 5, 6, events=[event(6)]))
    assert names(world, "b") == [ADDED, NEW, "message:new"]
    assert joins.rooms == {ROOM}


def test_own_commits_tell_the_same(world: World, rooms: Rooms) -> None:
    inside(rooms, world.connect("a", "anna"), 4)
    inside(rooms, world.connect("b1", "ben"), 4)
    world.connect("b2", "ben")
    rooms.deliver(Outcome([removal(5, "ben")]))
    rooms.deliver(Outcome([admission(6, "ben")]))
    rooms.deliver(Outcome([Packet(ROOM, 6, 7, events=[event(7)])]))
    assert names(world, "a") == [REMOVED, ADDED, "message:new"]
    assert names(world, "b1") == names(world, "b2") == [REMOVED, ADDED, NEW]


@pytest.mark.parametrize("order", ORDERS)
def test_a_catch_up_and_a_copy_tell_nobody_twice(
    world: World,
    rooms: Rooms,
    monkeypatch: pytest.MonkeyPatch,
    order: tuple[str, ...],
) -> None:
    """What the room missed is read from the database; the copy for the user comes before that, or after."""
    inside(rooms, world.connect("a", "anna"), 4)
    inside(rooms, world.connect("b1", "ben"), 4)
    world.connect("b2", "ben")

    class Store:
        read = staticmethod(contextlib.nullcontext)

    monkeypatch.setattr(rooms_module, "store", Store)
    monkeypatch.setattr(catchup, "missed_by", lambda *_: {ROOM: removal(5, "ben")})
    for part in order:
        if part == "room":
            rooms._catch_up([rooms._gates[ROOM]])
        else:
            arrive(rooms, removal(5, "ben"), ("ben",))
    assert names(world, "a") == names(world, "b1") == names(world, "b2") == [REMOVED]


def test_an_event_that_is_not_for_the_room_shows_as_a_step(world: World, rooms: Rooms) -> None:
    """Somebody is back, and only they are told; the others see by `prevRev` that something happened."""
    inside(rooms, world.connect("a", "anna"), 4)
    packet = Packet(ROOM, 4, 5, 0, [named(NEW, 5, "ben", to_room=False)], admitted=["ben"])
    arrive(rooms, packet, ("room",))
    rooms.receive(Packet(ROOM, 5, 6, events=[event(6)]))
    ((name, data),) = world.got["a"]
    assert (name, data["prevRev"]) == ("message:new", 5)


def test_packets_survive_the_journey() -> None:
    data: dict[str, Any] = {"rev": 3, "text": "ä\u0000", "list": [1, None, True]}
    packet = Packet("c", 1, 3, 7, [Event("message:new", 3, data, ("u",), False)], ["a"], ["e"], True)
    assert travelled(packet) == packet


def test_a_commit_that_could_not_be_told_is_looked_for_in_the_database(
    world: World, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database does not say that there is news where this process wrote it."""
    inside(rooms, world.connect("a", "anna"), 4)
    monkeypatch.setattr(store, "moved", lambda: False)
    monkeypatch.setattr(store, "read", contextlib.nullcontext)
    monkeypatch.setattr(catchup, "heads", lambda _, ids: dict.fromkeys(ids, 5))
    monkeypatch.setattr(
        catchup, "missed_by", lambda _, known: {one: Packet(one, 4, 5, events=[event(5)]) for one in known}
    )
    rooms.compare()
    assert names(world, "a") == []
    with monkeypatch.context() as broken:
        broken.setattr(places, "note", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rooms.deliver(Outcome([Packet(ROOM, 4, 5, events=[event(5)])]))
    rooms.compare()
    assert names(world, "a") == ["message:new"]
