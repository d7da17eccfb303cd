"""The gates of this node's rooms: every commit passes here, and every join and leave."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import runtime
from models import Unavailable, store
from realtime import catchup
from realtime.connections import Connection, close, connections, tell_users
from realtime.events import Closing, Outcome, Packet
from realtime.gate import Gate

log = logging.getLogger("parley.realtime")

MISSING_SECONDS = 0.02
"""How long a packet that does not follow on waits for the one before it (design.md, one gate per room)."""

COMPARE_SECONDS = 1.0
"""How often the local rooms are compared with the database, so that nothing stays missing for longer."""


class Rooms:
    """All gates of this node. One lock: events of one room never overtake each other, also between threads."""

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}
        self._catching_up: set[str] = set()
        self._look_again = False
        self._lock = threading.RLock()

    def deliver(self, outcome: Outcome) -> None:
        """Let a commit's events reach the sockets that they concern."""
        with self._lock:
            for packet in outcome.packets:
                self._offer(packet)
            for notice in outcome.notices:
                tell_users(notice.name, notice.data, notice.users)
        for closing in outcome.closings:
            _close_sockets(closing)

    @contextmanager
    def joining(self, connection: Connection, conversation_ids: list[str]) -> Iterator[None]:
        """While the caller reads what the conversations are like, keep what happens in them for this socket.

        Those that are not `admit`ted by the end are left.
        """
        with self._lock:
            for conversation_id in conversation_ids:
                self._gate(conversation_id).hold(connection)
        admitted = False
        try:
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

        That is how changes of other processes arrive (`flask shell`), and those of a commit whose process died
        before it could publish.
        """
        try:
            if not self._gates or not (store.moved() or self._look_again):
                return
            self._look_again = False
            with store.read() as session:
                heads = catchup.heads(session, list(self._gates))
        except Unavailable:
            self._look_again = True
            return
        if self._behind(heads):
            runtime.sleep(MISSING_SECONDS)  # what was committed just now is still on its way here
            for gate in self._behind(heads):
                self._catch_up(gate)

    def _behind(self, heads: Mapping[str, int]) -> list[Gate]:
        """The rooms that have not been told everything up to these revs."""
        gates = ((self._gates.get(conversation_id), rev) for conversation_id, rev in heads.items())
        return [gate for gate, rev in gates if gate is not None and gate.cursor is not None and gate.cursor < rev]

    def _offer(self, packet: Packet) -> None:
        gate = self._gates.get(packet.conversation_id)
        if gate is None and any(_joins_by_itself(user_id) for user_id in packet.admitted):
            gate = self._gate(packet.conversation_id)
            gate.start_at(packet.start, packet.seq)
            self._look_again = True  # packets before the gate was there may have overtaken this one
        if gate is None:
            for event in packet.events:
                tell_users(event.name, {**event.data, "prevRev": packet.start}, event.to_users)
            return
        gate.offer(packet)
        self._forget_if_deserted(gate)

    def _gate(self, conversation_id: str) -> Gate:
        gate = self._gates.get(conversation_id)
        if gate is None:
            gate = self._gates[conversation_id] = Gate(conversation_id, self._expect, _missed)
        return gate

    def _forget_if_deserted(self, gate: Gate) -> None:
        if gate.deserted:
            self._gates.pop(gate.conversation_id, None)

    def _expect(self, gate: Gate) -> None:
        """Give the missing packet a moment to arrive, then read what it would have said."""
        if gate.conversation_id not in self._catching_up:
            self._catching_up.add(gate.conversation_id)
            runtime.call_later(MISSING_SECONDS, self._complete, gate)

    def _complete(self, gate: Gate) -> None:
        self._catching_up.discard(gate.conversation_id)
        if gate.incomplete and self._gates.get(gate.conversation_id) is gate:
            self._catch_up(gate)

    def _catch_up(self, gate: Gate) -> None:
        """Read from the database what the room has not been told; the watch tries again where it cannot be read."""
        assert gate.cursor is not None
        try:
            packet = _missed(gate.conversation_id, gate.cursor, gate.seq)
        except Unavailable:
            self._look_again = True
            return
        log.info("room caught up", extra={"conversation_id": gate.conversation_id, "events": len(packet.events)})
        with self._lock:
            gate.offer(packet)
            self._forget_if_deserted(gate)


def _missed(conversation_id: str, rev: int, seq: int) -> Packet:
    with store.read() as session:
        return catchup.missed(session, conversation_id, rev, seq)


def _joins_by_itself(user_id: str) -> bool:
    return any(connection.auto_join for connection in connections.of_user(user_id))


def _close_sockets(closing: Closing) -> None:
    for connection in connections.of_user(closing.user_id):
        if (
            (closing.everything and (closing.all_but is None or connection.session_id != closing.all_but))
            or connection.session_id in closing.session_ids
            or connection.token_hash in closing.token_hashes
        ):
            close(connection)


rooms = Rooms()
