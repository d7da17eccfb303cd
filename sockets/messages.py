"""Messages: send, acknowledge, react."""

from __future__ import annotations

from typing import Any

from realtime.connections import Connection
from schemas.messages import Acknowledge, PlainMessage, React, SendMessage, read_message
from services import messages, reactions, receipts
from services.placing import Sent
from sockets.registry import Answer, Place, Settle, ok, on, on_later


def _stored(sent: Sent) -> dict[str, Any]:
    return {"ok": True, "message": sent.message, "duplicate": sent.duplicate}


@on_later("send-message", Place.SEND, read_message, _stored)
def send(connection: Connection, payload: SendMessage | PlainMessage, settle: Settle) -> None:
    """Store a message and tell the room; answered once it is committed."""
    messages.submit(connection.user_id, payload, settle)


@on_later("delivered-ack", Place.FREE)
def delivered(connection: Connection, payload: Acknowledge, settle: Settle) -> None:
    """Messages have arrived at this user; answered once that is committed."""
    receipts.acknowledge(connection.user_id, "delivered", payload, settle)


@on_later("read", Place.FREE)
def read(connection: Connection, payload: Acknowledge, settle: Settle) -> None:
    """This user has read messages; answered once that is committed."""
    receipts.acknowledge(connection.user_id, "read", payload, settle)


@on("react")
def react(connection: Connection, payload: React) -> Answer:
    """Toggle or set this user's reaction."""
    return ok(**reactions.react(connection.user_id, payload))
