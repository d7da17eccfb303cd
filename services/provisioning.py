"""Users of a host application, created when their token is first seen (`AUTO_PROVISION`)."""

from __future__ import annotations

import contextlib
import re

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import User
from schemas.users import NAME_KEY_MAX, Avatar, DisplayName, Email
from services.work import write

UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""What a claim may hold and a name may not: control characters, halves of characters."""

_avatar: TypeAdapter[str] = TypeAdapter(Avatar)
_display_name: TypeAdapter[str] = TypeAdapter(DisplayName)
_email: TypeAdapter[str] = TypeAdapter(Email)


def provision(user_id: str, profile: dict[str, str]) -> None:
    """Create the user where there is none; `name`, `picture` and `email` of `profile` fill what they can.

    Two that come at once make one user. A claim that cannot be used (a picture that is no web address, an e-mail
    address that somebody has) is left out: a login must not fail over it.
    """

    def run(session: Session) -> None:
        if session.get(User, user_id) is None:
            session.add(_new_user(session, user_id, profile))

    try:
        write(run)
    except IntegrityError:
        write(run)  # another came first with this id, name or e-mail address; now it can be seen


def _new_user(session: Session, user_id: str, profile: dict[str, str]) -> User:
    name = UNSTORABLE.sub("", profile.get("name", "")).strip()
    display = _usable(_display_name, name[:100]) or user_id[:100]
    username = _free_username(session, name or user_id)
    email = _usable(_email, profile.get("email"))
    if email is not None and session.scalar(select(User.id).where(User.email == email)) is not None:
        email = None
    return User(
        id=user_id,
        username=username,
        name_key=username.casefold(),
        display_name=display,
        display_key=display.casefold()[:NAME_KEY_MAX],
        email=email,
        avatar=_usable(_avatar, profile.get("picture")),
    )


def _usable(adapter: TypeAdapter[str], claim: str | None) -> str | None:
    with contextlib.suppress(ValidationError):
        return adapter.validate_python(claim) if claim else None
    return None


def _free_username(session: Session, wanted: str) -> str:
    """A username like the wanted one that nobody has."""
    base = re.sub(r"[^\w.-]+", "_", wanted)[:40].strip("._-") or "user"
    name, number = base, 1
    while session.scalar(select(User.id).where(User.name_key == name.casefold())) is not None:
        number += 1
        name = f"{base}{number}"
    return name
