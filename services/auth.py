"""Accounts and logins: register, log in, refresh, log out, change the password."""

from __future__ import annotations

import functools
import secrets
import threading
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import runtime
from models import LoginSession, RefreshToken, User, new_id, now_ms
from realtime.events import Closing
from schemas.errors import (
    ChatError,
    account_disabled,
    conflict,
    invalid,
    token_expired,
    token_invalid,
    token_required,
)
from schemas.users import ChangePassword, Login, Logout, Refresh, Register
from services import tokens
from services.access import reading
from services.tokens import Principal
from services.users import me_view
from services.work import Work, perform
from settings import settings

_hasher = PasswordHasher()
_one_at_a_time = threading.Semaphore(1)
"""Hashing takes a core for 50 ms; more than one at a time would only starve the event loop (design.md)."""


def hash_password(password: str) -> str:
    """Argon2id with the library's parameters, off the event loop."""
    with _one_at_a_time:
        return runtime.run_blocking(_hasher.hash, password)


def _matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; takes as long where there is no such user."""
    known = password_hash or _nobodys_hash()
    with _one_at_a_time:
        try:
            runtime.run_blocking(_hasher.verify, known, password)
        except VerificationError:
            return False
    return password_hash is not None


@functools.cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex())


def register(body: Register) -> dict[str, Any]:
    """A new user, logged in. Raises ChatError `conflict` naming the field that somebody else has."""
    display = body.display_name or body.username
    password_hash = hash_password(body.password)
    user_id = new_id()

    def run(work: Work) -> dict[str, Any]:
        _check_free(work.session, body.username, body.email)
        user = User(
            id=user_id,
            username=body.username,
            name_key=body.username.casefold(),
            display_name=display,
            display_key=display.casefold(),
            email=body.email,
            password_hash=password_hash,
        )
        work.session.add(user)
        work.session.flush()
        return _open_session(work.session, user)

    try:
        return perform(run)
    except IntegrityError:
        with reading() as session:
            _check_free(session, body.username, body.email)
        raise


def _check_free(session: Session, username: str, email: str | None) -> None:
    if session.scalar(select(User.id).where(User.name_key == username.casefold())) is not None:
        raise conflict("This username is taken", username="is taken")
    if email and session.scalar(select(User.id).where(User.email == email)) is not None:
        raise conflict("This e-mail address is taken", email="is taken")


def login(body: Login) -> dict[str, Any]:
    """A new session. Raises ChatError `invalid_credentials` or `account_disabled`."""
    key = body.username.strip()
    with reading() as session:
        user = session.scalars(
            select(User).where(or_(User.name_key == key.casefold(), User.email == key.lower()))
        ).first()
    if not _matches(user.password_hash if user else None, body.password) or user is None:
        raise ChatError("invalid_credentials", "Wrong username or password")
    if user.disabled:
        raise account_disabled()
    return perform(lambda work: _open_session(work.session, user))


def _open_session(session: Session, user: User) -> dict[str, Any]:
    login_session = LoginSession(id=new_id(), user_id=user.id)
    session.add(login_session)
    session.flush()
    return _grant(session, user, login_session.id)


def _grant(session: Session, user: User, session_id: str) -> dict[str, Any]:
    """A fresh pair of tokens for a session."""
    refresh_token = secrets.token_urlsafe(32)
    session.add(
        RefreshToken(
            token_hash=tokens.hash_token(refresh_token),
            session_id=session_id,
            expires_at=now_ms() + int(settings.refresh_days * 86_400_000),
        )
    )
    token, seconds = tokens.mint(user.id, session_id)
    return {"user": me_view(user), "token": token, "expiresIn": seconds, "refreshToken": refresh_token}


def refresh(body: Refresh) -> dict[str, Any]:
    """A fresh pair for a refresh token, which is spent by this.

    One that was spent before is a copy in wrong hands (or in two tabs): its whole family ends (RFC 9700, 4.14.2).
    Raises ChatError `token_invalid`, `token_expired`, `account_disabled`.
    """

    def run(work: Work) -> dict[str, Any] | ChatError:
        found = work.session.scalars(
            select(RefreshToken)
            .where(RefreshToken.token_hash == tokens.hash_token(body.refresh_token))
            .with_for_update()
        ).one_or_none()
        login_session = work.session.get(LoginSession, found.session_id) if found else None
        if found is None or login_session is None or login_session.revoked_at is not None:
            return token_invalid()
        if found.spent_at is not None:
            _end_sessions(work, login_session.user_id, [login_session.id])
            return token_invalid()
        user = work.session.get_one(User, login_session.user_id)
        if found.expires_at <= now_ms():
            return token_expired()
        if user.disabled:
            return account_disabled()
        found.spent_at = now_ms()
        return _grant(work.session, user, login_session.id)

    answer = perform(run)
    if isinstance(answer, ChatError):
        tokens.standing.forget()
        raise answer
    return answer


def logout(body: Logout, bearer: Principal | None) -> None:
    """End the sessions of the given tokens, or all of the user's, and close the sockets that they opened.

    Raises ChatError `token_required` where no token says whose.
    """

    def run(work: Work) -> None:
        user_id, session_ids = _named_sessions(work.session, body, bearer)
        if body.everywhere:
            _end_everything(work, user_id)
        elif session_ids:
            _end_sessions(work, user_id, session_ids)
        if bearer is not None:
            tokens.revoke_token(work.session, bearer.token_hash, bearer.expires_at)
            work.close(Closing(bearer.user_id, token_hashes=(bearer.token_hash,)))

    if bearer is None and body.refresh_token is None:
        raise token_required()
    perform(run)
    tokens.standing.forget()


def _named_sessions(session: Session, body: Logout, bearer: Principal | None) -> tuple[str, list[str]]:
    """Whose sessions the tokens name, and which. A refresh token of somebody else counts for nothing."""
    user_id = bearer.user_id if bearer else ""
    found = [bearer.session_id] if bearer and bearer.session_id else []
    if body.refresh_token is not None:
        token = session.get(RefreshToken, tokens.hash_token(body.refresh_token))
        login_session = session.get(LoginSession, token.session_id) if token else None
        if login_session is not None and user_id in ("", login_session.user_id):
            user_id = login_session.user_id
            found.append(login_session.id)
    if not user_id:
        raise token_invalid()
    return user_id, found


def _end_sessions(work: Work, user_id: str, session_ids: list[str]) -> None:
    work.session.execute(
        update(LoginSession)
        .where(LoginSession.id.in_(session_ids), LoginSession.revoked_at.is_(None))
        .values(revoked_at=now_ms())
    )
    work.close(Closing(user_id, session_ids=tuple(session_ids)))


def _end_everything(work: Work, user_id: str, all_but: str | None = None) -> None:
    """End all of a user's sessions but one, and the tokens that a host application minted."""
    ended = update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None))
    if all_but is not None:
        ended = ended.where(LoginSession.id != all_but)
    work.session.execute(ended.values(revoked_at=now_ms()))
    work.session.execute(update(User).where(User.id == user_id).values(sessions_valid_from=now_ms()))
    work.close(Closing(user_id, everything=True, all_but=all_but))


def change_password(principal: Principal, body: ChangePassword) -> None:
    """A new password; all other sessions end. Raises ChatError `invalid_credentials`."""
    with reading() as session:
        user = session.get_one(User, principal.user_id)
    if not _matches(user.password_hash, body.current_password):
        raise ChatError("invalid_credentials", "Wrong password", fields={"currentPassword": "is wrong"})
    if body.current_password == body.new_password:
        raise invalid(newPassword="must differ from the present one")
    password_hash = hash_password(body.new_password)

    def run(work: Work) -> None:
        work.session.execute(update(User).where(User.id == user.id).values(password_hash=password_hash))
        _end_everything(work, user.id, all_but=principal.session_id)

    perform(run)
    tokens.standing.forget()
