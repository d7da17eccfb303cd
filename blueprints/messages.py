"""`/api/messages`: history, one message, and changes to it."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint, Tag

from blueprints.requests import me, require_user
from schemas.messages import (
    EditMessage,
    HistoryQuery,
    MessageOut,
    MessagePage,
    MessagePath,
    MessageReceipts,
    SendMessage,
)
from services import messages, receipts

api = APIBlueprint(
    "messages",
    __name__,
    url_prefix="/api/messages",
    abp_tags=[Tag(name="messages", description="What is said")],
)
api.before_request(require_user)


@api.get("", responses={200: MessagePage})
def history(query: HistoryQuery) -> dict[str, object]:
    """A page of a conversation's messages."""
    return messages.history(me(), query.conversation_id, query)


@api.post("", responses={201: MessageOut, 200: MessageOut})
def send(body: SendMessage) -> tuple[dict[str, object], int]:
    """Send a message; 200 where its `temp_id` was sent before."""
    sent = messages.send(me(), body)
    return sent.message, 200 if sent.duplicate else 201


@api.get("/<message_id>", responses={200: MessageOut})
def get(path: MessagePath) -> dict[str, object]:
    """One message."""
    return messages.get(me(), path.message_id)


@api.put("/<message_id>", responses={200: MessageOut})
def edit(path: MessagePath, body: EditMessage) -> dict[str, object]:
    """New content, by the author."""
    return messages.edit(me(), path.message_id, body)


@api.delete("/<message_id>", responses={200: MessageOut})
def delete(path: MessagePath) -> dict[str, object]:
    """Take it back; the answer is its tombstone."""
    return messages.delete(me(), path.message_id)


@api.get("/<message_id>/receipts", responses={200: MessageReceipts})
def message_receipts(path: MessagePath) -> dict[str, object]:
    """Who had it delivered and read, and when."""
    return {**receipts.of_message(me(), path.message_id)}


@api.put("/<message_id>/pin", responses={200: MessageOut})
def pin(path: MessagePath) -> dict[str, object]:
    """Pin it."""
    return messages.pin(me(), path.message_id, pinned=True)


@api.delete("/<message_id>/pin", responses={200: MessageOut})
def unpin(path: MessagePath) -> dict[str, object]:
    """Take the pin off."""
    return messages.pin(me(), path.message_id, pinned=False)
