"""Conversations, who is in them, and how far each has heard and read."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.accounts import USER_ID
from models.clock import new_id, now_ms


class Conversation(Base):
    """A conversation; its row is the clock of everything in it.

    `seq` is the number of its newest message, `rev` of its newest durable change, both allotted under this row's lock.
    `members_rev` and `props_rev` are the revs of the newest change of its participants and of its own properties.
    `direct_key` is the two ids of a direct conversation, so that a pair has but one.
    """

    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    type: Mapped[str] = mapped_column(String(8))
    title: Mapped[str | None] = mapped_column(String(200))
    avatar: Mapped[str | None] = mapped_column(String(2048))
    direct_key: Mapped[str | None] = mapped_column(String(260), unique=True)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    rev: Mapped[int] = mapped_column(BigInteger, default=0)
    first_seq: Mapped[int] = mapped_column(BigInteger, default=1)
    members_rev: Mapped[int] = mapped_column(BigInteger, default=0)
    props_rev: Mapped[int] = mapped_column(BigInteger, default=0)
    member_count: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    updated_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    deleted_at: Mapped[int | None] = mapped_column(BigInteger)


class Participant(Base):
    """One user in one conversation. The row stays when they leave (`removed_at`), so that a sync can tell it.

    `delivered_seq` and `read_seq` are watermarks: everything up to them was received, read. `skipped` counts the
    messages above `read_seq` that are nothing to read: deleted ones, and one's own up to the last `seq` that is a
    multiple of 64 (`models.unread`). `rev` is the conversation's rev of the newest change of this row,
    `member_rev` of the newest that was more than a receipt (came, went, another role), `user_rev` the user's own rev
    when they were last added or removed.
    """

    __tablename__ = "participants"

    conversation_id: Mapped[str] = mapped_column(String(36), ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(USER_ID, ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(8), default="member")
    joined_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    removed_at: Mapped[int | None] = mapped_column(BigInteger)
    delivered_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    read_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    skipped: Mapped[int] = mapped_column(Integer, default=0)
    mention_count: Mapped[int] = mapped_column(Integer, default=0)
    muted_until: Mapped[int | None] = mapped_column(BigInteger)
    rev: Mapped[int] = mapped_column(BigInteger, default=0)
    member_rev: Mapped[int] = mapped_column(BigInteger, default=0)
    user_rev: Mapped[int] = mapped_column(BigInteger, default=0)

    __table_args__ = (
        Index("ix_participants_user_id", "user_id", "user_rev"),
        Index("ix_participants_conversation_id_rev", "conversation_id", "rev"),
    )


class Receipt(Base):
    """One move of a watermark: `user_id` had `kind` (delivered, read) everything up to `upto_seq` at `at`."""

    __tablename__ = "receipts"

    conversation_id: Mapped[str] = mapped_column(String(36), ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(USER_ID, ForeignKey("users.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(9), primary_key=True)
    upto_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
