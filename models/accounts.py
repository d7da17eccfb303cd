"""Who may speak: users, their sessions and the tokens that have been taken back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.clock import new_id, now_ms

USER_ID = String(128)
"""Ids of a host application's users may be this long (protocol.md, limits)."""


class User(Base):
    """A person or a bot. `rev` counts the changes of their memberships; `name_key` is the username without case."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(USER_ID, primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(String(128))
    name_key: Mapped[str] = mapped_column(String(128), unique=True)
    display_name: Mapped[str] = mapped_column(String(128))
    display_key: Mapped[str] = mapped_column(String(128), index=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    avatar: Mapped[str | None] = mapped_column(String(2048))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    rev: Mapped[int] = mapped_column(BigInteger, default=0)
    last_seen_at: Mapped[int | None] = mapped_column(BigInteger)
    sessions_valid_from: Mapped[int] = mapped_column(BigInteger, default=0)
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)


class LoginSession(Base):
    """One login and all that came of it: a family of refresh tokens, and the access tokens that name it."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(USER_ID, ForeignKey("users.id"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)


class RefreshToken(Base):
    """One link in a session's chain. Only its SHA-256 is stored; a spent one that comes back ends the session."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(36), ForeignKey("login_sessions.id"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger, default=now_ms)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    spent_at: Mapped[int | None] = mapped_column(BigInteger)


class RevokedToken(Base):
    """An access token that was logged out before its end, by its SHA-256; kept until it would have ended anyway."""

    __tablename__ = "revoked_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_revoked_tokens_expires_at", "expires_at"),)
