"""Access tokens: minting ours, and telling whose a presented one is."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy import delete
from sqlalchemy.orm import Session

from models import RevokedToken, Unavailable, new_id, now_ms, store
from realtime.standing import close_fallen
from schemas.errors import account_disabled, token_invalid, token_required, unavailable
from services.claims import SESSION_CLAIM, Claims, read_claims, secret
from services.provisioning import provision
from settings import settings

log = logging.getLogger("parley.services")

TRUST_SECONDS = 5.0
"""How long it is believed without asking the database that a user is in good standing (design.md: caches, 5 s)."""


@dataclass(slots=True, frozen=True)
class Principal:
    """Who is calling, by which login (`session_id`, where the token is ours), until when (ms)."""

    user_id: str
    session_id: str | None
    token_hash: str
    expires_at: int


def hash_token(token: str) -> str:
    """How a token is remembered: never itself."""
    return hashlib.sha256(token.encode()).hexdigest()


def mint(user_id: str, session_id: str | None = None, seconds: float | None = None) -> tuple[str, int]:
    """A token for the user, and the seconds that it lives (a setting unless given)."""
    lifetime = int(seconds if seconds is not None else settings.token_hours * 3600)
    now = int(time.time())
    claims: dict[str, Any] = {
        "userId": user_id,
        "sub": user_id,
        "iat": now,
        "exp": now + lifetime,
        "jti": new_id(),
    }
    if session_id is not None:
        claims[SESSION_CLAIM] = session_id
    return jwt.encode(claims, secret(), algorithm="HS256"), lifetime


def authenticate(token: str | None) -> Principal:
    """Whose token this is. Raises ChatError `token_required`, `token_expired`, `token_invalid`, `account_disabled`."""
    if not token:
        raise token_required()
    claims = read_claims(token)
    digest = hash_token(token)
    standing.check(claims, digest)
    return Principal(claims.user_id, claims.session_id, digest, claims.expires_at)


class Standing:
    """Whether users and logins are in good standing: remembered for `TRUST_SECONDS`, forgotten on a change."""

    def __init__(self) -> None:
        self._good: dict[str, float] = {}
        self._lock = threading.Lock()

    def check(self, claims: Claims, token_hash: str) -> None:
        """Raise ChatError `token_invalid` or `account_disabled` where the token no longer counts."""
        now = time.monotonic()
        if self._good.get(token_hash, 0.0) > now:
            return
        found = _standing(claims, token_hash)
        if found is not None:
            _check_standing(found, claims)
        else:
            if not settings.auto_provision or claims.session_id is not None:
                raise token_invalid()
            provision(claims.user_id, claims.profile)
        with self._lock:
            if len(self._good) > 100_000:
                self._good = {digest: until for digest, until in self._good.items() if until > now}
            self._good[token_hash] = now + TRUST_SECONDS

    def forget(self) -> None:
        """Ask the database again about everybody: something was revoked."""
        with self._lock:
            self._good.clear()


@dataclass(slots=True)
class _Found:
    """What the database knows of a token's user, of the token itself and of the login that it came of."""

    disabled: bool
    valid_from: int
    revoked_token: str | None
    login_user: str | None
    login_revoked_at: int | None


def _standing(claims: Claims, token_hash: str) -> _Found | None:
    """None where there is no such user. Raises ChatError `unavailable`."""
    try:
        rows = store.rows(
            "SELECT users.disabled, users.sessions_valid_from, revoked_tokens.token_hash,"
            " login_sessions.user_id, login_sessions.revoked_at FROM users"
            " LEFT JOIN revoked_tokens ON revoked_tokens.token_hash = ?"
            " LEFT JOIN login_sessions ON login_sessions.id = ? WHERE users.id = ?",
            token_hash,
            claims.session_id,
            claims.user_id,
        )
    except Unavailable as error:
        raise unavailable() from error
    return _Found(*rows[0]) if rows else None


def _check_standing(found: _Found, claims: Claims) -> None:
    if found.disabled:
        raise account_disabled()
    if found.revoked_token is not None:
        raise token_invalid()
    if claims.session_id is not None:
        if found.login_user != claims.user_id or found.login_revoked_at is not None:
            raise token_invalid()
    elif claims.issued_at and claims.issued_at // 1000 <= found.valid_from // 1000:
        raise token_invalid()


def revoke_token(session: Session, token_hash: str, expires_at: int) -> None:
    """Take one token back, and forget those that have ended by themselves."""
    now = now_ms()
    if session.get(RevokedToken, token_hash) is None and expires_at > now:
        session.add(RevokedToken(token_hash=token_hash, expires_at=expires_at))
    session.execute(delete(RevokedToken).where(RevokedToken.expires_at < now))


standing = Standing()


def recheck() -> None:
    """Look at everybody who is connected; what another process revoked counts here too. For every few seconds."""
    if close_fallen():
        standing.forget()
