"""Conversations and their participants."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from schemas.base import IDS_A_CALL, STORABLE, TITLE_CHARS, Id, Input, Path, Query, Time, Wire, not_blank
from schemas.messages import MessageOut
from schemas.users import Avatar, UserOut

Title = Annotated[str, Field(min_length=1, max_length=TITLE_CHARS), STORABLE, AfterValidator(not_blank)]
Role = Literal["owner", "admin", "member"]


class CreateConversation(Input):
    """A direct conversation has one other participant; a group any number, and may have a title."""

    type: Literal["direct", "group"]
    participant_ids: Annotated[list[Id], Field(max_length=IDS_A_CALL)]
    title: Title | None = None


class UpdateConversation(Input):
    """What is absent stays; null clears."""

    title: Title | None = None
    avatar: Avatar | None = None


class AddParticipant(Input):
    """A newcomer."""

    user_id: Id
    role: Literal["admin", "member"] = "member"


class ChangeRole(Input):
    """Another role; `owner` hands the conversation over."""

    role: Role


class ConversationPath(Path):
    """`/conversations/ID`."""

    conversation_id: Id


class ParticipantPath(ConversationPath):
    """`/conversations/ID/participants/USER`."""

    user_id: Id


class Page(Query):
    """A page of a list."""

    cursor: Annotated[str, Field(max_length=512), STORABLE] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ParticipantOut(Wire):
    """A user in a conversation, and how far they have heard and read."""

    conversation_id: str
    user_id: str
    role: Role
    joined_at: Time
    delivered_seq: int
    read_seq: int
    user: UserOut


class ConversationOut(Wire):
    """A conversation as one of its participants sees it."""

    id: str
    type: Literal["direct", "group"]
    title: str | None
    avatar: str | None
    participants: list[ParticipantOut]
    last_message: MessageOut | None
    unread_count: int
    mention_count: int
    seq: int
    rev: int
    first_seq: int
    pinned: list[Any]
    muted_until: Time | None
    created_at: Time
    updated_at: Time


class ConversationList(Wire):
    """Newest activity first."""

    items: list[ConversationOut]
    next_cursor: str | None


class ParticipantAdded(Wire):
    """The answer to an addition."""

    success: bool
    participant: ParticipantOut


class ParticipantChanged(Wire):
    """The answer to a change of role."""

    participant: ParticipantOut


class ConversationNew(ConversationOut):
    """One is in a conversation now: it, as the one who gets this sees it."""

    conversation_id: str
    prev_rev: int


class ConversationUpdated(Wire):
    """A conversation's title or picture was changed."""

    conversation_id: str
    id: str
    title: str | None
    avatar: str | None
    updated_at: Time
    rev: int
    prev_rev: int


class ConversationDeleted(Wire):
    """A conversation is gone, with all that was in it."""

    conversation_id: str
    id: str
    rev: int
    prev_rev: int


class ParticipantAddedEvent(Wire):
    """Somebody was added to a conversation."""

    conversation_id: str
    participant: UserOut
    role: Role
    rev: int
    prev_rev: int


class ParticipantUpdatedEvent(Wire):
    """Somebody has another role in a conversation."""

    conversation_id: str
    user_id: str
    participant: UserOut
    role: Role
    rev: int
    prev_rev: int


class ParticipantRemovedEvent(Wire):
    """Somebody has left a conversation, or was put out of it."""

    conversation_id: str
    user_id: str
    removed_at: Time
    rev: int
    prev_rev: int
