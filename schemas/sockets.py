"""Every event of the Socket.IO side, once: what clients send and are answered, and what the server sends.

The handlers are registered against `CLIENT_EVENTS`, and AsyncAPI is generated from both tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from schemas.base import IDS_A_CALL, STORABLE, Id, Input, Time, Wire
from schemas.conversations import (
    ConversationDeleted,
    ConversationNew,
    ConversationUpdated,
    ParticipantAddedEvent,
    ParticipantRemovedEvent,
    ParticipantUpdatedEvent,
)
from schemas.files import UploadComplete, UploadProgress
from schemas.messages import (
    Acknowledge,
    MessageDeleted,
    MessageEvent,
    MessageOut,
    MessagePinned,
    MessageStatus,
    React,
    ReactionOut,
    ReactionUpdate,
    ReceiptUpdate,
    SendMessage,
)
from schemas.sync import Changes, Sync, SyncOut
from schemas.users import UserOut


class JoinRoom(Input):
    """`join-room`. With `since`, the answer says what changed after that rev."""

    conversation_id: Id
    since: Annotated[int, Field(ge=0, le=2**53)] | None = None


class LeaveRoom(Input):
    """`leave-room`."""

    conversation_id: Id


class Typing(Input):
    """`typing`; ends by itself after 6 s without a repeat."""

    conversation_id: Id
    is_typing: bool


class AskPresence(Input):
    """`presence`."""

    user_ids: Annotated[list[Id], Field(max_length=IDS_A_CALL)]


class RefreshAuth(Input):
    """`auth:refresh`: a newer token of the same user."""

    token: Annotated[str, Field(min_length=1, max_length=16_384), STORABLE]


class Anything(RootModel[Any]):
    """Whatever was sent with `echo`."""


class Ok(Wire):
    """Done."""

    ok: Literal[True] = True


class EchoOk(Ok):
    """The acknowledgement of `echo`."""

    data: Any


class Failure(Wire):
    """An error: as an acknowledgement (`ok: false`), as the `error` event, as a REST body."""

    error: str
    message: str
    fields: dict[str, str] | None = None
    retry_after: float | None = None


class ErrorEvent(Failure):
    """An event that asked for no acknowledgement was refused, or the socket's token has ended."""

    event: str | None = None
    temp_id: str | None = None


class RoomJoined(Wire):
    """This socket is in the room, which stands at `rev`; its events follow."""

    conversation_id: str
    rev: int
    seq: int
    changes: Changes | None = None


class JoinedOk(RoomJoined, Ok):
    """The acknowledgement of `join-room`."""


class RoomLeft(Wire):
    """This socket is in the room no longer."""

    conversation_id: str


class LeftOk(RoomLeft, Ok):
    """The acknowledgement of `leave-room`."""


class SentOk(Ok):
    """The acknowledgement of `send-message`: it is committed. `duplicate` where it was before."""

    message: MessageOut
    duplicate: bool


class ReactedOk(Ok):
    """The acknowledgement of `react`."""

    message_id: str
    conversation_id: str
    reactions: dict[str, ReactionOut]


class SyncOk(SyncOut, Ok):
    """The acknowledgement of `sync`."""


class PresenceOut(Wire):
    """One user's presence."""

    status: Literal["online", "offline"]
    last_seen: Time | None


class PresenceOk(Ok):
    """The acknowledgement of `presence`: those who share a conversation with the caller."""

    users: dict[str, PresenceOut]


class RefreshedOk(Ok):
    """The acknowledgement of `auth:refresh`."""

    expires_at: Time


class TypingUpdate(Wire):
    """Somebody types, or no longer does."""

    user_id: str
    user_name: str
    is_typing: bool
    conversation_id: str


class UserStatus(Wire):
    """Somebody with whom one shares a conversation came, or has gone."""

    user_id: str
    status: Literal["online", "offline"]
    last_seen: Time


class UserUpdated(UserOut):
    """A profile as it is now: one's own, or that of somebody with whom one shares a conversation."""

    user_id: str


class AuthExpiring(Wire):
    """The token ends in a minute, and the socket is closed then, unless `auth:refresh` brings another."""

    expires_at: Time


class Draining(Wire):
    """The server is about to restart: wait so long, then come back."""

    reconnect_after_ms: int


@dataclass(slots=True, frozen=True)
class ClientEvent:
    """An event that clients send: its payload, its acknowledgement, and what it is for."""

    payload: type[BaseModel]
    acknowledgement: type[BaseModel]
    summary: str


CLIENT_EVENTS: dict[str, ClientEvent] = {
    "join-room": ClientEvent(JoinRoom, JoinedOk, "Receive a conversation's events"),
    "leave-room": ClientEvent(LeaveRoom, LeftOk, "Receive them no longer"),
    "send-message": ClientEvent(SendMessage, SentOk, "Send a message; acknowledged once it is committed"),
    "delivered-ack": ClientEvent(Acknowledge, Ok, "Messages have arrived"),
    "read": ClientEvent(Acknowledge, Ok, "Messages have been read"),
    "typing": ClientEvent(Typing, Ok, "The user is typing, or no longer"),
    "react": ClientEvent(React, ReactedOk, "Toggle or set a reaction"),
    "sync": ClientEvent(Sync, SyncOk, "Come back: what changed since the revs that one has"),
    "presence": ClientEvent(AskPresence, PresenceOk, "Who is online"),
    "auth:refresh": ClientEvent(RefreshAuth, RefreshedOk, "Stay connected beyond the token's end"),
    "echo": ClientEvent(Anything, EchoOk, "Get the same back, for tests"),
}

SERVER_EVENTS: dict[str, type[BaseModel]] = {
    "room-joined": RoomJoined,
    "room-left": RoomLeft,
    "message:new": MessageEvent,
    "message:updated": MessageEvent,
    "message:deleted": MessageDeleted,
    "message:pinned": MessagePinned,
    "message:status": MessageStatus,
    "receipt:update": ReceiptUpdate,
    "reaction:update": ReactionUpdate,
    "typing:update": TypingUpdate,
    "conversation:new": ConversationNew,
    "conversation:updated": ConversationUpdated,
    "conversation:deleted": ConversationDeleted,
    "conversation:participant-added": ParticipantAddedEvent,
    "conversation:participant-updated": ParticipantUpdatedEvent,
    "conversation:participant-removed": ParticipantRemovedEvent,
    "user:status": UserStatus,
    "user:updated": UserUpdated,
    "upload:progress": UploadProgress,
    "upload:complete": UploadComplete,
    "auth:expiring": AuthExpiring,
    "server:draining": Draining,
    "error": ErrorEvent,
    "echo-response": Anything,
}
