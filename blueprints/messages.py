"""`/api/messages`: history, one message, and changes to it."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint, Tag

from blueprints.requests import me, require_user
from schemas.messages import EditMessage, HistoryQuery, MessageOut, MessagePage, MessagePath, SendMessage
from services import messages

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
