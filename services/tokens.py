"""Access tokens: minting ours, and telling whose a presented one is."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import math
import os
import re
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from jwt.types import Options
from sqlalchemy import delete
from sqlalchemy.orm import Session

from models import LoginSession, RevokedToken, User, new_id, now_ms
from realtime.standing import close_fallen
from schemas.base import USER_ID_CHARS
from schemas.errors import account_disabled, token_expired, token_invalid, token_required
from services.access import reading
from services.provisioning import provision
from settings import settings

log = logging.getLogger("parley.services")

ASYMMETRIC = ("RS256", "ES256", "EdDSA")
SECRET_BYTES = 32
SESSION_CLAIM = "parleySession"
"""Which login a token of ours came of. Not `sid`: a host application's own tokens may have that (OpenID Connect)."""

CHECKS: Options = {
    "require": ["exp"],
    "verify_aud": False,
    "verify_sub": False,
    "verify_iat": False,
    "verify_jti": False,
}
"""Only `exp` must be there (protocol.md); of the rest, a `sub` and a `nbf` must hold where they are."""

TRUST_SECONDS = 5.0
"""How long it is believed without asking the database that a user is in good standing (design.md: caches, 5 s)."""


@dataclass(slots=True, frozen=True)
class Principal:
    """Who is calling, by which login (`session_id`, where the token is ours), until when (ms)."""

    user_id: str
    session_id: str | None
    token_hash: str
    expires_at: int


@dataclass(slots=True, frozen=True)
class Claims:
    """What we take from a token whose signature is good. `issued_at` is in ms, 0 where the token does not say."""

    user_id: str
    session_id: str | None
    issued_at: int
    expires_at: int
    profile: dict[str, str]


def secret() -> str:
    """The key of our own tokens; in development one is made on first use and kept in `DATA_DIR`."""
    return settings.jwt_secret or _development_secret()


@functools.cache
def _development_secret() -> str:
    path = settings.data_dir / "jwt_secret"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES))
        log.warning("no JWT_SECRET: one for development was made", extra={"path": str(path)})
    text = path.read_text().strip()
    if len(text) < SECRET_BYTES:
        raise RuntimeError(f"{path} holds no secret; delete it and start again")
    return text


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


def read_claims(token: str) -> Claims:
    """The claims of a token with a good signature that has not ended. Raises ChatError."""
    try:
        return _claims(_decode(token, jwt.get_unverified_header(token)))
    except jwt.ExpiredSignatureError as error:
        raise token_expired() from error
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise token_invalid() from error


def _decode(token: str, header: dict[str, Any]) -> dict[str, Any]:
    """The payload, where one of the keys that may have signed it did. Raises PyJWTError."""
    algorithm = header.get("alg")
    for key in _keys(algorithm, header.get("kid")):
        with contextlib.suppress(jwt.InvalidSignatureError, jwt.InvalidKeyError):
            payload: dict[str, Any] = jwt.decode(token, key, algorithms=[str(algorithm)], options=CHECKS)
            return payload
    raise jwt.InvalidKeyError("no key of ours signed it")


def _keys(algorithm: object, kid: object) -> list[Any]:
    """The keys that may have signed it: each algorithm has its own, so that none can pass for another."""
    if algorithm == "HS256":
        return [secret()]
    if algorithm not in ASYMMETRIC:
        raise jwt.InvalidAlgorithmError("algorithm not allowed")
    keys: list[Any] = [settings.jwt_public_key.replace("\\n", "\n")] if settings.jwt_public_key else []
    known = _key_set().keys if settings.jwt_jwks_file else []
    return keys + [key.key for key in known if key.algorithm_name == algorithm and kid in (None, key.key_id)]


@functools.cache
def _key_set() -> jwt.PyJWKSet:
    return jwt.PyJWKSet.from_dict(json.loads(Path(settings.jwt_jwks_file).read_text()))


def _claims(payload: dict[str, Any]) -> Claims:
    """What the payload says. Raises ChatError `token_invalid`, OverflowError for a time that is none."""
    user_id = _as_id(payload.get("userId"))
    subject = payload.get("sub")
    if user_id is None or (subject is not None and _as_id(subject) != user_id):
        raise token_invalid()
    session_id = _as_id(payload.get(SESSION_CLAIM))
    issued = payload.get("iat")
    expires = float(payload["exp"])
    profile = {name: payload[name] for name in ("name", "picture", "email") if isinstance(payload.get(name), str)}
    return Claims(
        user_id,
        session_id,
        int(issued * 1000) if isinstance(issued, (int, float)) and math.isfinite(issued) else 0,
        int(min(expires, 2**40) * 1000),
        profile,
    )


def _as_id(value: object) -> str | None:
    """A user's id as text; a number is read as text (protocol.md)."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    return text if 0 < len(text) <= USER_ID_CHARS and not re.search(r"[\x00-\x1f\ud800-\udfff]", text) else None


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
        with reading() as session:
            user = session.get(User, claims.user_id)
            if user is not None:
                _check_not_revoked(session, user, claims, token_hash)
        if user is None:
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


def _check_not_revoked(session: Session, user: User, claims: Claims, token_hash: str) -> None:
    if user.disabled:
        raise account_disabled()
    if session.get(RevokedToken, token_hash) is not None:
        raise token_invalid()
    if claims.session_id is not None:
        login = session.get(LoginSession, claims.session_id)
        if login is None or login.user_id != user.id or login.revoked_at is not None:
            raise token_invalid()
    elif claims.issued_at and claims.issued_at // 1000 <= user.sessions_valid_from // 1000:
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
