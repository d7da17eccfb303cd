"""The directory of users, and one's own entry in it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from models import User
from models.hot import Plain
from realtime.presence import audience
from realtime.views import View, entry_view, user_view
from schemas.base import iso
from schemas.errors import conflict, not_found
from schemas.users import UpdateMe, UserSearch
from services.access import reading
from services.paging import decode_cursor, encode_cursor
from services.work import Work, perform

TRUST_SECONDS = 5.0
"""How long a user's name is used without asking the database again (design.md: caches, 5 s)."""

REMEMBERED = 50_000
"""Users at most; past that the memory starts anew."""

_known: dict[str, tuple[float, View]] = {}


def me_view(user: User) -> View:
    """A user as they see themselves."""
    return {**user_view(user), "email": user.email, "createdAt": iso(user.created_at)}


def get_me(user_id: str) -> View:
    """One's own entry."""
    with reading() as session:
        return me_view(session.get_one(User, user_id))


def get_user(user_id: str) -> View:
    """Anybody's entry. Raises ChatError `not_found`."""
    with reading() as session:
        user = session.get(User, user_id)
        if user is None:
            raise not_found("User")
        return user_view(user)


def known_user(user_id: str) -> View:
    """A user's entry, at most `TRUST_SECONDS` old: for what happens often and is not stored."""
    now = time.monotonic()
    until, view = _known.get(user_id, (0.0, {}))
    if until < now:
        view = get_user(user_id)
        _remember(user_id, view, now)
    return view


def known_users(statements: Plain, user_ids: Collection[str]) -> dict[str, View]:
    """The same of several who exist, where what is not known is read in the transaction of these statements."""
    now = time.monotonic()
    found = {user_id: entry[1] for user_id in user_ids if (entry := _known.get(user_id)) and entry[0] >= now}
    if len(found) == len(user_ids):
        return found
    for row in statements.users([user_id for user_id in user_ids if user_id not in found]):
        found[row[0]] = entry_view(*row)
        _remember(row[0], found[row[0]], now)
    return found


def _remember(user_id: str, view: View, now: float) -> None:
    if len(_known) > REMEMBERED:
        _known.clear()
    _known[user_id] = (now + TRUST_SECONDS, view)


def search(query: UserSearch) -> dict[str, Any]:
    """A page of the users whose username or display name begins with the query, by username."""
    prefix = query.query.strip().casefold()
    statement = select(User).where(User.disabled.is_(False)).order_by(User.name_key).limit(query.limit + 1)
    if prefix:
        escaped = prefix.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        statement = statement.where(
            or_(
                User.name_key.like(f"{escaped}%", escape="\\"),
                User.display_key.like(f"{escaped}%", escape="\\"),
                User.display_key.like(f"% {escaped}%", escape="\\"),
            )
        )
    if query.cursor is not None:
        (after,) = decode_cursor(query.cursor, str)
        statement = statement.where(User.name_key > after)
    with reading() as session:
        found = session.scalars(statement).all()
    page = found[: query.limit]
    more = len(found) > query.limit
    return {
        "items": [user_view(user) for user in page],
        "nextCursor": encode_cursor(page[-1].name_key) if more else None,
    }


def update_me(user_id: str, body: UpdateMe) -> View:
    """Change one's own entry; those who share a conversation are told. Raises ChatError `conflict`."""
    given = body.model_fields_set

    def run(work: Work) -> View:
        user = work.session.get_one(User, user_id)
        before = me_view(user)
        if "display_name" in given and body.display_name is not None:
            user.display_name, user.display_key = body.display_name, body.display_name.casefold()
        if "avatar" in given:
            user.avatar = body.avatar
        if "email" in given:
            _check_email_free(work, user, body.email)
            user.email = body.email
        work.session.flush()
        view = me_view(user)
        if user_view(user) != {name: before[name] for name in user_view(user)}:
            work.notify(
                "user:updated",
                {"userId": user.id, **user_view(user)},
                [user.id, *audience(work.session, user.id)],
            )
        return view

    try:
        view = perform(run)
    except IntegrityError as error:
        raise conflict("This e-mail address is taken", email="is taken") from error
    _known.pop(user_id, None)
    return view


def _check_email_free(work: Work, user: User, email: str | None) -> None:
    if email is not None and work.session.scalar(
        select(func.count()).select_from(User).where(User.email == email, User.id != user.id)
    ):
        raise conflict("This e-mail address is taken", email="is taken")
