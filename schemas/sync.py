"""Coming back after an absence: what changed since a rev."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.base import STORABLE, Id, Input, Query, Time, Wire
from schemas.conversations import ConversationOut, ParticipantOut
from schemas.messages import MessageOut

CONVERSATIONS = 1000
"""Conversations in one `sync`; a client with more asks again for the rest."""

Rev = Annotated[int, Field(ge=0, le=2**53)]


def bounded(given: dict[str, int]) -> dict[str, int]:
    """Refuse more conversations than one answer can carry."""
    if len(given) > CONVERSATIONS:
        raise ValueError(f"at most {CONVERSATIONS} conversations in one sync")
    return given


class Sync(Input):
    """`sync`: for each conversation the rev that the client has; `me` is its rev of its memberships."""

    conversations: Annotated[dict[Id, Rev], AfterValidator(bounded)] = Field(default_factory=dict)
    me: Rev | None = None
    epoch: Annotated[str, Field(max_length=64), STORABLE] | None = None


class SyncOne(Query):
    """`GET …/sync`."""

    since: Rev
    epoch: Annotated[str, Field(max_length=64), STORABLE] | None = None


class ReceiptOut(Wire):
    """A participant's watermarks, as of `rev`."""

    user_id: str
    delivered_seq: int
    read_seq: int
    rev: int


class ParticipantSince(ParticipantOut):
    """A participant who came or whose role changed, as of `rev`."""

    rev: int


class RemovedParticipant(Wire):
    """One who went."""

    user_id: str
    removed_at: Time
    rev: int


class Changes(Wire):
    """What changed in a conversation, up to `rev`.

    `delta`: everything whose state is newer. `reset`: all that the client had is to be dropped; this is the newest
    page. `gone`: the conversation is not (any longer) the client's to see.
    """

    outcome: Literal["delta", "reset", "gone"]
    rev: int
    seq: int
    conversation: ConversationOut | None = None
    messages: list[MessageOut]
    receipts: list[ReceiptOut]
    participants: list[ParticipantSince | RemovedParticipant]


class MyChanges(Wire):
    """Conversations that the user came into and went out of, up to `rev` of their memberships."""

    rev: int
    added: list[ConversationOut]
    removed: list[str]


class SyncOut(Wire):
    """The answer to `sync`."""

    epoch: str
    me: MyChanges
    conversations: dict[str, Changes]
