"""How far a conversation's participants have heard and read, and what that makes of a message's status.

A message's status is the least over the participants other than its sender (protocol.md, promise 5). For that the
two lowest watermarks are enough: the lowest, and the lowest but for its owner.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Participant

NOBODY = 1 << 62
"""Watermark where there is nobody to wait for: above every seq."""


@dataclass(slots=True, frozen=True)
class Lowest:
    """The lowest watermark, whose it is, and the lowest of the others."""

    owner: str | None = None
    first: int = NOBODY
    second: int = NOBODY

    def without(self, user_id: str) -> int:
        """The lowest watermark of all but this user."""
        return self.second if user_id == self.owner else self.first


@dataclass(slots=True, frozen=True)
class Watermarks:
    """The lowest watermarks of a conversation."""

    delivered: Lowest
    read: Lowest

    def status(self, sender_id: str, seq: int) -> str:
        """The status of the message `seq` by this sender."""
        if self.read.without(sender_id) == NOBODY:
            return "sent"
        if seq <= self.read.without(sender_id):
            return "read"
        return "delivered" if seq <= self.delivered.without(sender_id) else "sent"


def lowest(values: dict[str, int]) -> Lowest:
    """The two lowest of each user's watermark."""
    if not values:
        return Lowest()
    owner = min(values, key=values.__getitem__)
    others = (value for user_id, value in values.items() if user_id != owner)
    return Lowest(owner, values[owner], min(others, default=NOBODY))


def watermarks_of(session: Session, conversation_id: str, without: str | None = None) -> Watermarks:
    """The watermarks of a conversation's present participants, those of `without` left out."""
    return watermarks_of_all(session, [conversation_id], without)[conversation_id]


def watermarks_of_all(
    session: Session, conversation_ids: Collection[str], without: str | None = None
) -> dict[str, Watermarks]:
    """The same of several conversations, in one query."""
    rows = session.execute(
        select(Participant.conversation_id, Participant.user_id, Participant.delivered_seq, Participant.read_seq).where(
            Participant.conversation_id.in_(conversation_ids), Participant.removed_at.is_(None)
        )
    )
    delivered: dict[str, dict[str, int]] = {conversation_id: {} for conversation_id in conversation_ids}
    read: dict[str, dict[str, int]] = {conversation_id: {} for conversation_id in conversation_ids}
    for conversation_id, user_id, delivered_seq, read_seq in rows:
        if user_id != without:
            delivered[conversation_id][user_id] = delivered_seq
            read[conversation_id][user_id] = read_seq
    return {one: Watermarks(lowest(delivered[one]), lowest(read[one])) for one in conversation_ids}
