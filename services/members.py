"""Who is in a conversation, remembered.

With a commit the memory is exact: the writer compares `members_rev` under the row's lock. Without one (typing) it is
trusted for a few seconds at most, and a change made in this process is seen at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Conversation, Participant
from models.clocks import Clock
from models.hot import Plain
from schemas.errors import not_a_participant
from services.access import reading

TRUST_SECONDS = 5.0
"""How long a membership is believed without asking the database (design.md, the conversation's row is the clock)."""

REMEMBERED = 20_000
"""Conversations at most; past that the memory starts anew."""


@dataclass(slots=True, frozen=True)
class Members:
    """The participants' roles by user, as of `members_rev`; read at `at` (monotonic seconds)."""

    members_rev: int
    roles: dict[str, str]
    at: float


class MemberCache:
    """The members of busy conversations. Without a lock: each step on the dictionary is one of Python's own."""

    def __init__(self) -> None:
        self._known: dict[str, Members] = {}

    def exact(self, statements: Plain, clocks: Iterable[Clock]) -> dict[str, dict[str, str]]:
        """The roles of each conversation's members as of its `members_rev`, which the caller knows under its lock.

        Those of which the memory is of another rev are read in the transaction of `statements`, all at once.
        """
        roles: dict[str, dict[str, str]] = {}
        unknown: dict[str, int] = {}
        for clock in clocks:
            known = self._known.get(clock.id)
            if known is not None and known.members_rev == clock.members_rev:
                roles[clock.id] = known.roles
            else:
                unknown[clock.id] = clock.members_rev
                roles[clock.id] = {}
        if unknown:
            for conversation_id, user_id, role in statements.members(list(unknown)):
                roles[conversation_id][user_id] = role
            for conversation_id, members_rev in unknown.items():
                self._remember(conversation_id, Members(members_rev, roles[conversation_id], time.monotonic()))
        return roles

    def check(self, conversation_id: str, user_id: str) -> None:
        """Raise ChatError `not_a_participant` unless the user is in, as far as we knew a few seconds ago."""
        known = self._known.get(conversation_id)
        if known is None or time.monotonic() - known.at > TRUST_SECONDS:
            with reading() as session:
                members_rev = session.scalar(
                    select(Conversation.members_rev).where(
                        Conversation.id == conversation_id, Conversation.deleted_at.is_(None)
                    )
                )
                if members_rev is None:
                    raise not_a_participant()
                known = self._load(session, conversation_id, members_rev)
        if user_id not in known.roles:
            raise not_a_participant()

    def count(self, conversation_id: str) -> int:
        """How many they are, as far as we know without asking."""
        known = self._known.get(conversation_id)
        return len(known.roles) if known else 0

    def forget(self, conversation_id: str) -> None:
        """The members have changed."""
        self._known.pop(conversation_id, None)

    def _load(self, session: Session, conversation_id: str, members_rev: int) -> Members:
        rows = session.execute(
            select(Participant.user_id, Participant.role).where(
                Participant.conversation_id == conversation_id, Participant.removed_at.is_(None)
            )
        )
        known = Members(members_rev, {row.user_id: row.role for row in rows}, time.monotonic())
        self._remember(conversation_id, known)
        return known

    def _remember(self, conversation_id: str, known: Members) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[conversation_id] = known


members = MemberCache()
