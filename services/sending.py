"""The transaction that sends: any number of drafts, into any number of conversations, at once.

Access, `temp_id` and everything that a draft refers to are checked under the conversation's lock; `seq` and `rev` go
only to drafts that pass. A draft that fails a check gets its error and harms no other.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.orm import Session

from models import Attachment, Message, Participant, new_id, now_ms
from realtime.views import View, attachment_view, message_view, messages_view, users_by_id
from schemas.errors import ChatError, conflict, invalid, not_a_participant, not_found
from services.members import members
from services.mentions import find_mentions, store_mentions
from services.work import Change, Work


@dataclass(slots=True, frozen=True)
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
    def key(self) -> tuple[str, str, str | None]:
        """What names one message for ever, where there is a `temp_id`."""
        return self.sender_id, self.conversation_id, self.temp_id


@dataclass(slots=True, frozen=True)
class Sent:
    """A stored message, and whether it was stored before."""

    message: View
    duplicate: bool


def digest_of(content: str, reply_to: str | None, attachment_ids: Sequence[str]) -> bytes:
    """16 bytes that differ where two drafts do."""
    parts = [content, reply_to or "", *attachment_ids]
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=16).digest()


def send_all(work: Work, drafts: Sequence[Draft]) -> list[Sent | ChatError]:
    """Store the drafts; for each its message or its error, in the order given."""
    session = work.session
    changes = work.changes({draft.conversation_id for draft in drafts})
    known = _stored_before(session, drafts)
    senders = users_by_id(session, {draft.sender_id for draft in drafts})
    rows: list[dict[str, Any]] = []
    first: dict[tuple[str, str, str | None], tuple[bytes, Sent]] = {}
    answers: list[Sent | ChatError] = []
    for draft in drafts:
        try:
            change = _access(session, changes, draft)
            if draft.temp_id is not None and draft.key in known:
                answers.append(_again(draft, known[draft.key]))
            elif draft.temp_id is not None and draft.key in first:
                answers.append(_again(draft, first[draft.key]))
            else:
                sent = _place(work, change, draft, senders[draft.sender_id], rows)
                first[draft.key] = (draft.digest, sent)
                answers.append(sent)
        except ChatError as error:
            answers.append(error)
    _store(session, changes, rows)
    return answers


def _access(session: Session, changes: dict[str, Change], draft: Draft) -> Change:
    change = changes.get(draft.conversation_id)
    if change is None:
        raise not_a_participant()
    if draft.sender_id not in members.exact(session, change.row.id, change.row.members_rev).roles:
        raise not_a_participant()
    return change


def _stored_before(session: Session, drafts: Sequence[Draft]) -> dict[tuple[str, str, str | None], tuple[bytes, Sent]]:
    """What these drafts' `temp_id`s named before, in its present state."""
    keys = [draft.key for draft in drafts if draft.temp_id is not None]
    if not keys:
        return {}
    found = session.scalars(
        select(Message).where(tuple_(Message.sender_id, Message.conversation_id, Message.temp_id).in_(keys))
    ).all()
    return {
        (message.sender_id, message.conversation_id, message.temp_id): (
            message.digest or b"",
            Sent(view, True),
        )
        for message, view in zip(found, messages_view(session, found), strict=True)
    }


def _again(draft: Draft, before: tuple[bytes, Sent]) -> Sent:
    digest, sent = before
    if digest != draft.digest:
        raise conflict("This temp_id names another message already", temp_id="names another message already")
    return Sent(sent.message, True)


def _place(work: Work, change: Change, draft: Draft, sender: View, rows: list[dict[str, Any]]) -> Sent:
    """Check what the draft refers to, give it its place, and tell the room."""
    session = work.session
    attachments = _claimable(session, draft)
    parent = _parent(session, draft)
    now = now_ms()
    message = Message(
        id=new_id(),
        conversation_id=draft.conversation_id,
        seq=change.next_seq(),
        rev=change.next_rev(),
        sender_id=draft.sender_id,
        temp_id=draft.temp_id,
        digest=draft.digest if draft.temp_id is not None else None,
        kind="text",
        content=draft.content,
        reply_to=draft.reply_to,
        reply_count=0,
        created_at=now,
    )
    rows.append({column.key: getattr(message, column.key) for column in Message.__table__.columns})
    mentions = find_mentions(session, change.row.id, draft.sender_id, draft.content)
    if attachments or parent is not None or mentions:
        # These refer to the message's row, so the rows gathered so far go first.
        _flush_rows(session, rows)
        for position, attachment in enumerate(attachments):
            attachment.message_id, attachment.conversation_id = message.id, draft.conversation_id
            attachment.position = position
        if parent is not None:
            parent.reply_count += 1
            parent.rev = message.rev
        store_mentions(session, message, mentions)
    change.row.updated_at = now
    views = [attachment_view(attachment) for attachment in attachments]
    view = message_view(message, sender, attachments=views, mentions=mentions)
    change.event("message:new", view)
    return Sent(view, False)


def _claimable(session: Session, draft: Draft) -> list[Attachment]:
    """The draft's attachments, which must be the sender's, for this conversation, and on no other message."""
    if not draft.attachment_ids:
        return []
    found = {
        attachment.id: attachment
        for attachment in session.scalars(select(Attachment).where(Attachment.id.in_(draft.attachment_ids)))
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


def _parent(session: Session, draft: Draft) -> Message | None:
    if draft.reply_to is None:
        return None
    parent = session.get(Message, draft.reply_to)
    if parent is None or parent.conversation_id != draft.conversation_id:
        raise not_found("Message", "replyTo")
    return parent


def _flush_rows(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(Message), rows)
        rows.clear()


def _store(session: Session, changes: dict[str, Change], rows: list[dict[str, Any]]) -> None:
    """Write the messages, and count each sender's own as nothing to read."""
    own = Counter(
        (event.data["conversationId"], event.data["senderId"])
        for change in changes.values()
        for event in change.packet.events
    )
    _flush_rows(session, rows)
    for (conversation_id, sender_id), count in own.items():
        session.execute(
            update(Participant)
            .where(Participant.conversation_id == conversation_id, Participant.user_id == sender_id)
            .values(skipped=Participant.skipped + count)
            .execution_options(synchronize_session=False)
        )
