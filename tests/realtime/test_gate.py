"""The gate of a room: whatever order packets come in, sockets are told everything once, in order."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

from realtime import gate as gate_module
from realtime import typing
from realtime.connections import Connection, Connections, user_room
from realtime.events import Event, Packet
from realtime.gate import Gate

ROOM = "the-room"


@dataclass
class World:
    """Stands for Socket.IO: knows who is in which room, and keeps what each socket was sent."""

    connections: Connections
    rooms: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    got: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    typing_ended: list[tuple[str, str | None]] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    missing: int = 0
    head: int = 0

    def enter_room(self, sid: str, room: str, namespace: str) -> None:
        """As python-socketio's server."""
        assert namespace == "/"
        self.rooms[room].add(sid)

    def leave_room(self, sid: str, room: str, namespace: str) -> None:
        """As python-socketio's server."""
        assert namespace == "/"
        self.rooms[room].discard(sid)

    def emit(self, name: str, data: Any, *, to: str | list[str], skip: str | None = None) -> None:
        """As `realtime.connections.emit`: each socket once."""
        assert skip is None
        targets = [to] if isinstance(to, str) else to
        sids = {sid for target in targets for sid in self.rooms.get(target, {target})}
        for sid in sids:
            if self.connections.get(sid) is not None:
                self.got[sid].append((name, data))

    def emit_many(self, events: list[tuple[str, Any]], *, to: str) -> None:
        """As `realtime.connections.emit_many`."""
        for name, data in events:
            self.emit(name, data, to=to)
        self.joined.append(len(events))

    def stop_typing(self, conversation_id: str, user_id: str, only_from: str | None = None) -> None:
        """As `realtime.typing.stop`."""
        assert conversation_id == ROOM
        self.typing_ended.append((user_id, only_from))

    def connect(self, sid: str, user_id: str = "anna", *, auto_join: bool = False) -> Connection:
        """A socket."""
        connection = Connection(sid, user_id, None, "", 0, auto_join)
        self.connections.add(connection)
        return connection

    def revs(self, sid: str) -> list[int]:
        """The revs of what a socket was sent."""
        return [data["rev"] for _, data in self.got[sid]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Nothing reaches a real socket."""
    made = World(Connections())

    class Socketio:
        server = made

    monkeypatch.setattr("realtime.connections.socketio", Socketio)
    monkeypatch.setattr(gate_module, "socketio", Socketio)
    monkeypatch.setattr(gate_module, "connections", made.connections)
    monkeypatch.setattr(gate_module, "emit", made.emit)
    monkeypatch.setattr(gate_module, "emit_many", made.emit_many)
    monkeypatch.setattr(typing, "stop", made.stop_typing)
    return made


@pytest.fixture
def gate(world: World) -> Gate:
    """A gate that counts what it misses."""

    def missing(_gate: Gate) -> None:
        world.missing += 1

    def read(conversation_id: str, rev: int, _seq: int) -> Packet:
        assert conversation_id == ROOM
        return packet(rev, world.head)

    return Gate(ROOM, missing, read)


def event(rev: int, name: str = "message:new", **more: Any) -> Event:
    """An event of this rev; messages have the rev as their seq."""
    data = {"conversationId": ROOM, "rev": rev, "id": f"message {rev}", "seq": rev, "senderId": "ben"}
    return Event(name, rev, data, **more)


def packet(start: int, end: int, **more: Any) -> Packet:
    """A commit from `start` to `end` with an event for each rev."""
    return Packet(ROOM, start, end, events=[event(rev) for rev in range(start + 1, end + 1)], **more)


def board(gate: Gate, connection: Connection, rev: int, seq: int = 0) -> None:
    """Into the room without anything in between."""
    gate.hold(connection)
    gate.admit(connection, rev, seq)


def test_packets_in_order_are_delivered_as_they_come(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 5)
    for rev in range(5, 9):
        gate.offer(packet(rev, rev + 1))
    assert world.revs("a") == [6, 7, 8, 9]
    assert [data["prevRev"] for _, data in world.got["a"]] == [5, 6, 7, 8]
    assert (gate.cursor, gate.seq, world.missing) == (9, 9, 0)


def test_one_that_is_missing_is_called_for_and_the_rest_waits(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 0)
    gate.offer(packet(1, 2))
    gate.offer(packet(2, 3))
    assert (world.revs("a"), world.missing, gate.incomplete) == ([], 2, True)
    gate.offer(packet(0, 1))
    assert (world.revs("a"), gate.incomplete) == ([1, 2, 3], False)


def test_what_came_before_is_dropped_and_what_overlaps_is_cut(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 3)
    gate.offer(packet(0, 3))
    gate.offer(packet(3, 4))
    gate.offer(packet(3, 4))
    gate.offer(packet(1, 6))
    assert world.revs("a") == [4, 5, 6]


def test_an_empty_packet_moves_the_cursor(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 0)
    gate.offer(Packet(ROOM, 0, 4))
    gate.offer(packet(4, 5))
    assert (world.revs("a"), gate.cursor) == ([5], 5)
    assert world.got["a"][0][1]["prevRev"] == 0


def test_a_catch_up_that_overtakes_what_waits_tells_it_once(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 0)
    gate.offer(packet(2, 3))
    gate.offer(packet(4, 5))
    gate.offer(packet(0, 4))
    assert (world.revs("a"), gate.incomplete) == ([1, 2, 3, 4, 5], False)


def catch_up(start: int, end: int, seq: int, changed: dict[int, int], **more: Any) -> Packet:
    """What the database says to a room that knows messages up to `seq`; some were `changed` since, at those revs."""
    messages = [event(rev, **more) for rev in range(start + 1, end + 1) if rev not in changed.values()]
    for one in messages:
        one.rev = changed.get(one.data["seq"], one.rev)
    return Packet(ROOM, start, end, events=[one for one in messages if one.data["seq"] > seq])


def test_two_catch_ups_that_overlap_tell_a_message_once_though_it_was_changed_between(world: World, gate: Gate) -> None:
    """The second one read further, but began where the first did: what is new to its reader the room knows by now."""
    board(gate, world.connect("a"), 2, 2)
    gate.offer(catch_up(2, 5, 2, {}))
    gate.offer(catch_up(2, 7, 2, {4: 6}))
    told = [(name, data["seq"]) for name, data in world.got["a"]]
    assert told == [*(("message:new", seq) for seq in (3, 4, 5)), ("message:updated", 4), ("message:new", 7)]
    assert world.revs("a") == sorted(world.revs("a")), "no event says a rev that the room has passed"
    assert gate.seq == 7


def test_a_message_that_was_deleted_between_is_told_as_that(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 2, 2)
    gate.offer(catch_up(2, 3, 2, {}))
    later = catch_up(2, 4, 2, {3: 4})
    later.events[0].data.update(id="m", deletedAt="now")
    gate.offer(later)
    assert [(name, data["seq"]) for name, data in world.got["a"]] == [("message:new", 3), ("message:deleted", 3)]


@pytest.mark.parametrize("late", [True, False])
def test_a_socket_on_its_way_in_is_not_told_anew_what_its_snapshot_has(world: World, gate: Gate, late: bool) -> None:
    board(gate, world.connect("first"), 2, 2)
    socket = world.connect("a")
    gate.hold(socket)
    if not late:
        gate.admit(socket, 5, 5)
    gate.offer(catch_up(2, 7, 2, {4: 6}))
    if late:
        gate.admit(socket, 5, 5)
    assert [(name, data["seq"]) for name, data in world.got["a"]] == [("message:updated", 4), ("message:new", 7)]
    assert [data["seq"] for name, data in world.got["first"] if name == "message:new"] == [3, 4, 5, 7]


def test_a_packet_before_anybodys_snapshot_waits_for_it(world: World, gate: Gate) -> None:
    socket = world.connect("a")
    gate.hold(socket)
    gate.offer(packet(4, 5))
    gate.offer(packet(5, 6))
    assert world.revs("a") == []
    gate.admit(socket, 5, 5)
    assert (world.revs("a"), gate.cursor) == ([6], 6)


@pytest.mark.parametrize("seed", range(40))
def test_any_order_with_losses_and_repeats_comes_out_in_order(world: World, gate: Gate, seed: int) -> None:
    rng = random.Random(seed)
    board(gate, world.connect("a"), 0)
    cuts = sorted({0, 60, *rng.sample(range(1, 60), 20)})
    packets = [packet(start, end) for start, end in itertools.pairwise(cuts)]
    sent = [one for one in packets if rng.random() > 0.2] + rng.choices(packets, k=5)
    rng.shuffle(sent)
    for one in sent:
        gate.offer(one)
    assert world.revs("a") == list(range(1, (gate.cursor or 0) + 1))
    gate.offer(packet(gate.cursor or 0, 60))
    assert world.revs("a") == list(range(1, 61))
    assert [data["prevRev"] for _, data in world.got["a"]] == list(range(60))
    assert not gate.incomplete


@pytest.mark.parametrize("seed", range(60))
def test_sockets_that_board_are_told_nothing_twice_and_nothing_is_lost(world: World, gate: Gate, seed: int) -> None:
    """Each snapshot is of the database, which may be ahead of the room; one socket is in from the beginning."""
    rng = random.Random(seed)
    board(gate, world.connect("first"), 0)
    head = 0
    boarding: dict[str, tuple[Connection, int | None]] = {}
    floors = {"first": 0}
    pending: list[Packet] = []
    for step in range(120):
        choice = rng.random()
        if choice < 0.35:
            size = rng.randint(1, 3)
            pending.append(packet(head, head + size))
            head += size
        elif choice < 0.6 and pending:
            gate.offer(pending.pop(rng.randrange(min(2, len(pending)))))
        elif choice < 0.75:
            socket = world.connect(f"s{step}")
            gate.hold(socket)
            boarding[socket.sid] = (socket, None)
        elif boarding:
            sid = rng.choice(list(boarding))
            socket, snapshot = boarding.pop(sid)
            if snapshot is None:
                boarding[sid] = (socket, head)
            else:
                floors[sid] = snapshot
                gate.admit(socket, snapshot, snapshot)
    for socket, snapshot in boarding.values():
        floors[socket.sid] = head if snapshot is None else snapshot
        gate.admit(socket, floors[socket.sid], floors[socket.sid])
    for one in pending:
        gate.offer(one)
    gate.offer(packet(gate.cursor or 0, head + 1))
    for sid, floor in floors.items():
        assert world.revs(sid) == list(range(floor + 1, head + 2)), sid
    assert gate.members == set(floors)


def test_the_older_of_two_first_snapshots_misses_nothing_that_came_between(world: World, gate: Gate) -> None:
    older, newer = world.connect("a"), world.connect("b")
    world.head = 5
    gate.hold(older)
    gate.hold(newer)
    gate.offer(packet(3, 5))
    gate.admit(newer, 5, 5)
    gate.admit(older, 3, 3)
    gate.offer(packet(5, 6))
    assert (world.revs("a"), world.revs("b")) == ([4, 5, 6], [6])


def test_the_same_where_the_commit_is_told_after_the_snapshot_that_has_it(world: World, gate: Gate) -> None:
    older, newer = world.connect("a"), world.connect("b")
    world.head = 5
    gate.hold(older)
    gate.hold(newer)
    gate.admit(newer, 5, 5)
    gate.offer(packet(3, 5))
    gate.admit(older, 3, 3)
    gate.offer(packet(5, 6))
    assert (world.revs("a"), world.revs("b")) == ([4, 5, 6], [6])


def test_a_socket_in_the_room_hears_on_while_it_joins_again(world: World, gate: Gate) -> None:
    socket = world.connect("a")
    board(gate, socket, 0)
    gate.hold(socket)
    gate.offer(packet(0, 2))
    gate.admit(socket, 1, 1)
    gate.offer(packet(2, 3))
    assert world.revs("a") == [1, 2, 3]


def test_leaving_on_the_way_in_is_leaving(world: World, gate: Gate) -> None:
    socket, other = world.connect("a"), world.connect("b")
    board(gate, other, 0)
    gate.hold(socket)
    gate.offer(packet(0, 1))
    gate.leave(socket)
    gate.admit(socket, 0, 0)
    gate.offer(packet(1, 2))
    assert (world.revs("a"), world.revs("b")) == ([], [1, 2])
    assert socket.rooms == set()
    gate.leave(other)
    assert gate.deserted


def test_a_socket_that_is_gone_does_not_enter(world: World, gate: Gate) -> None:
    socket = world.connect("a")
    gate.hold(socket)
    world.connections.remove("a")
    gate.admit(socket, 0, 0)
    assert gate.members == set()
    assert world.rooms[ROOM] == set()


def test_those_who_are_let_in_enter_where_they_asked_to(world: World, gate: Gate) -> None:
    by_itself, not_so = world.connect("a", "carol", auto_join=True), world.connect("b", "carol")
    board(gate, world.connect("c"), 0)
    gate.offer(packet(0, 1, admitted=["carol"]))
    gate.offer(packet(1, 2))
    assert (world.revs(by_itself.sid), world.revs(not_so.sid)) == ([2], [])


def test_those_who_are_put_out_hear_of_it_and_nothing_after(world: World, gate: Gate) -> None:
    inside, outside = world.connect("a", "carol"), world.connect("b", "carol")
    board(gate, inside, 0)
    board(gate, world.connect("c"), 0)
    gone = event(1, "conversation:participant-removed", to_users=("carol",))
    gate.offer(Packet(ROOM, 0, 1, events=[gone], evicted=["carol"]))
    gate.offer(packet(1, 2))
    assert (world.revs(inside.sid), world.revs(outside.sid), world.revs("c")) == ([1], [1], [1, 2])
    assert world.rooms[ROOM] == {"c"}


def test_one_who_is_put_out_on_the_way_in_hears_of_it_once(world: World, gate: Gate) -> None:
    board(gate, world.connect("c"), 0)
    boarding = world.connect("a", "carol")
    gate.hold(boarding)
    gone = event(1, "conversation:participant-removed", to_users=("carol",))
    gate.offer(Packet(ROOM, 0, 1, events=[gone], evicted=["carol"]))
    gate.admit(boarding, 0, 0)
    gate.offer(packet(1, 2))
    assert world.revs("a") == [1]


def test_a_closed_room_is_empty(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 0)
    gate.hold(world.connect("b"))
    gate.offer(packet(0, 1, closed=True))
    assert gate.deserted
    assert world.rooms[ROOM] == set()
    assert world.revs("a") == [1]


def test_an_event_for_users_only_reaches_them_and_not_the_room(world: World, gate: Gate) -> None:
    board(gate, world.connect("a"), 0)
    world.connect("b", "carol")
    for_carol = event(1, "conversation:new", to_users=("carol",), to_room=False)
    gate.offer(Packet(ROOM, 0, 1, events=[for_carol]))
    assert (world.revs("a"), world.revs("b")) == ([], [1])
    assert world.rooms[user_room("carol")] == {"b"}


def test_a_message_ends_its_senders_typing_and_a_leaver_their_own(world: World, gate: Gate) -> None:
    socket = world.connect("a")
    board(gate, socket, 0)
    gate.offer(packet(0, 1))
    gate.leave(socket)
    gate.leave(socket)
    assert world.typing_ended == [("ben", None), ("anna", "a")]


def test_a_commits_events_for_the_room_alone_leave_together_and_in_order(world: World, gate: Gate) -> None:
    hers = world.connect("a")
    board(gate, hers, 0)
    receipts = [event(1, "message:status"), event(1, "receipt:update"), event(1, "receipt:update")]
    gate.offer(Packet(ROOM, 0, 1, events=receipts))
    assert [name for name, _ in world.got["a"]] == ["message:status", "receipt:update", "receipt:update"]
    assert [data["prevRev"] for _, data in world.got["a"]] == [0, 1, 1]
    assert world.joined == [3]


def test_events_that_are_for_users_too_or_for_those_on_their_way_in_leave_one_by_one(world: World, gate: Gate) -> None:
    hers, his = world.connect("a"), world.connect("b", "ben")
    board(gate, hers, 0)
    named = event(1, "conversation:participant-removed", to_users=("ben",))
    gate.offer(Packet(ROOM, 0, 1, events=[event(1, "receipt:update"), named]))
    world.rooms[user_room("ben")].add("b")
    gate.hold(his)
    gate.offer(Packet(ROOM, 1, 2, events=[event(2, "receipt:update"), event(2, "receipt:update")]))
    gate.admit(his, 1, 0)
    assert world.joined == []
    assert world.revs("a") == [1, 1, 2, 2]
    assert world.revs("b") == [1, 2, 2]
