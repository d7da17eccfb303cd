"""The transaction that sends: any number of drafts, into any number of conversations, at once.

Access, `temp_id` and everything that a draft refers to are checked under the conversation's lock; `seq` and `rev` go
only to drafts that pass. A draft that fails a check gets its error and harms no other.
"""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from models import Attachment, Message, Transaction, new_id, now_ms
from models.hot import COLUMNS, Clock, hot
from realtime.views import View, attachment_view, message_view, messages_view
from schemas.errors import ChatError, conflict, invalid, not_a_participant, not_found
from services.members import members
from services.mentions import find_mentions, store_mentions
from services.users import known_users
from services.work import Turn, Work


@dataclass(slots=True)
class Draft:
    """A message on its way: who sends what where. `digest` tells the same draft sent again from another one."""

    sender_id: str
    conversation_id: str
    content: str
    temp_id: str | None
    reply_to: str | None
    attachment_ids: tuple[str, ...]
    digest: bytes

    @property
    def key(self) -> Key:
        """What names one message for ever, where there is a `temp_id`."""
        return self.sender_id, self.conversation_id, self.temp_id


@dataclass(slots=True)
class Placed:
    """A message as it is when it is new; what it cannot have yet has its default."""

    id: str
    conversation_id: str
    seq: int
    rev: int
    sender_id: str
    temp_id: str | None
    digest: bytes | None
    content: str
    reply_to: str | None
    created_at: int
    kind: str = "text"
    reply_count: int = 0
    pinned_at: int | None = None
    edited_at: int | None = None
    deleted_at: int | None = None
    changed_rev: int | None = None

    def row(self) -> tuple[Any, ...]:
        """Its values in the order of the table's columns."""
        return _values(self)


_values = operator.attrgetter(*COLUMNS)


@dataclass(slots=True)
class Sent:
    """A stored message, and whether it was stored before."""

    message: View
    duplicate: bool


Key = tuple[str, str, str | None]
"""Sender, conversation and `temp_id`: what names one message for ever."""


def digest_of(content: str, reply_to: str | None, attachment_ids: Sequence[str]) -> bytes:
    """16 bytes that differ where two drafts do."""
    parts = [content, reply_to or "", *attachment_ids]
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=16).digest()


def send_all(work: Work, drafts: Sequence[Draft]) -> list[Sent | ChatError]:
    """Store the drafts; for each its message or its error, in the order given."""
    batch = _Batch(work, drafts)
    answers: list[Sent | ChatError] = []
    for draft in drafts:
        try:
            answers.append(batch.take(draft))
        except ChatError as error:
            answers.append(error)
    batch.store()
    return answers


class _Batch:
    """Drafts that are written together. What it reads, it reads once for all of them."""

    def __init__(self, work: Work, drafts: Sequence[Draft]) -> None:
        self._work = work
        self._hot = hot(work.transaction)
        clocks = self._hot.lock({draft.conversation_id for draft in drafts})
        self._clocks = {clock.id: clock for clock in clocks}
        self._turns: dict[str, Turn] = {}
        self._known = self._sent_before(drafts)
        self._senders = known_users(work.transaction, {draft.sender_id for draft in drafts})
        self._rows: list[tuple[Any, ...]] = []
        self._own: Counter[tuple[str, str]] = Counter()
        self._now = now_ms()

    def _sent_before(self, drafts: Sequence[Draft]) -> dict[Key, tuple[bytes, Sent]]:
        """What these drafts' `temp_id`s named before, in its present state."""
        keys = [(draft.sender_id, draft.conversation_id, draft.temp_id) for draft in drafts if draft.temp_id]
        ids = self._hot.sent_before(keys) if keys else []
        if not ids:
            return {}
        found = self._work.session.scalars(select(Message).where(Message.id.in_(ids))).all()
        return {
            (message.sender_id, message.conversation_id, message.temp_id): (message.digest or b"", Sent(view, True))
            for message, view in zip(found, messages_view(self._work.session, found), strict=True)
        }

    def take(self, draft: Draft) -> Sent:
        """The draft's message: a new one, or the one that its `temp_id` names. Raises ChatError."""
        clock = self._clocks.get(draft.conversation_id)
        if clock is None:
            raise not_a_participant()
        if draft.sender_id not in members.exact(self._work.transaction, clock.id, clock.members_rev).roles:
            raise not_a_participant()
        if draft.temp_id is not None and draft.key in self._known:
            return _again(draft, self._known[draft.key])
        sent = self._place(clock, draft)
        if draft.temp_id is not None:
            self._known[draft.key] = (draft.digest, sent)
        return sent

    def _place(self, clock: Clock, draft: Draft) -> Sent:
        """Check what the draft refers to, give it its place, and tell the room."""
        attachments = _claimable(self._work.transaction, draft)
        parent = _parent(self._work.transaction, draft)
        turn = self._turns.get(clock.id)
        if turn is None:
            turn = self._turns[clock.id] = self._work.turn(clock)
        clock.updated_at = self._now
        message = Placed(
            id=new_id(),
            conversation_id=clock.id,
            seq=turn.next_seq(),
            rev=turn.next_rev(),
            sender_id=draft.sender_id,
            temp_id=draft.temp_id,
            digest=draft.digest if draft.temp_id is not None else None,
            content=draft.content,
            reply_to=draft.reply_to,
            created_at=self._now,
        )
        self._rows.append(message.row())
        self._own[clock.id, draft.sender_id] += 1
        mentions = find_mentions(self._work.transaction, clock.id, draft.sender_id, draft.content)
        if attachments or parent is not None or mentions:
            self._flush()  # these refer to the message's row
            _attach(attachments, message)
            if parent is not None:
                parent.reply_count += 1
                parent.change(message.rev)
            store_mentions(self._work.session, message, mentions)
        views = [attachment_view(attachment) for attachment in attachments]
        view = message_view(message, self._senders[draft.sender_id], attachments=views, mentions=mentions)
        turn.tell("message:new", view)
        return Sent(view, False)

    def _flush(self) -> None:
        if self._rows:
            self._hot.insert(self._rows)
            self._rows.clear()

    def store(self) -> None:
        """Write the messages and the counters, and count each sender's own as nothing to read."""
        self._flush()
        if self._turns:
            self._hot.advance([self._clocks[conversation_id] for conversation_id in self._turns])
            own = [(count, conversation_id, user_id) for (conversation_id, user_id), count in self._own.items()]
            self._hot.skip(own)


def _again(draft: Draft, before: tuple[bytes, Sent]) -> Sent:
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
