"""Messages: send, acknowledge, react."""

from __future__ import annotations

from engine import Answer
from realtime.connections import Connection
from schemas.messages import Acknowledge, React, SendMessage
from services import messages, reactions, receipts
from sockets.registry import ok, on


@on("send-message")
def send(connection: Connection, payload: SendMessage) -> Answer:
    """Store a message and tell the room; answered once it is committed."""
    sent = messages.send(connection.user_id, payload)
    return ok(message=sent.message, duplicate=sent.duplicate)


@on("delivered-ack")
def delivered(connection: Connection, payload: Acknowledge) -> Answer:
    """Messages have arrived at this user."""
    receipts.acknowledge(connection.user_id, "delivered", payload)
    return ok()


@on("read")
def read(connection: Connection, payload: Acknowledge) -> Answer:
    """This user has read messages."""
    receipts.acknowledge(connection.user_id, "read", payload)
    return ok()


@on("react")
def react(connection: Connection, payload: React) -> Answer:
    """Toggle or set this user's reaction."""
    return ok(**reactions.react(connection.user_id, payload))
