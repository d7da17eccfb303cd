"""Who is online, and who is told so.

A user is online while any of their sockets is connected, and for a grace period after the last one, so that a
reload or a tunnel is no coming and going. Changes are gathered, so that a herd that reconnects is told once.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

import runtime
from models import Conversation, Participant, Unavailable, User, now_ms, store
from models.last_seen import save_last_seen
from realtime.audiences import CROWD, audiences_of
from realtime.chunks import chunks
from realtime.connections import tell_others
from realtime.events import Data
from realtime.nodes import nodes
from realtime.presence_stores import MemoryPresence, PresenceStore
from realtime.redis_presence import RedisPresence
from schemas.base import iso, iso_or_none
from settings import settings

log = logging.getLogger("parley.realtime")

GATHER_SECONDS = 1.0
"""At most one announcement a second (design.md); the first after a quiet spell goes at once."""

TOGETHER = 100
"""Users whose news leaves together, where the same are told: in a room of 100, 0.5 ms."""

SAVED = 1000
"""Users in one write, so that messages do not wait for a herd that leaves."""


class Presence:
    """Tells those who share a conversation with a user when they come and go."""

    def __init__(self, store_of_nodes: PresenceStore) -> None:
        self._nodes = store_of_nodes
        self._sockets: dict[str, tuple[str, ...]] = {}
        self._leaving: dict[str, float] = {}
        self._goodbyes: deque[tuple[float, str, int]] = deque()
        self._waiting = False
        self._here: set[str] = set()
        self._changed: dict[str, tuple[bool, int]] = {}
        self._lock = threading.RLock()
        self._quiet_from = 0.0
        self._armed = False
        store_of_nodes.attach(self.here, self.announce)

    def start(self) -> None:
        """This process serves from now on."""
        self._nodes.start()

    def stop(self) -> None:
        """It is about to end."""
        self._nodes.stop()

    def connected(self, user_id: str, sid: str) -> None:
        """A socket of the user came."""
        with self._lock:
            self._sockets[user_id] = (*self._sockets.get(user_id, ()), sid)
            self._leaving.pop(user_id, None)
            if user_id not in self._here:
                self._here.add(user_id)
                self._nodes.arrive(user_id, lambda first: self.announce(user_id, True) if first else None)

    def disconnected(self, user_id: str, sid: str) -> None:
        """A socket of the user went."""
        with self._lock:
            before = self._sockets.pop(user_id, ())
            after = tuple(one for one in before if one != sid)
            if after:
                self._sockets[user_id] = after
            elif before:
                self._leave_later(user_id)

    def _leave_later(self, user_id: str) -> None:
        """After the grace period; one timer for all, since they leave in herds."""
        at = self._leaving[user_id] = time.monotonic() + settings.presence_grace
        self._goodbyes.append((at, user_id, now_ms()))
        if not self._waiting:
            self._waiting = True
            runtime.call_later(settings.presence_grace, self._say_goodbye)

    def _say_goodbye(self) -> None:
        """Those whose grace period has ended are offline, unless they came back."""
        while True:
            with self._lock:
                wait = self._goodbyes[0][0] - time.monotonic() if self._goodbyes else 0.0
                if not self._goodbyes:
                    self._waiting = False
                    return
                if wait <= 0:
                    at, user_id, since = self._goodbyes.popleft()
                    if self._leaving.get(user_id) == at:
                        self._left(user_id, since)
            runtime.sleep(max(0.0, wait))

    def online(self, user_ids: Iterable[str]) -> set[str]:
        """Which of these users are online; within the grace period they still are."""
        wanted = set(user_ids)
        here = wanted & self._here
        return here | self._nodes.elsewhere(wanted - here)

    def here(self) -> list[str]:
        """Everybody who is on this node, the grace period included."""
        return list(self._here)

    def announce(self, user_id: str, online: bool, since: int | None = None) -> None:
        """Tell that the user is online, or since when (ms) no longer."""
        with self._lock:
            self._changed[user_id] = online, since or now_ms()
            if not self._armed:
                self._armed = True
                runtime.call_later(max(0.0, self._quiet_from - time.monotonic()), self._tell)

    def _left(self, user_id: str, since: int) -> None:
        with self._lock:
            self._leaving.pop(user_id, None)
            if user_id not in self._sockets and user_id in self._here:
                self._here.discard(user_id)
                self._nodes.leave(user_id, lambda last: self.announce(user_id, False, since) if last else None)

    def _tell(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, {}
            self._armed = False
            self._quiet_from = time.monotonic() + GATHER_SECONDS
        gone = {user_id: since for user_id, (online, since) in changed.items() if not online}
        for user_id in self.online(gone):  # they came to another node in the meantime, which tells of that
            del gone[user_id], changed[user_id]
        try:
            if gone:
                self._save_last_seen(gone)
            audiences = audiences_of(changed)
        except Unavailable:
            return
        except Exception:
            log.exception("presence could not be told")
            return
        for user_ids, everybody in audiences.groups():
            for some in chunks(user_ids, TOGETHER):
                self._tell_some({user_id: _status(user_id, *changed[user_id]) for user_id in some}, everybody)
                runtime.sleep(0)
        if gone:
            runtime.call_later(GATHER_SECONDS, self._correct, list(gone))

    @staticmethod
    def _tell_some(news: Mapping[str, Data], everybody: Sequence[str]) -> None:
        """Tell each user's status to everybody else of these."""
        tell_others("user:status", news, everybody)
        nodes.tell_others("user:status", news, everybody)

    @staticmethod
    def _save_last_seen(gone: Mapping[str, int]) -> None:
        for some in chunks(gone.items(), SAVED):
            store.transact(functools.partial(save_last_seen, seen=dict(some)))

    def _correct(self, gone: list[str]) -> None:
        """Two nodes' words may have crossed: whoever was said to be gone and is not is online."""
        for user_id in self._nodes.elsewhere(gone):
            self.announce(user_id, True)


def _status(user_id: str, online: bool, since: int) -> Data:
    return {"userId": user_id, "status": "online" if online else "offline", "lastSeen": iso(since)}


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


presence = Presence(MemoryPresence() if nodes.bus is None else RedisPresence(nodes.bus, settings.presence_lease))
