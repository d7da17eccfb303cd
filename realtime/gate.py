"""One gate per room: through it, and only through it, a conversation's events reach this node's sockets, in order.

Packets may arrive in any order, twice, or not at all; the gate lets each change through once, in the order of the
conversation's revs. What stays missing is read from the database (`realtime.catchup`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from extensions import socketio
from realtime import catchup, typing
from realtime.connections import NAMESPACE, Connection, connections, emit, emit_many, user_room
from realtime.events import Data, Event, Packet
from realtime.places import places


@dataclass(slots=True)
class Boarding:
    """A socket on its way into the room. Until its snapshot's rev (`floor`) is known, events wait in `held`.

    `seq` is the newest message of that snapshot.
    """

    connection: Connection
    floor: int | None = None
    seq: int = 0
    held: list[Event] = field(default_factory=list)


def as_known(event: Event, rev: int, seq: int) -> Event:
    """The event for whoever knows everything up to `rev`, and the messages up to `seq`.

    Two who read the database at once begin where the room stood, and the second one reads further. What it calls new
    may by then be a message that is known and was changed; and its revs may be held back below what was told.
    """
    name, data = event.name, event.data
    if name == "message:new" and data["seq"] <= seq:
        name, data = catchup.changed_message(data)
    return replace(event, name=name, data={**data, "rev": max(data["rev"], rev)})


class Gate:
    """The gate of one conversation on this node.

    `cursor` is the rev up to which the room has been told everything, `seq` the newest message it was told of;
    both are unknown until the first socket's snapshot. `missing` is called when a packet arrives that does not
    follow on. `read` answers what happened since a rev, for a socket that knows less than the room did at its start.
    """

    def __init__(
        self, conversation_id: str, missing: Callable[[Gate], None], read: Callable[[str, int, int], Packet]
    ) -> None:
        self.conversation_id = conversation_id
        self.cursor: int | None = None
        self.seq = 0
        self.members: set[str] = set()
        self._start = 0
        self._last_event = 0
        self._waiting: dict[int, Packet] = {}
        self._boarding: dict[str, Boarding] = {}
        self._missing = missing
        self._read = read

    @property
    def deserted(self) -> bool:
        """Whether nobody is in the room or on the way into it."""
        return not self.members and not self._boarding

    @property
    def incomplete(self) -> bool:
        """Whether packets wait for one that has not come."""
        return self.cursor is not None and bool(self._waiting)

    def take_plain(self, packet: Packet) -> bool:
        """Deliver what nearly all packets are: one event that follows on, for the room as it stands and nobody else.

        Returns whether it was one. What else there may be to do to a room costs more than to tell it of such a one.
        """
        if packet.start != self.cursor or len(packet.events) != 1 or self._waiting or self._boarding:
            return False
        event = packet.events[0]
        if event.to_users or packet.admitted or packet.evicted or packet.closed:
            return False
        self._tell(event)
        self.cursor = packet.end
        return True

    def offer(self, packet: Packet) -> None:
        """Take a packet: deliver it where it follows on, keep it where one before it is missing, else drop it."""
        if self.take_plain(packet):
            return
        if self.cursor is None:
            self._waiting[packet.start] = packet
        elif packet.end > self.cursor:
            if packet.start > self.cursor:
                self._waiting[packet.start] = packet
                self._missing(self)
            else:
                self._deliver(packet)
                if self._waiting:
                    self._drain()

    def start_at(self, rev: int, seq: int) -> None:
        """The room stands at `rev`: what came before is known to whoever enters."""
        if self.cursor is None:
            self.cursor = self._start = self._last_event = rev
            self.seq = seq
            self._drain()

    def hold(self, connection: Connection) -> None:
        """From now on keep what happens for this socket, until `admit` or `leave`; one that is in gets it already."""
        if connection.sid not in self.members:
            self._boarding[connection.sid] = Boarding(connection)
            connection.rooms.add(self.conversation_id)

    def admit(self, connection: Connection, rev: int, seq: int) -> None:
        """The socket knows everything up to `rev`: tell it what came after, and let it into the room.

        Two first sockets may have read the database at different moments: the room starts where the first of them
        stood, and the other may know less. What `read` raises is raised here; the socket then stays outside.
        """
        self.start_at(rev, seq)
        boarding = self._boarding.get(connection.sid)
        if boarding is None:
            return
        if rev < self._start:
            missed = self._read(self.conversation_id, rev, seq)
            for event in missed.events:
                emit(event.name, {**event.data, "prevRev": rev}, to=connection.sid)
            rev = missed.end
            seq = max(seq, *(event.data["seq"] for event in missed.events if event.name == "message:new"), 0)
        for event in boarding.held:
            if event.rev > rev:
                known = as_known(event, rev, seq)
                emit(known.name, known.data, to=connection.sid)
        boarding.held.clear()
        boarding.floor, boarding.seq = rev, seq
        self._let_in()

    def enter(self, connection: Connection) -> None:
        """Put the socket into the room as it stands."""
        self._boarding.pop(connection.sid, None)
        if connections.get(connection.sid) is connection:
            socketio.server.enter_room(connection.sid, self.conversation_id, namespace=NAMESPACE)
            connection.rooms.add(self.conversation_id)
            self.members.add(connection.sid)

    def leave(self, connection: Connection) -> None:
        """Take the socket out, wherever it stands; its own typing ends."""
        self._boarding.pop(connection.sid, None)
        connection.rooms.discard(self.conversation_id)
        if connection.sid in self.members:
            self.members.discard(connection.sid)
            typing.stop(self.conversation_id, connection.user_id, only_from=connection.sid)
            if connections.get(connection.sid) is connection:
                socketio.server.leave_room(connection.sid, self.conversation_id, namespace=NAMESPACE)

    def _drain(self) -> None:
        """Deliver what was waiting and now follows on; forget what has been overtaken."""
        assert self.cursor is not None
        for start in sorted(self._waiting):
            if start > self.cursor:
                break
            packet = self._waiting.pop(start)
            if packet.end > self.cursor:
                self._deliver(packet)

    def _deliver(self, packet: Packet) -> None:
        known = self.cursor or 0
        whole = packet.start >= known
        news = (
            packet.events
            if whole
            else [as_known(event, known, self.seq) for event in packet.events if event.rev > known]
        )
        if len(news) > 1 and not self._boarding and all(_is_plain(event) for event in news):
            self._tell_many(news)
        else:
            for event in news:
                self._tell(event)
        self.cursor = max(known, packet.end)
        if self._boarding:
            self._let_in()
        if packet.admitted or packet.evicted or packet.closed:
            self._follow_members(packet)

    def _follow_members(self, packet: Packet) -> None:
        """Those whom the commit let in enter, where they asked to; those whom it put out leave at once."""
        for user_id in packet.admitted:
            for connection in connections.of_user(user_id):
                if connection.auto_join and connection.sid not in self.members:
                    self.enter(connection)
        for user_id in packet.evicted:
            typing.stop(self.conversation_id, user_id)
            for connection in connections.of_user(user_id):
                self.leave(connection)
        if packet.closed:
            for sid in [*self.members, *self._boarding]:
                member = connections.get(sid)
                if member is not None:
                    self.leave(member)

    def _tell_many(self, events: list[Event]) -> None:
        """Events for the room and nobody else, in one go: a hundred receipts of one commit, say."""
        told: list[tuple[str, Data]] = []
        for event in events:
            data = {**event.data, "prevRev": self._last_event}
            told.append((event.name, data))
            self._last_event = data["rev"]
        emit_many(told, to=self.conversation_id)

    def _tell(self, event: Event) -> None:
        """One event to the room, to the users that it names, and to the sockets on their way in."""
        data = {**event.data, "prevRev": self._last_event}
        self._last_event = data["rev"]
        if event.to_room and not event.to_users and not self._boarding:
            self._note(event.name, data)
            emit(event.name, data, to=self.conversation_id)
            return
        rooms = [user_room(user_id) for user_id in event.to_users] if event.to_users else []
        if event.to_room:
            self._note(event.name, data)
            rooms.append(self.conversation_id)
            for boarding in list(self._boarding.values()):
                self._tell_boarding(boarding, event, data)
        if rooms:
            emit(event.name, data, to=rooms[0] if len(rooms) == 1 else rooms)

    def _note(self, name: str, data: Data) -> None:
        """What the room is about to hear: the newest message, whose sender types no longer."""
        if name == "message:new":
            self.seq = data["seq"]
            places.note(data["id"], self.conversation_id, self.seq)
            typing.stop(self.conversation_id, data["senderId"])

    @staticmethod
    def _tell_boarding(boarding: Boarding, event: Event, data: Data) -> None:
        if boarding.connection.user_id in event.to_users:
            return
        if boarding.floor is None:
            boarding.held.append(replace(event, data=data))
        elif event.rev > boarding.floor:
            known = as_known(replace(event, data=data), boarding.floor, boarding.seq)
            emit(known.name, known.data, to=boarding.connection.sid)

    def _let_in(self) -> None:
        """Sockets whose snapshot the room has reached."""
        for boarding in list(self._boarding.values()):
            if boarding.floor is not None and self.cursor is not None and self.cursor >= boarding.floor:
                self.enter(boarding.connection)


def _is_plain(event: Event) -> bool:
    """Whether an event only goes to the room, and changes nothing there but the rev."""
    return event.to_room and not event.to_users and event.name != "message:new"
