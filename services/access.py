"""Loaders that answer only for what the caller may see, with one error for missing and forbidden."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Conversation, Message, Participant, Unavailable, store
from schemas.errors import forbidden, not_a_participant, not_found, unavailable


@contextmanager
def reading() -> Iterator[Session]:
    """A session for reading, all of one moment. Raises ChatError `unavailable`."""
    try:
        with store.read() as session:
            yield session
    except Unavailable as error:
        raise unavailable() from error


def access_participant(session: Session, user_id: str, conversation_id: str) -> Participant:
    """The user's own row in a conversation. Raises ChatError `not_a_participant`."""
    participant = session.get(Participant, (conversation_id, user_id))
    if participant is None or participant.removed_at is not None:
        raise not_a_participant()
    return participant


def access_conversation(session: Session, user_id: str, conversation_id: str) -> tuple[Conversation, Participant]:
    """A conversation that the user is in, and their row in it. Raises ChatError `not_a_participant`."""
    participant = access_participant(session, user_id, conversation_id)
    conversation = session.get(Conversation, conversation_id)
    if conversation is None or conversation.deleted_at is not None:
        raise not_a_participant()
    return conversation, participant


def access_message(session: Session, user_id: str, message_id: str) -> tuple[Message, Participant]:
    """A message that the user may see, and their row in its conversation. Raises ChatError `not_found`."""
    found = session.execute(
        select(Message, Participant)
        .join(Participant, Participant.conversation_id == Message.conversation_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Message.id == message_id,
            Participant.user_id == user_id,
            Participant.removed_at.is_(None),
            Conversation.deleted_at.is_(None),
        ),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise not_found("Message")
    return found[0], found[1]


def check_admin(participant: Participant, what: str) -> None:
    """Raise ChatError `forbidden` unless the participant is the owner or an admin."""
    if participant.role not in ("owner", "admin"):
        raise forbidden(f"Only an admin of the conversation may {what}")
