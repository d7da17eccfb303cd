"""Who publishes without a socket: service tokens, and the events that they have sent under a key."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.clock import new_id, now_ms

EVERY = "*"
"""In a list of conversations or users: all of them, also future ones."""


class ServiceToken(Base):
    """The right of a function, a cron job or another backend to publish. Only the token's SHA-256 is stored.

    `conversations` and `act_as` are lists of ids, or `["*"]`; `events` is a list of beginnings of event names.
    """

    __tablename__ = "service_tokens"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    conversations: Mapped[list[str]] = mapped_column(JSON)
    events: Mapped[list[str]] = mapped_column(JSON)
    act_as: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)
    last_used_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)


class RelayedEvent(Base):
    """An event that was sent under an `Idempotency-Key`; `digest` tells the same event sent again from another one."""

    __tablename__ = "relayed_events"

    token_id: Mapped[str] = mapped_column(String(36), ForeignKey("service_tokens.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)

    __table_args__ = (Index("ix_relayed_events_created_at", "created_at"),)
