"""Who is on which node, kept in Redis: each user's nodes, each node's users, and each node's lease.

A node renews one lease, not one for each of its users. When a lease ends, another node takes the dead one out of its
users' sets, and says who is gone. While Redis is away each node knows only of itself; what changed then is told anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import runtime
from realtime.bus import Away, Bus
from realtime.bus.bus import Asked
from realtime.bus.resp import pack
from realtime.chunks import chunks
from realtime.presence_stores import Announce, PresenceStore, Told
from settings import settings

log = logging.getLogger("parley.realtime")

BATCH = 200
"""Users in one round trip."""

ANSWER_SECONDS = 2.0
ASK_SECONDS = 0.25
"""How long Redis is given where nobody waits, and where somebody does."""

GRAVE_SECONDS = 3600
"""How long a node that was taken for dead can learn of it, should it live."""

BEATS = 4
"""A lease is renewed so many times in its life."""


@dataclass(slots=True, frozen=True)
class _Move:
    """A user came to this node, or left it."""

    user_id: str
    here: bool
    told: Told


class RedisPresence(PresenceStore):
    """See `PresenceStore`. `lease` is how long a silent node counts as alive, in seconds."""

    def __init__(self, bus: Bus, lease: float) -> None:
        self._bus = bus
        self._lease = lease
        self._moves: deque[_Move] = deque()
        self._working = False
        self._lock = threading.Lock()
        self._unsure: set[str] = set()
        self._here: Callable[[], list[str]] = list
        self._announce: Announce = lambda _user_id, _online: None
        self._sure_from = 0.0
        self._leased = False
        self._behind = False

    def attach(self, here: Callable[[], list[str]], announce: Announce) -> None:
        """See `PresenceStore.attach`."""
        self._here, self._announce = here, announce

    def start(self) -> None:
        """See `PresenceStore.start`."""
        self._bus.on_restored(self._register)
        runtime.spawn(self._beat)
        runtime.every(self._lease / BEATS, self._beat)

    def stop(self) -> None:
        """See `PresenceStore.stop`."""
        try:
            self._bus.ask([self._renewal(settings.presence_grace + 1.0)], ASK_SECONDS)
        except Away:
            return

    def arrive(self, user_id: str, told: Told) -> None:
        """See `PresenceStore.arrive`."""
        self._put(_Move(user_id, True, told))

    def leave(self, user_id: str, told: Told) -> None:
        """See `PresenceStore.leave`."""
        self._put(_Move(user_id, False, told))

    def elsewhere(self, user_ids: Collection[str]) -> set[str]:
        """See `PresenceStore.elsewhere`."""
        users = list(user_ids)
        if not users:
            return set()
        try:
            answers = self._bus.ask([(self._user(one), [pack("SCARD", self._user(one))]) for one in users], ASK_SECONDS)
        except Away:
            return set()
        return {user_id for user_id, (count,) in zip(users, answers, strict=True) if _number(count) > 0}

    def _put(self, move: _Move) -> None:
        with self._lock:
            self._moves.append(move)
            start, self._working = not self._working, True
        if start:
            runtime.spawn(self._work)

    def _work(self) -> None:
        """Tell Redis who moved, in order, until everybody is told of."""
        while True:
            with self._lock:
                moves = [self._moves.popleft() for _ in range(min(BATCH, len(self._moves)))]
                if not moves:
                    self._working = False
                    return
            try:
                self._tell(moves)
            except Exception:
                log.exception("presence could not be stored")

    def _tell(self, moves: Sequence[_Move]) -> None:
        try:
            if not self._leased:  # or nobody would miss this node, should it die now
                self._renew()
            counts = self._store([(move.user_id, move.here) for move in moves])
        except Away:
            self._unsure.update(move.user_id for move in moves)
            for move in moves:
                move.told(True)
            return
        for move, count in zip(moves, counts, strict=True):
            move.told(count == (1 if move.here else 0))

    def _store(self, moves: Sequence[tuple[str, bool]]) -> list[int]:
        """Note that users are here, or are not; on how many nodes each is then. Raises Away."""
        questions: list[Asked] = []
        mine, node = self._users_of(self._bus.node), self._bus.node
        for user_id, here in moves:
            key, verb = self._user(user_id), "SADD" if here else "SREM"
            questions += [(key, [pack(verb, key, node), pack("SCARD", key)]), (mine, [pack(verb, mine, user_id)])]
        answers = self._bus.ask(questions, ANSWER_SECONDS)
        return [_number(count) for _, count in answers[::2]]

    def _register(self) -> None:
        """Redis is there (again), and may have forgotten everything: tell it who is here, and all of what changed."""
        self._sure_from = time.monotonic() + self._lease
        self._behind, unsure = True, set[str]()
        try:
            self._renew()
            unsure, self._unsure = self._unsure, unsure
            self._tell_all(unsure)
            self._behind = False
        except Away:
            self._unsure |= unsure

    def _tell_all(self, unsure: set[str]) -> None:
        for users in chunks({*self._here(), *unsure}, BATCH):
            here = set(self._here())
            counts = self._store([(user_id, user_id in here) for user_id in users])
            for user_id, count in zip(users, counts, strict=True):
                if user_id in unsure:
                    self._announce(user_id, count > 0)

    def _beat(self) -> None:
        """Renew this node's lease, and bury the dead."""
        try:
            if self._renew() or self._unsure or self._behind:
                self._register()
            if time.monotonic() >= self._sure_from:
                self._bury_the_dead()
        except Away:
            self._leased = False
            self._sure_from = time.monotonic() + self._lease

    def _renew(self) -> bool:
        """Renew the lease; returns whether Redis had forgotten this node. Raises Away."""
        node, buried = self._bus.node, self._grave_of(self._bus.node)
        questions = [
            self._renewal(self._lease),
            (self._registry, [pack("SADD", self._registry, node)]),
            (buried, [pack("DEL", buried)]),
        ]
        _, (forgotten,), (dead,) = self._bus.ask(questions, ANSWER_SECONDS)
        self._leased = True
        if dead == 1:  # taken for dead by mistake: who is here was said to be offline
            self._unsure.update(self._here())
        return bool(forgotten == 1)

    def _renewal(self, seconds: float) -> Asked:
        key = self._lease_of(self._bus.node)
        return key, [pack("SET", key, 1, "PX", int(seconds * 1000))]

    def _bury_the_dead(self) -> None:
        """One node at a time looks after those whose lease has ended. Raises Away."""
        turn, beat = self._bus.name("p", "turn"), int(self._lease / BEATS * 900)
        ((taken,),) = self._bus.ask([(turn, [pack("SET", turn, self._bus.node, "NX", "PX", beat)])], ANSWER_SECONDS)
        if taken != b"OK":
            return
        ((names,),) = self._bus.ask([(self._registry, [pack("SMEMBERS", self._registry)])], ANSWER_SECONDS)
        others = [name.decode() for name in names if name.decode() != self._bus.node]
        leases = [(self._lease_of(one), [pack("EXISTS", self._lease_of(one))]) for one in others]
        for node, (alive,) in zip(others, self._bus.ask(leases, ANSWER_SECONDS), strict=True):
            if alive == 0:
                self._bury(node)

    def _bury(self, node: str) -> None:
        """Take a dead node out of its users' sets, and say who is gone by that. Raises Away; then it goes on later."""
        log.warning("a node is gone", extra={"node": node})
        key, grave = self._users_of(node), self._grave_of(node)
        self._bus.ask([(grave, [pack("SET", grave, 1, "EX", GRAVE_SECONDS)])], ANSWER_SECONDS)
        while True:
            ((names,),) = self._bus.ask([(key, [pack("SRANDMEMBER", key, BATCH)])], ANSWER_SECONDS)
            users = [name.decode() for name in names]
            if not users:
                break
            sets = [self._user(user_id) for user_id in users]
            questions = [(one, [pack("SREM", one, node), pack("SCARD", one)]) for one in sets]
            for user_id, (removed, count) in zip(users, self._bus.ask(questions, ANSWER_SECONDS), strict=True):
                if removed == 1 and count == 0:
                    self._announce(user_id, False)
            self._bus.ask([(key, [pack("SREM", key, *users)])], ANSWER_SECONDS)
        self._bus.ask([(self._registry, [pack("SREM", self._registry, node)])], ANSWER_SECONDS)

    def _user(self, user_id: str) -> str:
        return self._bus.name("p", "u", user_id)

    def _users_of(self, node: str) -> str:
        return self._bus.name("p", "at", node)

    def _lease_of(self, node: str) -> str:
        return self._bus.name("p", "lease", node)

    def _grave_of(self, node: str) -> str:
        return self._bus.name("p", "buried", node)

    @property
    def _registry(self) -> str:
        return self._bus.name("p", "nodes")


def _number(reply: object) -> int:
    """A count; 0 where the server refused to say."""
    return reply if isinstance(reply, int) else 0
