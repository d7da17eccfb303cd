"""A socket's life: who it is, until when, and what follows when it comes and goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from engine import Arrival
from models import now_ms
from realtime import typing
from realtime.connections import Connection, close, connections
from realtime.expiry import expiry
from realtime.handover import Claim, handover
from realtime.nodes import nodes
from realtime.presence import presence
from realtime.rooms import rooms
from schemas.base import iso
from schemas.errors import token_invalid
from schemas.sockets import RefreshAuth
from services import joining, tokens
from sockets.registry import Answer, ok, on

log = logging.getLogger("parley.sockets")


def connect(sid: str, auth: Any) -> Callable[[], None]:
    """Admit a socket whose `auth.token` is good; what is returned is to be done once it knows. Raises ChatError."""
    principal, auto_join = _introduce(auth)
    connection = _admit(sid, principal, auto_join, away=False)
    try:
        let_in = joining.join_all(connection) if connection.auto_join else None
    except BaseException:
        rooms.leave_all(connection)
        connections.remove(sid)
        raise

    def welcome() -> None:
        if let_in is not None:
            let_in()
        presence.connected(connection.user_id, sid)
        expiry.watch(connection)
        log.info("connected", extra={"sid": sid, "user_id": connection.user_id})

    return welcome


def disconnect(sid: str, reason: str) -> None:
    """A socket is gone."""
    found = connections.get(sid)
    if found is None:
        return
    rooms.leave_all(found)
    typing.drop(sid)
    connections.remove(sid)
    presence.disconnected(found.user_id, sid)
    log.info("disconnected", extra={"sid": sid, "user_id": found.user_id, "reason": reason})


def park(sid: str, reason: str) -> None:
    """A socket has lost its connection, and may come back: it stays in its rooms, but nobody sees it there."""
    found = connections.get(sid)
    if found is None:
        return
    found.away = True
    typing.drop(sid)
    presence.disconnected(found.user_id, sid)
    log.info("connection lost", extra={"sid": sid, "user_id": found.user_id, "reason": reason})


def reopen(sid: str, auth: Any) -> Callable[[], None] | None:
    """Whether a socket whose `auth.token` is good may have this lost one's place: what is to be done once it has it.

    None for another user, and for one that asks for something else than before: the lost one is over then. Rooms that
    the user is no longer in are left. Raises ChatError where the token is not good.
    """
    principal, auto_join = _introduce(auth)
    connection = connections.get(sid)
    if connection is None or connection.user_id != principal.user_id:
        return None
    if connection.auto_join != auto_join:
        close(connection)
        return None
    joining.check(connection)

    def welcome() -> None:
        connection.away = False
        _renew(connection, principal)
        presence.connected(connection.user_id, sid)
        log.info("came back", extra={"sid": sid, "user_id": connection.user_id})

    return welcome


def arrive(sid: str, node: str, auth: Any) -> Arrival | None:
    """Whether a socket whose `auth.token` is good has a session at another node, which is here from now on.

    From the first step on it hears, as one that is away, of what concerns its user, so that nothing falls between the
    nodes; what both tell is told once. Raises ChatError.
    """
    if nodes.bus is None:
        return None
    principal, auto_join = _introduce(auth)
    connection = _admit(sid, principal, auto_join, away=True)
    left = handover.fetch(sid, node, Claim.of(auth, principal.user_id, auto_join))
    if left is None:
        return None
    let_in = joining.move_in(connection, left.rooms)

    def welcome() -> None:
        connection.away = False
        let_in()
        presence.connected(connection.user_id, sid)
        expiry.watch(connection)
        log.info("came from another node", extra={"sid": sid, "user_id": connection.user_id})

    return Arrival(left.events, welcome)


def _introduce(auth: Any) -> tuple[tokens.Principal, bool]:
    """Who it is, and whether it joins all its conversations. Raises ChatError."""
    given = auth if isinstance(auth, dict) else {}
    token = given.get("token")
    return tokens.authenticate(token if isinstance(token, str) else None), given.get("autoJoin") is True


def _admit(sid: str, principal: tokens.Principal, auto_join: bool, *, away: bool) -> Connection:
    """Enter a socket into the books."""
    connection = Connection(
        sid=sid,
        user_id=principal.user_id,
        session_id=principal.session_id,
        token_hash=principal.token_hash,
        expires_at=principal.expires_at,
        auto_join=auto_join,
        away=away,
    )
    connections.add(connection)
    return connection


def _renew(connection: Connection, principal: tokens.Principal) -> None:
    """From now on the socket lives by this token."""
    connection.session_id, connection.token_hash = principal.session_id, principal.token_hash
    expires_at = max(principal.expires_at, now_ms())
    if expires_at != connection.expires_at:  # else its end is watched already, and would be announced twice
        connection.expires_at = expires_at
        expiry.watch(connection)


@on("auth:refresh")
def refresh(connection: Connection, payload: RefreshAuth) -> Answer:
    """A newer token of the same user extends the socket's life. Raises ChatError `token_invalid`."""
    principal = tokens.authenticate(payload.token)
    if principal.user_id != connection.user_id:
        raise token_invalid()
    _renew(connection, principal)
    return ok(expiresAt=iso(connection.expires_at))
