"""The gates of this node's rooms: every commit passes here, and every join and leave."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from prometheus_client import Counter

import runtime
from models import Unavailable, store
from realtime import catchup, wire
from realtime.chunks import chunks
from realtime.connections import Connection, close, connections, emit, tell_users
from realtime.events import Closing, Outcome, Packet
from realtime.gate import Gate
from realtime.nodes import nodes
from realtime.overdue import Overdue
from realtime.told import Told

log = logging.getLogger("parley.realtime")

COMPARE_SECONDS = 1.0
"""How often the local rooms are compared with the database, so that nothing stays missing for longer."""

ROOMS = 20
"""Rooms that catch up together: enough to share the queries, few enough to let others have their turn."""

CATCH_UPS = Counter("parley_rooms_caught_up", "Times that a room was told from the database what it had missed")


class Rooms:
    """All gates of this node. One lock: events of one room never overtake each other, also between threads.

    `told` is the last word to each user here about their conversations.
    """

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}
        self._overdue = Overdue(lambda: nodes.patience, self._complete)
        self._look_again = False
        self._comparing = False
        self.told = Told()
        self._entered = Told()
        self._lock = threading.RLock()

    def deliver(self, outcome: Outcome) -> None:
        """Let a commit's events reach the sockets of this node that they concern."""
        try:
            with self._lock:
                for packet in outcome.packets:
                    gate = self._gates.get(packet.conversation_id)
                    if gate is None or not gate.members or not gate.take_plain(packet):
                        self._deliver(packet)
                for notice in outcome.notices:
                    tell_users(notice.name, notice.data, notice.users)
        except Exception:
            self._look_again = True  # the database does not tell `compare` of this process's own commits
            raise
        for closing in outcome.closings:
            close_sockets(closing)

    def _deliver(self, packet: Packet) -> None:
        if wire.only_for_the_room(packet):
            self._offer(packet)
            return
        for user_id in wire.named_users(packet):
            self._tell_outside(user_id, packet)
        self._offer(wire.room_packet(packet))

    def receive(self, packet: Packet) -> None:
        """A commit of another node, as its room is told of it."""
        with self._lock:
            if packet.conversation_id in self._gates:
                self._offer(packet)

    def receive_copy(self, user_id: str, packet: Packet) -> None:
        """A commit of another node, as one user is told of it."""
        with self._lock:
            self._tell_outside(user_id, packet)
            if user_id in packet.admitted and _joins_by_itself(user_id):
                self._offer(wire.room_packet(packet))

    @contextmanager
    def joining(self, connection: Connection, conversation_ids: list[str]) -> Iterator[None]:
        """While the caller reads what the conversations are like, keep what happens in them for this socket.

        Begins once other nodes are heard. Those that are not `admit`ted by the end are left.
        """
        with self._lock:
            for conversation_id in conversation_ids:
                self._gate(conversation_id).hold(connection)
        admitted = False
        try:
            nodes.await_rooms(conversation_ids)
            yield
            admitted = True
        finally:
            if not admitted:
                for conversation_id in conversation_ids:
                    self.leave(connection, conversation_id)

    def admit(self, connection: Connection, conversation_id: str, rev: int, seq: int) -> None:
        """The socket has been told everything up to `rev`: from here on it gets the room's events."""
        with self._lock:
            gate = self._gate(conversation_id)
            try:
                gate.admit(connection, rev, seq)
            except Unavailable:
                gate.leave(connection)
                close(connection)  # it comes back, and asks for what it missed

    def positions(self, connection: Connection) -> dict[str, tuple[int, int]]:
        """Each room that the socket is in, with the rev and the seq up to which the room has been told everything."""
        with self._lock:
            gates = [self._gates[one] for one in connection.rooms if one in self._gates]
            return {
                gate.conversation_id: (gate.cursor, gate.seq)
                for gate in gates
                if gate.cursor is not None and connection.sid in gate.members
            }

    def leave(self, connection: Connection, conversation_id: str) -> None:
        """The socket is out of the room, and gets no more of it."""
        with self._lock:
            gate = self._gates.get(conversation_id)
            if gate is not None:
                gate.leave(connection)
                self._forget_if_deserted(gate)

    def leave_all(self, connection: Connection) -> None:
        """The socket is gone."""
        with self._lock:
            for conversation_id in list(connection.rooms):
                self.leave(connection, conversation_id)

    def compare(self) -> None:
        """Compare the local rooms with the database, and catch up where it is ahead; to be called each second.

        That is how changes of other processes arrive where there is no relay (`flask shell`), those that a relay
        lost, and those of a commit whose process died before it could publish.
        """
        if self._comparing:
            return
        self._comparing = True
        try:
            self._compare()
        except Unavailable:
            self._look_again = True
        finally:
            self._comparing = False

    def _compare(self) -> None:
        if not self._gates or not (store.moved() or self._look_again):
            return
        self._look_again = False
        heads: dict[str, int] = {}
        for chunk in chunks(list(self._gates), catchup.CHUNK):
            with store.read() as session:
                heads.update(catchup.heads(session, chunk))
            runtime.sleep(0)  # many rooms must not hold up everybody else
        if self._behind(heads):
            runtime.sleep(nodes.patience)  # what was committed just now is still on its way here
            for gates in chunks(self._behind(heads), ROOMS):
                self._catch_up(gates)
                runtime.sleep(0)

    def _behind(self, heads: Mapping[str, int]) -> list[Gate]:
        """The rooms that have not been told everything up to these revs."""
        gates = ((self._gates.get(conversation_id), rev) for conversation_id, rev in heads.items())
        return [gate for gate, rev in gates if gate is not None and gate.cursor is not None and gate.cursor < rev]

    def _tell_outside(self, user_id: str, packet: Packet) -> None:
        """Tell a user's sockets here of a commit that names them, but for those that hear of it in the room."""
        mine, conversation_id = connections.of_user(user_id), packet.conversation_id
        known = self.told.rev(user_id, conversation_id) if mine else 0
        for event in packet.events if mine else ():
            if user_id not in event.to_users or event.rev <= known:
                continue
            outside = [one.sid for one in mine if not (event.to_room and self._heard(one, conversation_id, event.rev))]
            if outside:
                emit(event.name, {**event.data, "prevRev": packet.start}, to=outside)
            self.told.note(user_id, conversation_id, event.rev, event.name)

    def _heard(self, connection: Connection, conversation_id: str, rev: int) -> bool:
        """Whether a socket hears of this rev in the room, or has."""
        if conversation_id in connection.rooms:
            return self._entered.rev(connection.sid, conversation_id) < rev
        return self.told.rev(connection.sid, conversation_id) >= rev

    def _offer(self, packet: Packet) -> None:
        """Give the room what it is told of a commit, where there is one here, or has to be."""
        gate = self._gates.get(packet.conversation_id)
        if gate is None and packet.admitted and any(_joins_by_itself(user_id) for user_id in packet.admitted):
            gate = self._gate(packet.conversation_id)
            gate.start_at(packet.start, packet.seq)
            self._look_again = True  # packets before the gate was there may have overtaken this one
        if gate is not None:
            self._give(gate, packet)

    def _give(self, gate: Gate, packet: Packet) -> None:
        """Give a room what it is told. Whoever is put out by that is told in the room, whoever is let in is not."""
        if packet.admitted or packet.evicted or packet.closed:
            before = set(gate.members)
            gate.offer(packet)
            for sid in before - gate.members:
                self.told.note(sid, gate.conversation_id, packet.end, "conversation:participant-removed")
            for sid in gate.members - before:
                self._entered.note(sid, gate.conversation_id, packet.end, "conversation:participant-added")
        else:
            gate.offer(packet)
        if not gate.members:
            self._forget_if_deserted(gate)

    def _gate(self, conversation_id: str) -> Gate:
        gate = self._gates.get(conversation_id)
        if gate is None:
            gate = self._gates[conversation_id] = Gate(conversation_id, self._overdue.expect, _missed)
            nodes.follow_room(conversation_id)
        return gate

    def _forget_if_deserted(self, gate: Gate) -> None:
        if gate.deserted and self._gates.pop(gate.conversation_id, None) is not None:
            nodes.leave_room(gate.conversation_id)

    def _complete(self, gates: Sequence[Gate]) -> None:
        """Read what did not come, where it is missing still."""
        missing = [gate for gate in gates if gate.incomplete and self._gates.get(gate.conversation_id) is gate]
        for some in chunks(missing, ROOMS):
            self._catch_up(some)
            runtime.sleep(0)

    def _catch_up(self, gates: Sequence[Gate]) -> None:
        """Read from the database what rooms have not been told; the watch tries again where it cannot be read."""
        known = {gate.conversation_id: (gate.cursor, gate.seq) for gate in gates if gate.cursor is not None}
        try:
            with store.read() as session:
                packets = catchup.missed_by(session, known)
        except Unavailable:
            self._look_again = True
            return
        CATCH_UPS.inc(len(known))
        log.info("rooms caught up", extra={"rooms": len(known)})
        with self._lock:
            for gate in gates:
                packet = packets.get(gate.conversation_id)
                if packet is not None and self._gates.get(gate.conversation_id) is gate:
                    self._tell_nobody_twice(packet)
                    self._give(gate, packet)

    def _tell_nobody_twice(self, packet: Packet) -> None:
        """Leave out users who were told outside the room; from now on the others have been, too."""
        for event in packet.events:
            event.to_users = tuple(
                user_id
                for user_id in event.to_users
                if connections.has_user(user_id) and self.told.rev(user_id, packet.conversation_id) < event.rev
            )
        for event in packet.events:
            for user_id in event.to_users:
                self.told.note(user_id, packet.conversation_id, event.rev, event.name)


def _missed(conversation_id: str, rev: int, seq: int) -> Packet:
    with store.read() as session:
        return catchup.missed(session, conversation_id, rev, seq)


def _joins_by_itself(user_id: str) -> bool:
    return any(connection.auto_join for connection in connections.of_user(user_id))


def close_sockets(closing: Closing) -> None:
    """Close those of this node's sockets that it means."""
    for connection in connections.of_user(closing.user_id):
        if (
            (closing.everything and (closing.all_but is None or connection.session_id != closing.all_but))
            or connection.session_id in closing.session_ids
            or connection.token_hash in closing.token_hashes
        ):
            close(connection)


rooms = Rooms()
