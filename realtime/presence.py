"""Who is online, and who is told so.

A user is online while any of their sockets is connected, and for a grace period after the last one, so that a
reload or a tunnel is no coming and going. Changes are gathered, so that a herd that reconnects is told once.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

import runtime
from models import Conversation, Participant, Unavailable, User, now_ms, store
from realtime.connections import tell_users
from schemas.base import iso, iso_or_none
from settings import settings

log = logging.getLogger("parley.realtime")

GATHER_SECONDS = 1.0
"""At most one announcement a second (design.md); the first after a quiet spell goes at once."""

CROWD = 200
"""In conversations over this many, presence is told only to those who ask (design.md)."""


class PresenceStore(ABC):
    """Which users have a socket anywhere. In memory for one node; a twin in Redis serves several.

    A connection counts until `remove` or until its node dies.
    """

    @abstractmethod
    def add(self, user_id: str, sid: str) -> bool:
        """Count a socket; returns whether it is the user's first anywhere."""

    @abstractmethod
    def remove(self, user_id: str, sid: str) -> bool:
        """Count it no more; returns whether it was the user's last anywhere. Unknown ones are no matter."""

    @abstractmethod
    def online(self, user_ids: Iterable[str]) -> set[str]:
        """Which of these users have a socket."""


class MemoryPresence(PresenceStore):
    """The sockets of this process."""

    def __init__(self) -> None:
        self._sockets: dict[str, set[str]] = {}

    def add(self, user_id: str, sid: str) -> bool:
        """See `PresenceStore.add`."""
        mine = self._sockets.setdefault(user_id, set())
        mine.add(sid)
        return len(mine) == 1

    def remove(self, user_id: str, sid: str) -> bool:
        """See `PresenceStore.remove`."""
        mine = self._sockets.get(user_id, set())
        mine.discard(sid)
        return not mine and self._sockets.pop(user_id, None) is not None

    def online(self, user_ids: Iterable[str]) -> set[str]:
        """See `PresenceStore.online`."""
        return {user_id for user_id in user_ids if user_id in self._sockets}


class Presence:
    """Tells those who share a conversation with a user when they come and go."""

    def __init__(self, sockets: PresenceStore) -> None:
        self._sockets = sockets
        self._leaving: dict[str, runtime.Timer] = {}
        self._shown: set[str] = set()
        self._changed: dict[str, int] = {}
        self._lock = threading.Lock()
        self._quiet_from = 0.0
        self._armed = False

    def connected(self, user_id: str, sid: str) -> None:
        """A socket of the user came."""
        with self._lock:
            self._sockets.add(user_id, sid)
            timer = self._leaving.pop(user_id, None)
            if timer is not None:
                timer.cancel()
            if user_id not in self._shown:
                self._shown.add(user_id)
                self._announce(user_id)

    def disconnected(self, user_id: str, sid: str) -> None:
        """A socket of the user went."""
        with self._lock:
            if self._sockets.remove(user_id, sid) and user_id not in self._leaving:
                self._leaving[user_id] = runtime.call_later(settings.presence_grace, self._left, user_id, now_ms())

    def online(self, user_ids: Iterable[str]) -> set[str]:
        """Which of these users are online; within the grace period they still are."""
        wanted = set(user_ids)
        return self._sockets.online(wanted) | (wanted & self._shown)

    def _left(self, user_id: str, since: int) -> None:
        with self._lock:
            self._leaving.pop(user_id, None)
            if not self._sockets.online([user_id]) and user_id in self._shown:
                self._shown.discard(user_id)
                self._announce(user_id, since)

    def _announce(self, user_id: str, since: int | None = None) -> None:
        self._changed[user_id] = since or now_ms()
        if not self._armed:
            self._armed = True
            runtime.call_later(max(0.0, self._quiet_from - time.monotonic()), self._tell)

    def _tell(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, {}
            self._armed = False
            self._quiet_from = time.monotonic() + GATHER_SECONDS
            gone = {user_id: since for user_id, since in changed.items() if user_id not in self._shown}
        try:
            if gone:
                store.write(lambda session: save_last_seen(session, gone))
            with store.read() as session:
                audiences = {user_id: audience(session, user_id) for user_id in changed}
        except Unavailable:
            return
        except Exception:
            log.exception("presence could not be told")
            return
        for user_id, since in changed.items():
            status = "offline" if user_id in gone else "online"
            tell_users(
                "user:status",
                {"userId": user_id, "status": status, "lastSeen": iso(since)},
                audiences[user_id],
            )


def save_last_seen(session: Session, gone: dict[str, int]) -> None:
    """Keep when these users were last seen (ms)."""
    for user_id, since in gone.items():
        session.execute(update(User).where(User.id == user_id).values(last_seen_at=since))


def audience(session: Session, user_id: str) -> Sequence[str]:
    """The others who share a conversation of moderate size with the user."""
    mine, theirs = aliased(Participant), aliased(Participant)
    return session.scalars(
        select(theirs.user_id)
        .distinct()
        .join(mine, mine.conversation_id == theirs.conversation_id)
        .join(Conversation, Conversation.id == mine.conversation_id)
        .where(
            mine.user_id == user_id,
            mine.removed_at.is_(None),
            theirs.removed_at.is_(None),
            theirs.user_id != user_id,
            Conversation.deleted_at.is_(None),
            Conversation.member_count <= CROWD,
        )
    ).all()


def statuses(session: Session, user_id: str, asked: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Status and last sight of those of `asked` who share a conversation with the user, or are the user."""
    mine, theirs = aliased(Participant), aliased(Participant)
    query = (
        select(User.id, User.last_seen_at)
        .distinct()
        .join(theirs, theirs.user_id == User.id)
        .join(mine, mine.conversation_id == theirs.conversation_id)
        .join(Conversation, Conversation.id == mine.conversation_id)
        .where(
            User.id.in_(asked),
            mine.user_id == user_id,
            mine.removed_at.is_(None),
            theirs.removed_at.is_(None),
            Conversation.deleted_at.is_(None),
        )
    )
    seen: dict[str, int | None] = {row.id: row.last_seen_at for row in session.execute(query)}
    here = presence.online(seen)
    now = iso(now_ms())
    return {
        found: {"status": "online", "lastSeen": now}
        if found in here
        else {"status": "offline", "lastSeen": iso_or_none(at)}
        for found, at in seen.items()
    }


presence = Presence(MemoryPresence())
