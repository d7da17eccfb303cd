"""Rows as clients see them: the one place where a message, a user or a conversation's participant becomes JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Attachment, Mention, Message, Participant, Reaction, User
from realtime.watermarks import watermarks_of_all
from schemas.base import iso, iso_or_none

View = dict[str, Any]

LOOKED_UP, RENDERED = 500, 100
"""Messages whose surroundings are looked up in one go, and of which views are made in one: 1 ms each."""


class Spoken(Protocol):
    """A message: its row, or what will be one."""

    id: Any
    temp_id: Any
    conversation_id: Any
    seq: Any
    rev: Any
    sender_id: Any
    content: Any
    kind: Any
    reply_to: Any
    reply_count: Any
    pinned_at: Any
    created_at: Any
    edited_at: Any
    deleted_at: Any


def user_view(user: User) -> View:
    """A user as everybody sees them."""
    return entry_view(user.id, user.username, user.display_name, user.avatar)


def entry_view(user_id: str, username: str, display_name: str, avatar: str | None) -> View:
    """The same from its columns."""
    return {"id": user_id, "username": username, "displayName": display_name, "avatar": avatar}


def users_by_id(session: Session, ids: Iterable[str]) -> dict[str, View]:
    """The users of these ids, as views."""
    wanted = set(ids)
    if not wanted:
        return {}
    return {user.id: user_view(user) for user in session.scalars(select(User).where(User.id.in_(wanted)))}


def participant_view(participant: Participant, user: View) -> View:
    """A participant with their user."""
    return {
        "conversationId": participant.conversation_id,
        "userId": participant.user_id,
        "role": participant.role,
        "joinedAt": iso(participant.joined_at),
        "deliveredSeq": participant.delivered_seq,
        "readSeq": participant.read_seq,
        "user": user,
    }


def attachment_view(attachment: Attachment) -> View:
    """An uploaded file and where its bytes are."""
    url = f"/api/files/{attachment.id}"
    view: View = {
        "id": attachment.id,
        "filename": attachment.filename,
        "mime": attachment.mime,
        "size": attachment.size,
        "sha256": attachment.sha256,
        "url": url,
    }
    if attachment.width is not None:
        view |= {"width": attachment.width, "height": attachment.height}
    if attachment.has_thumbnail:
        view["thumbnailUrl"] = f"{url}/thumbnail"
    return view


def message_view(
    message: Spoken,
    sender: View,
    status: str = "sent",
    *,
    attachments: Sequence[View] = (),
    mentions: Sequence[str] = (),
    reactions: View | None = None,
) -> View:
    """A message, or its tombstone."""
    created = iso(message.created_at)
    return {
        "id": message.id,
        "temp_id": message.temp_id,
        "conversationId": message.conversation_id,
        "seq": message.seq,
        "rev": message.rev,
        "senderId": message.sender_id,
        "sender": sender,
        "content": message.content,
        "kind": message.kind,
        "replyTo": message.reply_to,
        "replyCount": message.reply_count,
        "attachments": list(attachments),
        "mentions": list(mentions),
        "reactions": reactions or {},
        "pinnedAt": iso_or_none(message.pinned_at),
        "status": status,
        "createdAt": created,
        "sentAt": created,
        "editedAt": iso_or_none(message.edited_at),
        "deletedAt": iso_or_none(message.deleted_at),
    }


def new_message_view(
    message_id: str, conversation_id: str, seq: int, rev: int, sender: View, content: str, created: str
) -> View:
    """As `message_view` has a message that was sent just now (`created`, as clients see it), and refers to nothing.

    What most messages are, in a third of the time; `temp_id` is the caller's to fill in.
    """
    return {
        "id": message_id,
        "temp_id": None,
        "conversationId": conversation_id,
        "seq": seq,
        "rev": rev,
        "senderId": sender["id"],
        "sender": sender,
        "content": content,
        "kind": "text",
        "replyTo": None,
        "replyCount": 0,
        "attachments": [],
        "mentions": [],
        "reactions": {},
        "pinnedAt": None,
        "status": "sent",
        "createdAt": created,
        "sentAt": created,
        "editedAt": None,
        "deletedAt": None,
    }


def messages_view(session: Session, messages: Sequence[Message]) -> list[View]:
    """Messages of any conversations in their present state, in the order given; a handful of queries for all."""
    return [view for part in rendered(session, messages) for view in part]


def rendered(session: Session, messages: Sequence[Message]) -> Iterator[list[View]]:
    """The same in parts, some of them empty, so that a reader with very many may pause between two of them."""
    for start in range(0, len(messages), LOOKED_UP):
        some = messages[start : start + LOOKED_UP]
        ids = [message.id for message in some]
        senders = users_by_id(session, (message.sender_id for message in some))
        yield []
        attachments = attachments_of(session, ids)
        yield []
        mentions = mentions_of(session, ids)
        yield []
        reactions = reactions_of(session, ids)
        yield []
        marks = watermarks_of_all(session, {message.conversation_id for message in some})
        for first in range(0, len(some), RENDERED):
            yield [
                message_view(
                    message,
                    senders[message.sender_id],
                    marks[message.conversation_id].status(message.sender_id, message.seq),
                    attachments=attachments.get(message.id, ()),
                    mentions=mentions.get(message.id, ()),
                    reactions=reactions.get(message.id),
                )
                for message in some[first : first + RENDERED]
            ]


def attachments_of(session: Session, message_ids: Sequence[str]) -> dict[str, list[View]]:
    """The attachments of each message, in the sender's order."""
    query = select(Attachment).where(Attachment.message_id.in_(message_ids), Attachment.deleted_at.is_(None))
    found: dict[str, list[View]] = defaultdict(list)
    for attachment in session.scalars(query.order_by(Attachment.position)):
        found[str(attachment.message_id)].append(attachment_view(attachment))
    return found


def mentions_of(session: Session, message_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of the users that each message names."""
    query = select(Mention.message_id, Mention.user_id).where(Mention.message_id.in_(message_ids))
    found: dict[str, list[str]] = defaultdict(list)
    for message_id, user_id in session.execute(query.order_by(Mention.user_id)):
        found[message_id].append(user_id)
    return found


def reactions_of(session: Session, message_ids: Sequence[str]) -> dict[str, View]:
    """The reactions of each message, gathered by emoji, first come first."""
    query = (
        select(Reaction.message_id, Reaction.emoji, Reaction.user_id, User.username)
        .join(User, User.id == Reaction.user_id)
        .where(Reaction.message_id.in_(message_ids))
        .order_by(Reaction.created_at, Reaction.user_id)
    )
    found: dict[str, View] = defaultdict(dict)
    for message_id, emoji, user_id, username in session.execute(query):
        one = found[message_id].setdefault(emoji, {"count": 0, "users": [], "userNames": []})
        one["count"] += 1
        one["users"].append(user_id)
        one["userNames"].append(username)
    return found
