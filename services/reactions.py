"""Reactions to messages."""

from __future__ import annotations

from sqlalchemy import select

from models import Reaction
from realtime.views import View, reactions_of
from schemas.errors import ChatError, conflict
from schemas.messages import React
from services.messages import change_message
from services.work import Work, perform

KINDS = 50
"""Different emoji on one message at most, so that a message stays small enough to send."""


def react(user_id: str, body: React) -> View:
    """Toggle the user's emoji on a message, or set it where `on` is given; returns all reactions of the message.

    What changes nothing is told to nobody. Raises ChatError `not_found`, `conflict` for a message that was deleted.
    """

    def run(work: Work) -> View:
        session = work.session
        change, message, _ = change_message(work, user_id, body.message_id)
        if message.deleted_at is not None:
            raise conflict("The message was deleted")
        present = session.get(Reaction, (message.id, user_id, body.emoji))
        wanted = body.on if body.on is not None else present is None
        if wanted and present is None:
            _check_room(work, message.id, body.emoji)
            session.add(Reaction(message_id=message.id, user_id=user_id, emoji=body.emoji))
        elif not wanted and present is not None:
            session.delete(present)
        session.flush()
        reactions = reactions_of(session, [message.id]).get(message.id, {})
        if wanted != (present is not None):
            message.change(change.next_rev())
            change.event("reaction:update", {"messageId": message.id, "reactions": reactions})
        return {"messageId": message.id, "conversationId": message.conversation_id, "reactions": reactions}

    return perform(run)


def _check_room(work: Work, message_id: str, emoji: str) -> None:
    kinds = set(work.session.scalars(select(Reaction.emoji).where(Reaction.message_id == message_id).distinct()))
    if emoji not in kinds and len(kinds) >= KINDS:
        raise ChatError("conflict", "The message has too many different reactions", fields={"emoji": "is one too many"})
