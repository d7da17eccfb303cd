"""This node among the others: what it tells them, and what it wants to hear. Without `REDIS_URL` there are none.

Nothing here waits, unless it says so, and nothing raises. What is told may be lost: of commits the database knows, and
the rest is best effort.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from models import now_ms
from realtime import wire
from realtime.bus import Address, Bus, Published
from realtime.events import Closing, Data, Packet
from settings import settings

log = logging.getLogger("parley.realtime")

FOLLOW_SECONDS = 1.0
"""How long a socket that joins waits for its channels; after that the comparison with the database has to do."""

PATIENCE_SECONDS = 0.02
"""How long a packet that does not follow on waits for the one before it (design.md, one gate per room)."""


class Nodes:
    """The other nodes, over a bus; or nobody."""

    def __init__(self, bus: Bus | None) -> None:
        self.bus = bus
        self._since: dict[str, int] = {}

    def send_packets(self, packets: Iterable[Packet]) -> None:
        """Commits, to the nodes that have their rooms, and to those of the users whom they name.

        Users first: whoever is put out of the room is then told of it in the room, and not once more outside.
        """
        bus = self._others
        if bus is None:
            return
        messages: list[Published] = []
        for packet in packets:
            for_room = packet
            if not wire.only_for_the_room(packet):
                for_room = wire.room_packet(packet)
                messages += [
                    (self._user(user_id), wire.COPY, wire.pack_copy(user_id, packet))
                    for user_id in wire.named_users(packet)
                ]
            messages.append((self._room(packet.conversation_id), wire.PACKET, wire.pack_packet(for_room)))
        if messages:
            bus.publish_all(messages)

    def send_closing(self, closing: Closing) -> None:
        """Sockets to be closed, to their user's nodes; and to all of them that a login has ended."""
        if (bus := self._others) is not None:
            bus.publish(self._user(closing.user_id), wire.CLOSE, wire.pack_closing(closing))
            bus.publish(bus.name(wire.ALL), wire.FORGET, b"")

    def tell_room(self, conversation_id: str, name: str, data: Any) -> None:
        """An event that is not stored, for a conversation's room on other nodes."""
        self._emit(wire.ROOM, [conversation_id], name, data)

    def tell_users(self, user_ids: Iterable[str], name: str, data: Any) -> None:
        """The same for users' sockets."""
        self._emit(wire.USER, user_ids, name, data)

    def tell_others(self, name: str, news: Mapping[str, Data], user_ids: Iterable[str]) -> None:
        """What is new of each user in `news`, for these users' sockets on other nodes, but for the user's own."""
        bus = self._others
        if bus is None:
            return
        packed = {about: wire.pack(data) for about, data in news.items()}
        messages: list[Published] = []
        for user_id in user_ids:
            others = [one for about, one in packed.items() if about != user_id]
            if others:
                messages.append((self._user(user_id), wire.NEWS, wire.pack_news(user_id, name, others)))
        bus.publish_all(messages)

    def tell_all(self, name: str, data: Any) -> None:
        """The same for every socket of every other node."""
        self._emit(wire.ALL, [""], name, data)

    def send_typing(self, conversation_id: str, user_id: str, username: str, is_typing: bool, typed: bool) -> None:
        """Somebody types in the room, or no longer does; `typed`: they did until now."""
        if (bus := self._others) is not None:
            body = wire.pack((conversation_id, user_id, username, is_typing, typed))
            bus.publish(self._room(conversation_id), wire.TYPING, body)

    def send_socketio(self, node: str | None, body: bytes) -> None:
        """What Flask-SocketIO's API is to do on this node, or on all."""
        if (bus := self._others) is not None:
            bus.publish(bus.name("n", node) if node else bus.name(wire.ALL), wire.SOCKETIO, body)

    def follow_room(self, conversation_id: str) -> None:
        """Somebody here is in the room, or on the way into it."""
        if self.bus is not None:
            self.bus.follow([self._room(conversation_id)])

    def leave_room(self, conversation_id: str) -> None:
        """Nobody is any longer."""
        if self.bus is not None:
            self.bus.leave(self._room(conversation_id))

    def follow_user(self, user_id: str) -> None:
        """The user has a socket here. Waits until what is for them is heard here, `FOLLOW_SECONDS` at most."""
        self._since[user_id] = now_ms()
        if self.bus is not None:
            self.bus.follow([self._user(user_id)])
            self._await([self._user(user_id)])

    def leave_user(self, user_id: str) -> None:
        """They have none any longer."""
        self._since.pop(user_id, None)
        if self.bus is not None:
            self.bus.leave(self._user(user_id))

    def await_rooms(self, conversation_ids: Iterable[str]) -> None:
        """Wait until what happens in these rooms is heard here, `FOLLOW_SECONDS` at most."""
        self._await(self._room(one) for one in conversation_ids)

    def _await(self, channels: Iterable[str]) -> None:
        if (bus := self._others) is not None:
            bus.wait(channels, FOLLOW_SECONDS)

    def since(self, user_id: str) -> int:
        """Since when (ms) the user has had a socket here."""
        return self._since.get(user_id, now_ms())

    @property
    def patience(self) -> float:
        """Seconds that a missing packet may still be on its way."""
        return max(PATIENCE_SECONDS, self.bus.patience) if self.bus is not None and self.bus.up else PATIENCE_SECONDS

    def problem(self) -> str | None:
        """Why other nodes cannot be heard, in a sentence; None where they can, or where there are none."""
        return self.bus.problem() if self.bus is not None else None

    @property
    def _others(self) -> Bus | None:
        """The bus, unless nobody else is there to be told anything."""
        return None if self.bus is None or self.bus.alone else self.bus

    def _room(self, conversation_id: str) -> str:
        assert self.bus is not None
        return self.bus.name(wire.ROOM, conversation_id)

    def _user(self, user_id: str) -> str:
        assert self.bus is not None
        return self.bus.name(wire.USER, user_id)

    def _emit(self, kind: str, targets: Iterable[str], name: str, data: Any) -> None:
        bus = self._others
        if bus is None:
            return
        try:
            packed = wire.pack((name, data))
        except TypeError:
            log.exception("an event cannot be told to other nodes", extra={"event_name": name})
            return
        head, rest = b"[" + wire.pack(kind) + b",", b"," + packed[1:]
        bus.publish_all(
            [
                (
                    bus.name(kind, target) if target else bus.name(kind),
                    wire.EMIT,
                    b"".join((head, wire.pack(target), rest)),
                )
                for target in targets
            ]
        )


def connect() -> Bus | None:
    """The bus that `REDIS_URL` names; it opens no connection before it is used."""
    if not settings.redis_url:
        return None
    return Bus(Address.parse(settings.redis_url, verify=settings.redis_tls_verify), settings.redis_prefix)


nodes = Nodes(connect())
