"""Rooms and fan-out: an event is encoded once, and every recipient's outbox gets the same bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import engineio.exceptions
import engineio.packet
import socketio
import socketio.packet

from engine.blocks import Group
from engine.codec import EVENT, encode
from engine.frames import frame, frames_of
from engine.history import History
from engine.outbox import Outbox, flusher
from engine.packets import send_by_queue
from engine.transport import Transport

Target = str | list[str] | tuple[str, ...] | None


class Room(dict[str, str]):
    """The sids of a room with their Engine.IO sids: in python-socketio a bidict, whose inverse no room needs."""

    __slots__ = ()

    @property
    def _fwdm(self) -> Room:
        """What python-socketio 5.18 reads of a bidict when it walks a room."""
        return self


class Manager(socketio.Manager):
    """python-socketio's manager with an index of each client's rooms.

    Entering, leaving and disconnecting cost what the client is in, not how many rooms there are. Overridden of
    python-socketio 5.18: `emit`, `basic_enter_room`, `basic_leave_room`, `basic_disconnect`, `get_rooms`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rooms_of: dict[str, dict[str, int]] = {}
        self.history: History | None = None
        """Where what is sent is remembered, and numbered, for those who come back; None where nobody can."""
        self.plain: set[str] = set()
        """The sessions (Engine.IO sids) that want no offsets, and cannot come back."""
        self.parked: dict[str, float] = {}
        """The clients whose transport is gone and who may come back, each with until when (`time.monotonic()`)."""
        self.pids: dict[str, str] = {}
        """The secrets of those that came from another node, which made them."""

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        """Put a client into a room; `None` is the namespace itself, which keeps python-socketio's own kind."""
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid)
            return
        rooms = self.rooms.get(namespace)
        if rooms is None:
            raise ValueError("sid is not connected to requested namespace")
        if sid != room and room in rooms.get(None, ()):
            raise ValueError("cannot enter a sid room")
        inside = rooms.setdefault(room, Room())
        if sid not in inside:
            self._rooms_of.setdefault(sid, {})[room] = self.history.number if self.history is not None else 0
        inside[sid] = eio_sid if eio_sid is not None else rooms[None][sid]

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        """Take a client out of a room."""
        mine = self._rooms_of.get(sid)
        if mine is not None and room is not None and room in mine:
            entered = mine.pop(room)
            if self.history is not None:
                self.history.note_stay(sid, room, entered)
        super().basic_leave_room(sid, namespace, room)

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Take a client out of all that it is in."""
        if namespace not in self.rooms:
            return
        for room in self._rooms_of.pop(sid, ()):
            super().basic_leave_room(sid, namespace, room)
        super().basic_leave_room(sid, namespace, None)
        self.callbacks.pop(sid, None)
        self.parked.pop(sid, None)
        self.pids.pop(sid, None)
        if self.history is not None:
            self.history.forget_stays(sid)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """The rooms of a client."""
        return list(self._rooms_of.get(sid, ()))

    def entered(self, sid: str) -> dict[str | None, int]:
        """The rooms of a client, each with the number of the emission after which it entered."""
        mine = self._rooms_of.get(sid, {})
        entered: dict[str | None, int] = {None: mine.get(sid, 0)}
        entered.update((room, number) for room, number in mine.items())
        return entered

    def enter_anew(self, sid: str) -> None:
        """As if a client had entered all its rooms just now: it has been told of what there was before."""
        if self.history is not None and sid in self._rooms_of:
            self._rooms_of[sid] = dict.fromkeys(self._rooms_of[sid], self.history.number)
            self.history.forget_stays(sid)

    def move(self, sid: str, namespace: str, eio_sid: str) -> None:
        """From now on a client is this session, in all that it is in."""
        rooms = self.rooms[namespace]
        for room in (None, *self._rooms_of.get(sid, ())):
            rooms[room][sid] = eio_sid

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Target = None,
        skip_sid: Target = None,
        callback: Any = None,
        to: Target = None,
        **options: Any,
    ) -> None:
        """Send an event to a room, to several (each client once), or to all."""
        target = to or room
        rooms = self.rooms.get(namespace)
        if not rooms:
            return
        arguments = [event] if data is None else [event, *data] if isinstance(data, tuple) else [event, data]
        skipped = () if skip_sid is None else (skip_sid,) if isinstance(skip_sid, str) else tuple(skip_sid)
        encoded = None if callback is not None else encode(EVENT, namespace, None, arguments)
        if self.history is None or callback is not None or namespace != "/":
            if encoded is None:
                super().emit(event, data, namespace, room=target, skip_sid=skip_sid, callback=callback, **options)
            else:
                self._fan_out(_recipients(rooms, target, skipped), (encoded,), frame(encoded))
            return
        if type(target) is not str and target is not None:
            target = [one for one in target if one in rooms]
        if not target if type(target) is list else target not in rooms:
            return  # nobody is there, and nobody can come back to it
        recipients = _recipients(rooms, target, skipped)
        if encoded is None:
            self._send_parts(list(recipients), arguments, target, skipped)
        else:
            self._send_packets(recipients, (encoded,), target, skipped)

    def _send_packets(
        self, recipients: Iterable[str], packets: Sequence[bytes], target: Any, skipped: Collection[str] = ()
    ) -> None:
        """Send these, one right after the other, and remember each under the offset that it gets as a last argument."""
        stamped = packets
        if self.history is not None:
            stamped = [self._stamp(packet, target, skipped) for packet in packets]
        self._fan_out_either(recipients, packets, stamped)

    def _stamp(self, packet: bytes, target: Any, skipped: Collection[str]) -> bytes:
        """The event with its offset as a last argument; remembered under it."""
        assert self.history is not None
        stamped = self.history.stamped(packet)
        self.history.keep(stamped, target, skipped)
        return stamped

    def _fan_out_either(self, recipients: Iterable[str], plain: Sequence[bytes], stamped: Sequence[bytes]) -> None:
        """Give these sessions the stamped packets, and those that want no offsets the plain ones."""
        if self.plain:
            everybody = list(recipients)
            without = [one for one in everybody if one in self.plain]
            recipients = [one for one in everybody if one not in self.plain] if without else everybody
            self._fan_out(without, plain, frames_of(plain))
        self._fan_out(recipients, stamped, frames_of(stamped))

    def _send_parts(self, recipients: list[str], arguments: list[Any], target: Any, skipped: Collection[str]) -> None:
        """The same for an event that only python-socketio can encode: bytes among its data, huge integers."""
        assert self.history is not None
        stamped = self._parts([*arguments, self.history.stamp()])
        self.history.keep(stamped, target, skipped)
        plain = self._parts(arguments) if self.plain else stamped
        for eio_sid in recipients:
            if eio_sid in self.server.eio.sockets:
                for part in plain if eio_sid in self.plain else stamped:
                    self.server._send_eio_packet(eio_sid, engineio.packet.Packet(engineio.packet.MESSAGE, part))

    def _parts(self, arguments: list[Any]) -> tuple[str | bytes, ...]:
        """The packet, and the parts of it that are bytes."""
        encoded = self.server.packet_class(socketio.packet.EVENT, namespace="/", data=arguments).encode()
        return tuple(encoded) if isinstance(encoded, list) else (encoded,)

    def emit_one(self, event: str, data: dict[str, Any], room: str) -> None:
        """As `emit_many` of one event in the namespace `/`, as nearly all are: without its lists, a seventh faster."""
        recipients = self.rooms.get("/", {}).get(room)
        if not recipients:
            return
        history = self.history
        if history is None or self.plain:
            self.emit_many([(event, data)], "/", room)
            return
        packet = encode(EVENT, None, None, [event, data, history.stamp()])
        if packet is None:
            self.emit(event, data, "/", room=room)
            return
        history.keep(packet, room)
        self._fan_out(recipients.values(), (packet,), frame(packet))

    def emit_many(self, events: Sequence[tuple[str, Any]], namespace: str, room: str) -> None:
        """Send events to a room, one right after the other: as `emit` for each, for the price of one to a recipient."""
        recipients = self.rooms.get(namespace, {}).get(room)
        if not recipients:
            return
        encoded = [encode(EVENT, namespace, None, [event, data]) for event, data in events]
        packets = [one for one in encoded if one is not None]
        if len(packets) < len(events):
            for event, data in events:
                self.emit(event, data, namespace, room=room)
        elif namespace == "/":
            self._send_packets(recipients.values(), packets, room)
        else:
            self._fan_out(recipients.values(), packets, frames_of(packets))

    def emit_around(self, events: Sequence[tuple[str, Any, str]], namespace: str, targets: Collection[str]) -> None:
        """Send events to these rooms, each but to the room that it names: as `emit` for each, in one go to a client.

        The rooms have no client in common.
        """
        rooms = self.rooms.get(namespace, {})
        packets = [encode(EVENT, namespace, None, [event, data]) for event, data, _ in events]
        plain = [packet for packet in packets if packet is not None]
        if len(plain) < len(packets):
            for event, data, around in events:
                self.emit(event, data, namespace, room=[room for room in targets if room != around])
            return
        known = [room for room in targets if room in rooms]
        stamped = plain
        if self.history is not None and namespace == "/" and known:
            left_out = [tuple(rooms.get(around, ())) for _, _, around in events]
            stamped = [self.history.stamped(packet) for packet in plain]
            self.history.keep(Group(stamped, left_out), known)
        places = {of: place for place, (_, _, of) in enumerate(events)}
        frames = [frame(packet) for packet in stamped]
        everything = b"".join(frames)
        for room in known:
            place = places.get(room)
            if self.plain:
                self._fan_out_either(rooms[room].values(), _but(plain, place), _but(stamped, place))
            else:
                shared = everything if place is None else b"".join(_but(frames, place))
                self._fan_out(rooms[room].values(), _but(stamped, place), shared)

    def _fan_out(self, recipients: Iterable[str], packets: Sequence[bytes], shared: bytes) -> None:
        """Give these sessions (Engine.IO sids) the packets: as frames, made once, or by their polls."""
        transport: Transport = self.server.eio
        sockets = transport.sockets
        fresh: list[Outbox] = []
        for eio_sid in recipients:
            connection = sockets.get(eio_sid)
            if connection is None or connection.closed:
                continue
            outbox = connection.outbox
            if outbox is None or not connection.upgraded:
                if connection.by_queue:
                    for encoded in packets:
                        send_by_queue(connection, encoded)
            elif outbox.awaited:
                outbox.write(shared)
            elif outbox.gathered:
                outbox.gathered.append(shared)
            else:
                outbox.gathered = [shared]
                fresh.append(outbox)
        flusher.mark_all(fresh)


def _but(packets: Sequence[bytes], left_out: int | None) -> Sequence[bytes]:
    return packets if left_out is None else [*packets[:left_out], *packets[left_out + 1 :]]


def _recipients(rooms: dict[Any, Any], target: Target, skipped: Collection[str]) -> Iterable[str]:
    """The sessions in a room, or in several without repetition, but for these sids."""
    found: dict[str, str] = {}
    if target is None or isinstance(target, str):
        found = rooms.get(target, found)
    else:
        for room in target:
            found.update(rooms.get(room, ()))
    return [eio_sid for sid, eio_sid in found.items() if sid not in skipped] if skipped else found.values()
