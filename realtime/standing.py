"""Sockets whose user or login has lost its standing elsewhere: in `flask user disable`, or on another node."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from models import LoginSession, RevokedToken, Unavailable, User, store
from realtime.chunks import chunks
from realtime.connections import close, connections

CHECK_SECONDS = 5.0
"""How often all connected users are looked at; what this process did itself has closed its sockets at once."""

CHUNK = 500
"""Values a query; databases bound the number of parameters."""


def close_fallen() -> bool:
    """Close the sockets of disabled users, ended logins and revoked tokens; returns whether there were any."""
    here = connections.all()
    if not here:
        return False
    try:
        with store.read() as session:
            disabled = _among(session, User.id, {one.user_id for one in here}, User.disabled.is_(True))
            ended = _among(
                session,
                LoginSession.id,
                {one.session_id for one in here if one.session_id},
                LoginSession.revoked_at.is_not(None),
            )
            revoked = _among(session, RevokedToken.token_hash, {one.token_hash for one in here})
    except Unavailable:
        return False
    fallen = [one for one in here if one.user_id in disabled or one.session_id in ended or one.token_hash in revoked]
    for one in fallen:
        close(one)
    return bool(fallen)


def _among(
    session: Session, column: InstrumentedAttribute[str], values: Iterable[str], *conditions: ColumnElement[bool]
) -> set[str]:
    """Which of these values the column has, where the conditions hold."""
    found: set[str] = set()
    for chunk in chunks(values, CHUNK):
        found.update(session.scalars(select(column).where(column.in_(chunk), *conditions)))
    return found
