"""Sockets whose user or login has lost its standing elsewhere: in `flask user disable`, or on another node."""

from __future__ import annotations

from collections.abc import Iterable

import runtime
from models import Unavailable, store
from realtime.chunks import chunks
from realtime.connections import close, connections

CHECK_SECONDS = 5.0
"""How often all connected users are looked at; what this process did itself has closed its sockets at once."""

CHUNK = 200
"""Values a query, 0.3 ms: between two of them others have their turn."""

DISABLED = "SELECT id FROM users WHERE disabled AND id IN "
ENDED = "SELECT id FROM login_sessions WHERE revoked_at IS NOT NULL AND id IN "
REVOKED = "SELECT token_hash FROM revoked_tokens WHERE token_hash IN "


def close_fallen() -> bool:
    """Close the sockets of disabled users, ended logins and revoked tokens; returns whether there were any."""
    here = connections.all()
    try:
        disabled = _among(DISABLED, {one.user_id for one in here})
        ended = _among(ENDED, {one.session_id for one in here if one.session_id})
        revoked = _among(REVOKED, {one.token_hash for one in here})
    except Unavailable:
        return False
    if not (disabled or ended or revoked):
        return False
    fallen = [one for one in here if one.user_id in disabled or one.session_id in ended or one.token_hash in revoked]
    for one in fallen:
        close(one)
    return bool(fallen)


def _among(query: str, values: Iterable[str]) -> set[str]:
    """Which of these values the query finds."""
    found: set[str] = set()
    for chunk in chunks(values, CHUNK):
        found.update(row[0] for row in store.rows(f"{query}({','.join('?' * len(chunk))})", *chunk))
        runtime.sleep(0)
    return found
