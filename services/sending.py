"""The transaction that sends: any number of drafts, into any number of conversations, at once.

Everything that a draft refers to is checked under the conversation's lock; a draft that fails a check gets its error
and harms no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from models import Attachment, Message, Transaction, Unavailable, store
from models.hot import Plain, hot
from realtime.events import Event, Outcome
from realtime.views import attachment_view, message_view, messages_view
from schemas.errors import ChatError, invalid, not_found
from services.mentions import find_mentions, store_mentions
from services.placing import Batch, Draft, Room, Sent
from services.work import Committed, Work


def send_ahead(drafts: Sequence[Draft]) -> Committed[list[Sent | None]] | None:
    """Store drafts that are all plain, in one statement that is made beforehand, and say what is to be published.

    In the place of one that may not be sent, as far as is known, there is None: what holds under the lock is for
    `send_all` to say. None for all where nothing was stored, as far as is known: one is stored already, or what they
    were placed by has changed.
    """

    def place(statements: Plain) -> tuple[list[Sent | None], Batch]:
        batch = Batch(Outcome(), statements, drafts)
        sent = [_taken(batch, draft) for draft in drafts]
        if not any(sent):
            raise Unavailable
        batch.finish()
        return sent, batch

    try:
        found = store.ahead(place, named=all(draft.temp_key for draft in drafts))
    except Unavailable:
        return None
    if found is None:
        return None
    (sent, batch), shifts = found
    batch.shift(shifts)
    return sent, batch.outcome


def _taken(batch: Batch, draft: Draft) -> Sent | None:
    try:
        return batch.take(draft)
    except ChatError:
        return None


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


class _Batch(Batch):
    """Drafts in a transaction, plain or not."""

    def __init__(self, work: Work, drafts: Sequence[Draft], *, careful: bool) -> None:
        self._work = work
        self._hot = hot(work.transaction)
        super().__init__(work.outcome, self._hot, drafts)
        self._known |= self._sent_before([draft for draft in drafts if careful or not draft.plain])

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

    def place(self, room: Room, draft: Draft) -> Sent:
        """See `Batch.place`; what a draft refers to is checked first. Raises ChatError."""
        if draft.plain:
            return super().place(room, draft)
        transaction = self._work.transaction
        attachments = _claimable(transaction, draft)
        parent = _parent(transaction, draft)
        message_id, seq, rev = self._allot(room, draft)
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
            self._hot.insert(self._rows[self._stored :])  # what follows refers to the message's row
            self._stored = len(self._rows)
            _attach(attachments, message)
            if parent is not None:
                parent.reply_count += 1
                parent.change(message.rev)
            store_mentions(self._work.session, message, mentions)
        views = [attachment_view(attachment) for attachment in attachments]
        view = message_view(message, self._senders[draft.sender_id], attachments=views, mentions=mentions)
        room.packet.events.append(Event("message:new", rev, view))
        return Sent(view, False)


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
