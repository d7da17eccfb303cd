"""Who is told of a user's coming and going, for many users at once: a herd that connects asks in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

import runtime
from models import Conversation, Participant, store

CROWD = 200
"""In conversations over this many, presence is told only to those who ask (design.md)."""

CHUNK = 200
"""Users, or conversations, a query: between two of them others have their turn."""


class Audiences:
    """The conversations of moderate size that users are in, and who else is in those."""

    def __init__(self) -> None:
        self._mine: dict[str, list[str]] = defaultdict(list)
        self._members: dict[str, list[str]] = defaultdict(list)

    def of(self, user_id: str) -> list[str]:
        """The others who share such a conversation with the user."""
        mine = self._mine.get(user_id, ())
        others = set().union(*(self._members[one] for one in mine)) if len(mine) > 1 else self._only(mine)
        return [other for other in others if other != user_id]

    def _only(self, mine: Sequence[str]) -> Collection[str]:
        return self._members[mine[0]] if mine else ()

    def add_conversations(self, session: Session, user_ids: Sequence[str]) -> None:
        """Which conversations these users are in."""
        query = (
            select(Participant.user_id, Participant.conversation_id)
            .join(Conversation, Conversation.id == Participant.conversation_id)
            .where(
                Participant.user_id.in_(user_ids),
                Participant.removed_at.is_(None),
                Conversation.deleted_at.is_(None),
                Conversation.member_count <= CROWD,
            )
        )
        for user_id, conversation_id in session.execute(query):
            self._mine[user_id].append(conversation_id)

    def add_members(self, session: Session, conversation_ids: Sequence[str]) -> None:
        """Who is in these conversations."""
        query = select(Participant.conversation_id, Participant.user_id).where(
            Participant.conversation_id.in_(conversation_ids), Participant.removed_at.is_(None)
        )
        for conversation_id, user_id in session.execute(query):
            self._members[conversation_id].append(user_id)

    def conversations(self) -> set[str]:
        """All that were found."""
        return {conversation_id for mine in self._mine.values() for conversation_id in mine}


def audiences_of(user_ids: Collection[str]) -> Audiences:
    """Read for these users; other greenlets run in between. Raises Unavailable."""
    found = Audiences()
    for chunk in _chunks(user_ids):
        with store.read() as session:
            found.add_conversations(session, chunk)
    for chunk in _chunks(found.conversations()):
        with store.read() as session:
            found.add_members(session, chunk)
    return found


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    ordered = list(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
        runtime.sleep(0)
