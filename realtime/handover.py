"""Sessions that go from one node to another: their client lost its connection, and came back somewhere else.

The new node asks the old one, which checks the client's secret, ends the session, and answers what the client has not
got and how far it knows each of its rooms. A node that ends in order leaves the same in Redis. One that died does not,
and its clients begin anew.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from extensions import socketio
from realtime import wire
from realtime.bus import Away
from realtime.bus.resp import pack
from realtime.connections import Connection, connections
from realtime.nodes import nodes
from realtime.rooms import rooms
from settings import settings

log = logging.getLogger("parley.realtime")

ANSWER_SECONDS = 0.5
"""How long a client that comes back waits for its old node."""

HOPS = 2
"""Nodes that are asked: the one that made the session, and the one to which that says it went."""

OFFSET_CHARS = 64

OF_THIS_NODE = {"server:draining"}
"""Events that say nothing of another."""


@dataclass(slots=True, frozen=True)
class Claim:
    """What a client brings: its secret and the offset of its last event; and who it has proved to be."""

    pid: str
    offset: str | None
    user_id: str
    auto_join: bool

    @classmethod
    def of(cls, auth: dict[str, Any], user_id: str, auto_join: bool) -> Claim:
        """That of a client's `auth`."""
        offset = auth.get("offset")
        known = isinstance(offset, str) and len(offset) <= OFFSET_CHARS
        return cls(str(auth["pid"]), offset if known else None, user_id, auto_join)


@dataclass(slots=True, frozen=True)
class Left:
    """What its old node says of a session: events its client has not got, and how far (rev, seq) it knows each room."""

    events: list[list[Any]]
    rooms: dict[str, tuple[int, int]]


@dataclass(slots=True)
class _Question:
    answered: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] = field(default_factory=dict)


class Handover:
    """This node's part in it."""

    def __init__(self) -> None:
        self._questions: dict[int, _Question] = {}
        self._numbers = itertools.count()

    def fetch(self, sid: str, node: str, claim: Claim, hops: int = HOPS) -> Left | None:
        """Have the session of another node; None where there is none for this client. Waits `ANSWER_SECONDS` a node."""
        bus = nodes.bus
        if bus is None or hops == 0:
            return None
        number, question = next(self._numbers), _Question()
        self._questions[number] = question
        body = wire.pack((bus.node, number, claim.pid, claim.offset, claim.user_id, claim.auto_join))
        try:
            heard = bus.tell(bus.name("n", node), wire.FETCH, body, ANSWER_SECONDS)
            if not heard or not question.answered.wait(ANSWER_SECONDS):
                return self._left_behind(sid, claim)
        except Away:
            return None
        finally:
            del self._questions[number]
        if isinstance(question.answer.get("at"), str):
            return self.fetch(sid, question.answer["at"], claim, hops - 1)
        return _left(question.answer)

    def take_answer(self, body: bytes) -> None:
        """What another node says of a session that was asked for."""
        number, answer = wire.unpack(body)
        question = self._questions.get(number)
        if question is not None:
            question.answer = answer
            question.answered.set()

    def take_question(self, body: bytes) -> None:
        """Another node asks for a session."""
        node, number, pid, offset, user_id, auto_join = wire.unpack(body)
        answer = self._give(node, Claim(pid, offset, user_id, auto_join))
        if nodes.bus is not None:
            nodes.bus.publish(nodes.bus.name("n", node), wire.GIVE, wire.pack((number, answer)))

    def _give(self, node: str, claim: Claim) -> dict[str, Any]:
        """What there is to say of a session, which ends here: all of it of one moment."""
        recovery: Any = socketio.server.recovery
        if recovery is None:
            return {}
        sid = recovery.session_of(claim.pid)
        connection = connections.get(sid) if sid is not None else None
        if connection is None:
            return {"at": recovery.moved_to(claim.pid)}
        if (connection.user_id, connection.auto_join) != (claim.user_id, claim.auto_join):
            return {}
        events, known = recovery.missed_events(sid, claim.offset), rooms.positions(connection)
        recovery.release(sid, node)
        log.info("session goes to another node", extra={"sid": sid, "user_id": connection.user_id})
        if events is None:
            return {}
        return {"events": [event for event in events if event[0] not in OF_THIS_NODE], "rooms": known}

    def leave_behind(self, connection: Connection) -> None:
        """This node ends: note down how far the socket has come, for the node to which its client goes."""
        recovery: Any = socketio.server.recovery
        if nodes.bus is None or recovery is None:
            return
        tag, last = recovery.last(connection.sid)
        note = {
            "secret": _digest(recovery.pid(connection.sid)),
            "user": connection.user_id,
            "autoJoin": connection.auto_join,
            "tag": tag,
            "last": last,
            "rooms": rooms.positions(connection),
        }
        key = nodes.bus.name("left", connection.sid)
        nodes.bus.note(key, wire.pack(note), max(1, round(settings.recovery_seconds)))

    def _left_behind(self, sid: str, claim: Claim) -> Left | None:
        """What a node that has ended noted down, if its client has got everything that it was sent. Raises Away."""
        bus = nodes.bus
        assert bus is not None
        key = bus.name("left", sid)
        [[body]] = bus.ask([(key, [pack("GET", key)])], ANSWER_SECONDS)
        note = wire.unpack(body) if isinstance(body, bytes) else None
        if (
            note is None
            or not hmac.compare_digest(note["secret"], _digest(claim.pid))
            or (note["user"], note["autoJoin"]) != (claim.user_id, claim.auto_join)
            or not _has_all(claim.offset, note["tag"], note["last"])
        ):
            return None
        bus.ask([(key, [pack("DEL", key)])], ANSWER_SECONDS)
        return _left({"events": [], "rooms": note["rooms"]})


def _digest(pid: str) -> str:
    return hashlib.blake2b(pid.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _has_all(offset: str | None, tag: str, last: int) -> bool:
    """Whether a client with this offset of the node's has got everything; one of another node tells nothing."""
    if offset is None or not offset.startswith(tag):
        return offset is None and last == 0
    digits = offset[len(tag) :]
    return digits.isascii() and digits.isdigit() and int(digits) >= last


def _left(answer: dict[str, Any]) -> Left | None:
    if "rooms" not in answer:
        return None
    return Left(answer["events"], {room: (rev, seq) for room, (rev, seq) in answer["rooms"].items()})


handover = Handover()
