"""Service tokens: the right of a program without a socket to publish, and what it is limited to."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models import EVERY, Conversation, ServiceToken, User, now_ms
from schemas.errors import (
    AUTHENTICATION_FAILED_TEXT,
    ChatError,
    account_disabled,
    conflict,
    not_found,
    token_expired,
    token_invalid,
    token_required,
)
from schemas.relay import APP_PREFIX
from services.access import reading
from services.tokens import Principal, hash_token
from services.work import write

PREFIX = "parley_st_"
"""How every service token begins, so that a leaked one is recognised for what it is."""

NEVER_MS = 2**53
"""The end of a token without one."""

USE_MS = 60_000
"""How exactly the last use is kept: a commit for each call would cost more than the call."""


@dataclass(slots=True, frozen=True)
class Scopes:
    """What a token is limited to: conversations and users by id, or `["*"]`, and beginnings of event names."""

    conversations: Sequence[str] = (EVERY,)
    events: Sequence[str] = (APP_PREFIX,)
    act_as: Sequence[str] = ()

    @property
    def every_conversation(self) -> bool:
        """Whether no conversation is out of reach."""
        return EVERY in self.conversations


@dataclass(slots=True, frozen=True)
class Service:
    """A program that calls, by which token, until when (ms, far away where it does not end)."""

    id: str
    name: str
    token_hash: str
    expires_at: int
    scopes: Scopes

    def check_conversation(self, conversation_id: str, field: str) -> None:
        """Raise ChatError `forbidden` unless the token reaches this conversation; `field` is where it was named."""
        if not self.scopes.every_conversation and conversation_id not in self.scopes.conversations:
            raise _out_of_scope(field, f"conversation {conversation_id}")

    def check_every_conversation(self, field: str, what: str) -> None:
        """Raise ChatError `forbidden` where the token is limited to some conversations."""
        if not self.scopes.every_conversation:
            raise _out_of_scope(field, f"{what}: it is limited to its conversations")

    def check_event(self, name: str) -> None:
        """Raise ChatError `forbidden` unless the token may emit events of this name."""
        if not name.startswith(tuple(self.scopes.events)):
            raise _out_of_scope("event", f"event {name}")

    def check_act_as(self, user_id: str, field: str) -> None:
        """Raise ChatError `forbidden` unless the token may act as this user."""
        if user_id not in self.scopes.act_as and EVERY not in self.scopes.act_as:
            raise _out_of_scope(field, f"act-as {user_id}")


def _out_of_scope(field: str, missing: str) -> ChatError:
    text = f"The service token has no scope for {missing}"
    return ChatError("forbidden", text, fields={field: "is outside the token's scope"})


def is_service_token(token: str | None) -> bool:
    """Whether it is one by its looks."""
    return token is not None and token.startswith(PREFIX)


def authenticate(token: str | None) -> Service:
    """Whose token this is. Asks the database each time: a revoked token ends at once, on every node.

    Raises ChatError `token_required`, `token_invalid`, `token_expired`.
    """
    if not token:
        raise token_required()
    if not is_service_token(token):
        fields = {"Authorization": "must be a service token: flask relay token"}
        raise ChatError("token_invalid", AUTHENTICATION_FAILED_TEXT, fields=fields)
    with reading() as session:
        row = session.scalars(select(ServiceToken).where(ServiceToken.token_hash == hash_token(token))).one_or_none()
    if row is None or row.revoked_at is not None:
        raise token_invalid()
    now = now_ms()
    if row.expires_at is not None and row.expires_at <= now:
        raise token_expired()
    if row.last_used_at is None or row.last_used_at <= now - USE_MS:
        _note_use(row.id, now)
    scopes = Scopes(row.conversations, row.events, row.act_as)
    return Service(row.id, row.name, row.token_hash, row.expires_at or NEVER_MS, scopes)


def _note_use(token_id: str, now: int) -> None:
    """Keep that the token was used; a database that takes nothing just now refuses nobody for that."""

    def run(session: Session) -> None:
        session.execute(update(ServiceToken).where(ServiceToken.id == token_id).values(last_used_at=now))

    with contextlib.suppress(ChatError):
        write(run)


def act_as(service: Service, user_id: str) -> Principal:
    """The user as whom the service does any REST call. Raises ChatError `forbidden`, `not_found`, `account_disabled`.

    A token that is limited to conversations cannot: most calls do not name theirs.
    """
    service.check_every_conversation("X-Act-As", "X-Act-As")
    service.check_act_as(user_id, "X-Act-As")
    check_active(user_id, "X-Act-As")
    return Principal(user_id, None, service.token_hash, service.expires_at)


def check_active(user_id: str, field: str) -> None:
    """Raise ChatError `not_found` or `account_disabled` unless the user exists and may do anything."""
    with reading() as session:
        user = session.get(User, user_id)
    if user is None:
        raise not_found("User", field)
    if user.disabled:
        raise account_disabled()


def create(name: str, scopes: Scopes, expires_at: int | None) -> str:
    """Make a token and return it; it is not kept, and cannot be shown again. `expires_at` in ms.

    Users to act as may be named by id or by username. Raises ChatError `not_found`, and `conflict` where a token in
    use has the name.
    """
    token = PREFIX + secrets.token_urlsafe(32)

    def run(session: Session) -> None:
        if _in_use(session, name):
            raise conflict(f"There is a service token named {name} already", name="is taken")
        _check_conversations(session, scopes.conversations)
        row = ServiceToken(name=name, token_hash=hash_token(token), expires_at=expires_at)
        row.conversations, row.events = list(scopes.conversations), list(scopes.events)
        row.act_as = [user if user == EVERY else find_user_id(session, user) for user in scopes.act_as]
        session.add(row)

    write(run)
    return token


def _in_use(session: Session, name: str) -> list[ServiceToken]:
    """The tokens of this name, or with it as their id, that were not revoked and have not ended."""
    found = session.scalars(
        select(ServiceToken).where(
            or_(ServiceToken.name == name, ServiceToken.id == name),
            ServiceToken.revoked_at.is_(None),
            or_(ServiceToken.expires_at.is_(None), ServiceToken.expires_at > now_ms()),
        )
    )
    return list(found)


def _check_conversations(session: Session, conversation_ids: Iterable[str]) -> None:
    for conversation_id in conversation_ids:
        if conversation_id != EVERY:
            row = session.get(Conversation, conversation_id)
            if row is None or row.deleted_at is not None:
                raise not_found(f"Conversation {conversation_id}")


def find_user_id(session: Session, user: str) -> str:
    """The id of a user who is named by it, or by their username. Raises ChatError `not_found`."""
    found = session.get(User, user)
    if found is None:
        found = session.scalars(select(User).where(User.name_key == user.casefold())).one_or_none()
    if found is None:
        raise not_found(f"User {user}")
    return found.id


def all_tokens() -> list[ServiceToken]:
    """Every token that was ever made, oldest first."""
    with reading() as session:
        return list(session.scalars(select(ServiceToken).order_by(ServiceToken.created_at, ServiceToken.id)))


def revoke(name: str) -> None:
    """Take back the token of this name or id, at once and for good. Raises ChatError `not_found`."""

    def run(session: Session) -> None:
        found = _in_use(session, name)
        if not found:
            raise not_found(f"A service token in use named {name}")
        for row in found:
            row.revoked_at = now_ms()

    write(run)
