"""Giving messages their places: what is the same whether a batch is a transaction or a statement made beforehand.

Access and `temp_id` are checked against what the batch's statements say; `seq` and `rev` go only to drafts that pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from models import new_ids, now_ms
from models.clocks import Clock
from models.hot import Plain, Row, Shifts
from models.messages import DIGEST_BYTES
from realtime.events import Event, Outcome, Packet
from realtime.views import View, new_message_view
from schemas.base import iso
from schemas.errors import conflict, not_a_participant
from services.members import members
from services.users import known_users


@dataclass(slots=True)
class Draft:
    """A message on its way: who sends what where.

    `temp_key` names one message for ever, where there is a `temp_id`; `digest` then tells the same draft sent again
    from another one, where the content alone does not.
    """

    sender_id: str
    conversation_id: str
    content: str
    temp_id: str | None
    temp_key: bytes | None
    reply_to: str | None
    attachment_ids: tuple[str, ...]
    digest: bytes | None

    @property
    def plain(self) -> bool:
        """Whether it refers to nothing, and names nobody."""
        return self.reply_to is None and not self.attachment_ids and "@" not in self.content

    def made(self, digest: bytes | None, content: str) -> bool:
        """Whether a message was made of it: one that has this digest or, for want of it, this content still."""
        if digest is None:
            return self.digest is None and self.content == content
        return digest == (self.digest or digest_of(self.content))


@dataclass(slots=True)
class Sent:
    """A stored message, and whether it was stored before."""

    message: View
    duplicate: bool


def digest_of(content: str, reply_to: str | None = None, attachment_ids: Sequence[str] = ()) -> bytes:
    """16 bytes that differ where two drafts do."""
    draft = "\x00".join((content, reply_to or "", *attachment_ids))
    return hashlib.blake2b(draft.encode(), digest_size=DIGEST_BYTES).digest()


@dataclass(slots=True)
class Room:
    """A conversation of a batch: what it is told, its counters, and its members' roles."""

    packet: Packet
    clock: Clock
    roles: dict[str, str]


class Batch:
    """Drafts that are written together. What it reads, it reads once for all of them."""

    def __init__(self, outcome: Outcome, statements: Plain, drafts: Sequence[Draft]) -> None:
        """`outcome` is told what the batch will set off."""
        self.outcome = outcome
        self._statements = statements
        here = {draft.conversation_id for draft in drafts}
        self._clocks = clocks = statements.lock(here)
        self._known: dict[bytes, tuple[bytes | None, Sent]] = {}
        self._senders = known_users(statements, {draft.sender_id for draft in drafts})
        self._roles = members.exact(statements, [clocks[one] for one in here if one in clocks])
        self._rooms: dict[str, Room] = {}
        self._rows: list[Row] = []
        self._stored = 0
        self._now = now_ms()
        self._ids = new_ids(self._now)
        self._said_at = iso(self._now)

    def take(self, draft: Draft) -> Sent:
        """The draft's message: a new one, or the one that its `temp_id` names. Raises ChatError."""
        room = self._rooms.get(draft.conversation_id) or self._room(draft.conversation_id)
        if draft.sender_id not in room.roles:
            raise not_a_participant()
        key = draft.temp_key
        if key is None:
            return self.place(room, draft)
        before = self._known.get(key)
        if before is not None:
            return _again(draft, before)
        sent = self.place(room, draft)
        self._known[key] = draft.digest, sent
        return sent

    def _room(self, conversation_id: str) -> Room:
        """Raises ChatError."""
        clock = self._clocks.get(conversation_id)
        if clock is None:
            raise not_a_participant()
        packet = Packet(conversation_id, clock.rev, clock.rev, clock.seq)
        self.outcome.packets.append(packet)
        room = self._rooms[conversation_id] = Room(packet, clock, self._roles[conversation_id])
        return room

    def place(self, room: Room, draft: Draft) -> Sent:
        """Give the draft its place, and tell the room."""
        message_id, seq, rev = self._allot(room, draft)
        view = new_message_view(
            message_id, draft.conversation_id, seq, rev, self._senders[draft.sender_id], draft.content, self._said_at
        )
        view["temp_id"] = draft.temp_id
        room.packet.events.append(Event("message:new", rev, view))
        return Sent(view, False)

    def _allot(self, room: Room, draft: Draft) -> tuple[str, int, int]:
        """The next place in the conversation: id, seq and rev; and the row for it."""
        clock, message_id = room.clock, next(self._ids)
        clock.seq = seq = clock.seq + 1
        clock.rev = room.packet.end = rev = clock.rev + 1
        self._rows.append(
            (
                message_id,
                draft.conversation_id,
                seq,
                rev,
                draft.sender_id,
                draft.temp_id,
                draft.content,
                draft.reply_to,
                self._now,
                draft.temp_key,
                draft.digest,
            )
        )
        return message_id, seq, rev

    def finish(self) -> None:
        """Write the messages and the counters, and count each sender's own as nothing to read."""
        self._statements.finish(self._rows, self._stored, self._now)

    def shift(self, shifts: Shifts) -> None:
        """Conversations were further than was known, by so much: their messages stand as much further."""
        for conversation_id, (seq, rev) in shifts.items():
            packet = self._rooms[conversation_id].packet
            packet.start, packet.end, packet.seq = packet.start + rev, packet.end + rev, packet.seq + seq
            for event in packet.events:
                event.rev += rev
                event.data["rev"], event.data["seq"] = event.data["rev"] + rev, event.data["seq"] + seq


def _again(draft: Draft, before: tuple[bytes | None, Sent]) -> Sent:
    digest, sent = before
    if not draft.made(digest, sent.message["content"]):
        raise conflict("This temp_id names another message already", temp_id="names another message already")
    return Sent(sent.message, True)
