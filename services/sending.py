"""The transaction that sends: any number of drafts, into any number of conversations, at once.

Access, `temp_id` and everything that a draft refers to are checked under the conversation's lock; `seq` and `rev` go
only to drafts that pass. A draft that fails a check gets its error and harms no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from models import Attachment, Message, Transaction, new_id, now_ms
from models.clocks import Clock
from models.hot import Own, Row, hot
from realtime.events import Event
from realtime.views import View, attachment_view, message_view, messages_view, new_message_view
from schemas.base import iso
from schemas.errors import ChatError, conflict, invalid, not_a_participant, not_found
from services.members import members
from services.mentions import find_mentions, store_mentions
from services.users import known_users
from services.work import Turn, Work


@dataclass(slots=True)
class Draft:
    """A message on its way: who sends what where.

    `temp_key` names one message for ever, where there is a `temp_id`; `digest` tells the same draft sent again from
    another one.
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


@dataclass(slots=True)
class Placed:
    """A message as it is when it is new; what it cannot have yet has its default."""

    id: str
    conversation_id: str
    seq: int
    rev: int
    sender_id: str
    temp_id: str | None
    content: str
    reply_to: str | None
    created_at: int
    kind: str = "text"
    reply_count: int = 0
    pinned_at: int | None = None
    edited_at: int | None = None
    deleted_at: int | None = None


@dataclass(slots=True)
class Sent:
    """A stored message, and whether it was stored before."""

    message: View
    duplicate: bool


def digest_of(content: str, reply_to: str | None, attachment_ids: Sequence[str]) -> bytes:
    """16 bytes that differ where two drafts do."""
    parts = [content, reply_to or "", *attachment_ids]
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=16).digest()


def send_all(work: Work, drafts: Sequence[Draft], *, careful: bool) -> list[Sent | ChatError]:
    """Store the drafts; for each its message or its error, in the order given.

    Unless `careful`, no plain one is expected to be stored already: one that is raises the driver's IntegrityError.
    """
    batch = _Batch(work, drafts, careful=careful)
    answers: list[Sent | ChatError] = []
    for draft in drafts:
        try:
            answers.append(batch.take(draft))
        except ChatError as error:
            answers.append(error)
    batch.finish()
    return answers


