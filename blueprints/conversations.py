"""`/api/conversations`: the list, one, its participants, its history."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint, Tag

from blueprints.requests import me, require_user
from schemas.conversations import (
    AddParticipant,
    ChangeRole,
    ConversationList,
    ConversationOut,
    ConversationPath,
    CreateConversation,
    Page,
    ParticipantAdded,
    ParticipantChanged,
    ParticipantPath,
    UpdateConversation,
)
from schemas.messages import HistoryPage, MessagePage
from schemas.sync import Changes, SyncOne
from services import conversations, messages, participants, sync

api = APIBlueprint(
    "conversations",
    __name__,
    url_prefix="/api/conversations",
    abp_tags=[Tag(name="conversations", description="Conversations and who is in them")],
)
api.before_request(require_user)


@api.get("", responses={200: ConversationList})
def list_mine(query: Page) -> dict[str, object]:
    """One's conversations, newest activity first."""
    return conversations.list_mine(me(), query)


@api.post("", responses={201: ConversationOut, 200: ConversationOut})
def create(body: CreateConversation) -> tuple[dict[str, object], int]:
    """A new conversation; a direct one that exists is answered as it is."""
    conversation, is_new = conversations.create(me(), body)
    return conversation, 201 if is_new else 200


@api.get("/<conversation_id>", responses={200: ConversationOut})
def get(path: ConversationPath) -> dict[str, object]:
    """One conversation."""
    return conversations.get(me(), path.conversation_id)


@api.patch("/<conversation_id>", responses={200: ConversationOut})
def update(path: ConversationPath, body: UpdateConversation) -> dict[str, object]:
    """Change a group's title or picture."""
    return conversations.update(me(), path.conversation_id, body)


@api.delete("/<conversation_id>", responses={204: None})
def delete(path: ConversationPath) -> tuple[str, int]:
    """End a conversation for everybody."""
    conversations.delete(me(), path.conversation_id)
    return "", 204


@api.post("/<conversation_id>/participants", responses={201: ParticipantAdded})
def add(path: ConversationPath, body: AddParticipant) -> tuple[dict[str, object], int]:
    """Bring somebody in."""
    return {"success": True, "participant": participants.add(me(), path.conversation_id, body)}, 201


@api.patch("/<conversation_id>/participants/<user_id>", responses={200: ParticipantChanged})
def change_role(path: ParticipantPath, body: ChangeRole) -> dict[str, object]:
    """Give somebody another role."""
    return {"participant": participants.change_role(me(), path.conversation_id, path.user_id, body)}


@api.delete("/<conversation_id>/participants/<user_id>", responses={204: None})
def remove(path: ParticipantPath) -> tuple[str, int]:
    """Leave, or put somebody out."""
    participants.remove(me(), path.conversation_id, path.user_id)
    return "", 204


@api.get("/<conversation_id>/sync", responses={200: Changes})
def changes(path: ConversationPath, query: SyncOne) -> dict[str, object]:
    """What changed since a rev: `delta`, `reset` or `gone`."""
    return sync.sync_one(me(), path.conversation_id, query.since, query.epoch)


@api.get("/<conversation_id>/messages", responses={200: MessagePage})
def history(path: ConversationPath, query: HistoryPage) -> dict[str, object]:
    """A page of messages."""
    return messages.history(me(), path.conversation_id, query)
