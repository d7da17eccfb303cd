"""Rooms and fan-out: an event is encoded once, and every recipient's outbox gets the same bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import engineio.exceptions
import engineio.packet
import socketio

from engine.codec import EVENT, encode
from engine.frames import frame
from engine.outbox import Outbox, flusher
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
        self._rooms_of: dict[str, list[str]] = {}

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
            self._rooms_of.setdefault(sid, []).append(room)
        inside[sid] = eio_sid if eio_sid is not None else rooms[None][sid]

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        """Take a client out of a room."""
        mine = self._rooms_of.get(sid)
        if mine is not None and room in mine:
            mine.remove(room)
        super().basic_leave_room(sid, namespace, room)

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Take a client out of all that it is in."""
        if namespace not in self.rooms:
            return
        for room in self._rooms_of.pop(sid, ()):
            super().basic_leave_room(sid, namespace, room)
        super().basic_leave_room(sid, namespace, None)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """The rooms of a client."""
        return list(self._rooms_of.get(sid, ()))

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
        encoded = None if callback is not None else encode(EVENT, namespace, None, arguments)
        if encoded is None:
            super().emit(event, data, namespace, room=target, skip_sid=skip_sid, callback=callback, **options)
            return
        skipped = (skip_sid,) if isinstance(skip_sid, str) else skip_sid or ()
        self._fan_out(_recipients(rooms, target, skipped), (encoded,), frame(encoded))

    def emit_many(self, events: Sequence[tuple[str, Any]], namespace: str, room: str) -> None:
        """Send events to a room, one right after the other: as `emit` for each, for the price of one to a recipient."""
        recipients = self.rooms.get(namespace, {}).get(room)
        if not recipients:
            return
        encoded = [encode(EVENT, namespace, None, [event, data]) for event, data in events]
        packets = [one for one in encoded if one is not None]
        if len(packets) == len(events):
            self._fan_out(recipients.values(), packets, b"".join(map(frame, packets)))
        else:
            for event, data in events:
                self.emit(event, data, namespace, room=room)

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
        frames = [frame(packet) for packet in plain]
        everything, places = b"".join(frames), {around: place for place, (_, _, around) in enumerate(events)}
        for room in targets:
            clients, place = rooms.get(room), places.get(room)
            if not clients:
                continue
            if place is None:
                self._fan_out(clients.values(), plain, everything)
            else:
                rest = plain[:place] + plain[place + 1 :]
                self._fan_out(clients.values(), rest, b"".join(frames[:place] + frames[place + 1 :]))

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
                        _send_by_queue(connection, encoded)
            elif outbox.gathered:
                outbox.gathered.append(shared)
            else:
                outbox.gathered = [shared]
                fresh.append(outbox)
        flusher.mark_all(fresh)


def _send_by_queue(connection: Any, encoded: bytes) -> None:
    try:
        connection.send(engineio.packet.Packet(engineio.packet.MESSAGE, encoded[1:].decode()))
    except engineio.exceptions.EngineIOError:
        return


def _recipients(rooms: dict[Any, Any], target: Target, skipped: Collection[str]) -> Iterable[str]:
    """The sessions in a room, or in several without repetition, but for these sids."""
    found: dict[str, str] = {}
    if target is None or isinstance(target, str):
        found = rooms.get(target, found)
    else:
        for room in target:
            found.update(rooms.get(room, ()))
    return [eio_sid for sid, eio_sid in found.items() if sid not in skipped] if skipped else found.values()