class _Batch:
    """Drafts that are written together. What it reads, it reads once for all of them."""

    def __init__(self, work: Work, drafts: Sequence[Draft], *, careful: bool) -> None:
        self._work = work
        self._hot = hot(work.transaction)
        here = {draft.conversation_id for draft in drafts}
        self._clocks = self._hot.lock(here)
        self._known = self._sent_before([draft for draft in drafts if careful or not draft.plain])
        self._senders = known_users(self._hot, {draft.sender_id for draft in drafts})
        self._roles = members.exact(self._hot, [self._clocks[one] for one in here if one in self._clocks])
        self._turns: dict[str, tuple[Turn, Clock, dict[str, str]]] = {}
        self._rows: list[Row] = []
        self._moved: dict[str, tuple[Clock, int]] = {}
        self._own: dict[Own, int] = {}
        self._now = now_ms()
        self._said_at = iso(self._now)

    def _sent_before(self, drafts: Sequence[Draft]) -> dict[bytes, tuple[bytes | None, Sent]]:
        """What these drafts' `temp_id`s named before, in its present state."""
        keys = [draft.temp_key for draft in drafts if draft.temp_key]
        ids = self._hot.sent_before(keys) if keys else []
        if not ids:
            return {}
        found = self._work.session.scalars(select(Message).where(Message.id.in_(ids))).all()
        return {
            message.temp_key or b"": (message.digest, Sent(view, True))
            for message, view in zip(found, messages_view(self._work.session, found), strict=True)
        }

    def take(self, draft: Draft) -> Sent:
        """The draft's message: a new one, or the one that its `temp_id` names. Raises ChatError."""
        turn, clock, roles = self._turns.get(draft.conversation_id) or self._turn(draft.conversation_id)
        if draft.sender_id not in roles:
            raise not_a_participant()
        key = draft.temp_key
        if key is not None and key in self._known:
            return _again(draft, self._known[key])
        sent = self._place(turn, clock, draft) if draft.plain else self._place_with_care(turn, clock, draft)
        if key is not None:
            self._known[key] = draft.digest, sent
        return sent

    def _turn(self, conversation_id: str) -> tuple[Turn, Clock, dict[str, str]]:
        """The conversation's turn in this unit of work, its clock and its members. Raises ChatError."""
        clock = self._clocks.get(conversation_id)
        if clock is None:
            raise not_a_participant()
        found = self._turns[conversation_id] = self._work.turn(clock), clock, self._roles[conversation_id]
        return found

    def _place(self, turn: Turn, clock: Clock, draft: Draft) -> Sent:
        """Give the draft its place, and tell the room."""
        message_id, seq, rev = self._allot(turn, clock, draft)
        view = new_message_view(
            message_id, draft.conversation_id, seq, rev, self._senders[draft.sender_id], draft.content, self._said_at
        )
        view["temp_id"] = draft.temp_id
        turn.packet.events.append(Event("message:new", rev, view))
        return Sent(view, False)

    def _allot(self, turn: Turn, clock: Clock, draft: Draft) -> tuple[str, int, int]:
        """The next place in the conversation: id, seq and rev; and the row for it."""
        message_id, sender_id, conversation_id = new_id(), draft.sender_id, draft.conversation_id
        seq = clock.seq = clock.seq + 1
        rev = clock.rev = turn.packet.end = clock.rev + 1
        self._rows.append(
            (
                message_id,
                conversation_id,
                seq,
                rev,
                sender_id,
                draft.temp_id,
                draft.temp_key,
                draft.digest,
                draft.content,
                draft.reply_to,
                self._now,
            )
        )
        self._moved[conversation_id] = clock, seq - turn.packet.seq
        own = conversation_id, sender_id
        self._own[own] = self._own.get(own, 0) + 1
        return message_id, seq, rev

    def _place_with_care(self, turn: Turn, clock: Clock, draft: Draft) -> Sent:
        """The same for a draft that refers to something, which is checked first. Raises ChatError."""
        transaction = self._work.transaction
        attachments = _claimable(transaction, draft)
        parent = _parent(transaction, draft)
        message_id, seq, rev = self._allot(turn, clock, draft)
        message = Placed(
            message_id,
            draft.conversation_id,
            seq,
            rev,
            draft.sender_id,
            draft.temp_id,
            draft.content,
            draft.reply_to,
            self._now,
        )
        mentions = find_mentions(transaction, draft.conversation_id, draft.sender_id, draft.content)
        if attachments or parent is not None or mentions:
            self._hot.insert(self._rows)  # what follows refers to the message's row
            self._rows = []
            _attach(attachments, message)
            if parent is not None:
                parent.reply_count += 1
                parent.change(message.rev)
            store_mentions(self._work.session, message, mentions)
        views = [attachment_view(attachment) for attachment in attachments]
        view = message_view(message, self._senders[draft.sender_id], attachments=views, mentions=mentions)
        turn.tell("message:new", view)
        return Sent(view, False)

    def finish(self) -> None:
        """Write the messages and the counters, and count each sender's own as nothing to read."""
        self._hot.finish(self._rows, self._moved, self._own, self._now)


def _again(draft: Draft, before: tuple[bytes | None, Sent]) -> Sent:
    digest, sent = before
    if digest != draft.digest:
        raise conflict("This temp_id names another message already", temp_id="names another message already")
    return Sent(sent.message, True)


def _attach(attachments: Sequence[Attachment], message: Placed) -> None:
    for position, attachment in enumerate(attachments):
        attachment.message_id, attachment.conversation_id = message.id, message.conversation_id
        attachment.position = position


def _claimable(transaction: Transaction, draft: Draft) -> list[Attachment]:
    """The draft's attachments, which must be the sender's, for this conversation, and on no other message."""
    if not draft.attachment_ids:
        return []
    found = {
        attachment.id: attachment
        for attachment in transaction.session.scalars(select(Attachment).where(Attachment.id.in_(draft.attachment_ids)))
    }
    attachments = [found.get(attachment_id) for attachment_id in draft.attachment_ids]
    usable = [
        attachment
        for attachment in attachments
        if attachment is not None
        and attachment.uploader_id == draft.sender_id
        and attachment.conversation_id in (None, draft.conversation_id)
        and attachment.deleted_at is None
    ]
    if len(usable) < len(attachments):
        raise not_found("Attachment", "attachmentIds")
    if len(set(draft.attachment_ids)) < len(draft.attachment_ids) or any(one.message_id for one in usable):
        raise invalid(attachmentIds="each file can be attached once")
    return usable


def _parent(transaction: Transaction, draft: Draft) -> Message | None:
    if draft.reply_to is None:
        return None
    parent = transaction.session.get(Message, draft.reply_to)
    if parent is None or parent.conversation_id != draft.conversation_id:
        raise not_found("Message", "replyTo")
    return parent
