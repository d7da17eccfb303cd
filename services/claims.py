"""What an access token says, and whether somebody signed it whom we trust."""

from __future__ import annotations

import base64
import contextlib
import functools
import hmac
import json
import logging
import math
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import orjson
from jwt.types import Options

from schemas.base import USER_ID_CHARS
from schemas.errors import token_expired, token_invalid
from settings import settings

log = logging.getLogger("parley.services")

PLAIN_HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
"""`{"alg":"HS256","typ":"JWT"}`, as PyJWT and most others write it."""

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


def read_claims(token: str) -> Claims:
    """The claims of a token with a good signature that has not ended. Raises ChatError."""
    try:
        return _claims(_plain(token) or _decode(token, jwt.get_unverified_header(token)))
    except jwt.ExpiredSignatureError as error:
        raise token_expired() from error
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise token_invalid() from error


def _plain(token: str) -> dict[str, Any] | None:
    """The payload of a token as nearly all are: signed with our secret, with an end to come. None for any other.

    PyJWT has the last word on everything that this does not take, and takes a sixth of a connect's time.
    """
    signed, _, signature = token.rpartition(".")
    head, _, body = signed.partition(".")
    if head != PLAIN_HEADER or not token.isascii():
        return None
    mac = _mac().copy()
    mac.update(signed.encode())
    if not hmac.compare_digest(base64.urlsafe_b64encode(mac.digest()).rstrip(b"="), signature.encode()):
        return None
    try:
        payload = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except orjson.JSONDecodeError:
        return None
    plain = isinstance(payload, dict) and "nbf" not in payload and type(payload.get("exp")) is int
    return payload if plain and type(payload.get("userId")) is str and payload["exp"] > time.time() else None


@functools.cache
def _mac() -> hmac.HMAC:
    return hmac.new(secret().encode(), digestmod="sha256")


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
