"""What was said, and what hangs on it: reactions, mentions and attachments."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.accounts import USER_ID
from models.clock import new_id, now_ms


def _where(condition: str) -> dict[str, Any]:
    """An index of some rows only: a new message, which is in none of these, costs them nothing."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


KEY_BYTES, DIGEST_BYTES = 40, 16
TEMP_ID_BYTES = 32

SENDERS = 8192
"""Who sent where lately, whose keys are remembered: 3 MB at most."""


def temp_key(sender_id: str, conversation_id: str, temp_id: str) -> bytes:
    """What stands for the three: 8 bytes for the first two, then the `temp_id` itself, or 32 bytes for a longer one.

    It makes an index less than half as large as one of their texts. Many clients count in their `temp_id`s; what one of
    them sends then stands together in the index, as all bytes of a digest would not.
    """
    name = temp_id.encode()
    if len(name) > TEMP_ID_BYTES:
        name = hashlib.blake2b(name, digest_size=TEMP_ID_BYTES).digest()
    return _sender_key(sender_id, conversation_id) + name


@functools.lru_cache(SENDERS)
def _sender_key(sender_id: str, conversation_id: str) -> bytes:
    return hashlib.blake2b(f"{sender_id}\x00{conversation_id}".encode(), digest_size=8).digest()


class Message(Base):
    """One message, or the tombstone of one (`deleted_at`): it keeps its place, its content is cleared.

    `seq` is its place in the conversation; `rev` the conversation's rev of its newest change, `changed_rev` the same
    where it has changed since it was sent. `temp_id` is the sender's own name for it; `temp_key` stands for sender,
    conversation and `temp_id` together, unique for ever; `digest` of the draft tells the same draft sent again from
    another one, where `content` does not: it has changed, or is not all of the draft.

    Nothing here refers to its conversation or sender by a foreign key: both are checked under the conversation's lock,
    which nobody can leave out, and rows of neither are ever deleted. To check them again cost PostgreSQL two row locks
    for each message.
    """

    __tablename__ = "messages"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(String(36))
    seq: Mapped[int] = mapped_column(BigInteger)
    rev: Mapped[int] = mapped_column(BigInteger)
    sender_id: Mapped[str] = mapped_column(USER_ID)
    temp_id: Mapped[str | None] = mapped_column(String(512))
    temp_key: Mapped[bytes | None] = mapped_column(LargeBinary(KEY_BYTES), unique=True)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(DIGEST_BYTES))
    kind: Mapped[str] = mapped_column(String(16), default="text")
    content: Mapped[str] = mapped_column(Text)
    reply_to: Mapped[str | None] = mapped_column(String(36))
    reply_count: Mapped[int] = mapped_column(Integer, default=0)
    pinned_at: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    edited_at: Mapped[int | None] = mapped_column(BigInteger)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)
    changed_rev: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_messages_changed", "conversation_id", "changed_rev", **_where("changed_rev IS NOT NULL")),
        Index("ix_messages_reply_to", "reply_to", **_where("reply_to IS NOT NULL")),
    )

    def change(self, rev: int) -> None:
        """Something about it is new as of `rev`."""
        self.rev = self.changed_rev = rev


class Reaction(Base):
    """One user's one emoji on one message."""

    __tablename__ = "reactions"

    message_id: Mapped[str] = mapped_column(String(36), ForeignKey("messages.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(USER_ID, ForeignKey("users.id"), primary_key=True)
    emoji: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)


class Mention(Base):
    """A message names a user (`@username`); `seq` is the message's, for counting what is unread."""

    __tablename__ = "mentions"

    message_id: Mapped[str] = mapped_column(String(36), ForeignKey("messages.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(USER_ID, ForeignKey("users.id"), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(36), ForeignKey("conversations.id"))
    seq: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_mentions_unread", "conversation_id", "user_id", "seq"),)


class Attachment(Base):
    """An uploaded file, its bytes below `DATA_DIR`. Without a conversation it is its uploader's alone.

    `position` is its place among its message's attachments.
    """

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    uploader_id: Mapped[str] = mapped_column(USER_ID, ForeignKey("users.id"), index=True)
    conversation_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("conversations.id"), index=True)
    message_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("messages.id"), index=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    filename: Mapped[str] = mapped_column(String(255))
    mime: Mapped[str] = mapped_column(String(127))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    has_thumbnail: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)
