"""`@username` in a message: who is meant, and how many such a participant has not read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models import Mention, Message, Participant, Transaction, User
from realtime.views import Spoken

NAME = re.compile(r"(?<![\w@.])@(\w(?:[\w.-]*\w)?)")
"""What a username may hold, after an `@` that is not inside a word: an e-mail address mentions nobody."""


def find_mentions(transaction: Transaction, conversation_id: str, sender_id: str, content: str) -> list[str]:
    """The ids of the participants, other than the sender, whom the content names."""
    if "@" not in content:
        return []
    names = {name.casefold() for name in NAME.findall(content)}
    if not names:
        return []
    return list(
        transaction.session.scalars(
            select(User.id)
            .join(Participant, Participant.user_id == User.id)
            .where(
                Participant.conversation_id == conversation_id,
                Participant.removed_at.is_(None),
                User.name_key.in_(names),
                User.id != sender_id,
            )
            .order_by(User.id)
        )
    )


def store_mentions(session: Session, message: Spoken, user_ids: Sequence[str]) -> None:
    """Remember whom the message names, and count it for those who have not read it."""
    for user_id in user_ids:
        session.add(
            Mention(
                message_id=message.id,
                user_id=user_id,
                conversation_id=message.conversation_id,
                seq=message.seq,
            )
        )
    _count(session, message, user_ids, 1)


def drop_mentions(session: Session, message: Message, user_ids: Sequence[str]) -> None:
    """The message names these no longer."""
    if user_ids:
        session.execute(delete(Mention).where(Mention.message_id == message.id, Mention.user_id.in_(user_ids)))
        _count(session, message, user_ids, -1)


def unread_mentions(session: Session, conversation_id: str, user_id: str, read_seq: int) -> int:
    """How many messages above `read_seq` name the user."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Mention)
            .where(Mention.conversation_id == conversation_id, Mention.user_id == user_id, Mention.seq > read_seq)
        )
        or 0
    )


def _count(session: Session, message: Spoken, user_ids: Sequence[str], step: int) -> None:
    if user_ids:
        session.execute(
            update(Participant)
            .where(
                Participant.conversation_id == message.conversation_id,
                Participant.user_id.in_(user_ids),
                Participant.read_seq < message.seq,
            )
            .values(mention_count=Participant.mention_count + step)
            .execution_options(synchronize_session=False)
        )
