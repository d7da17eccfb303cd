"""Messages: send, acknowledge, react."""

from __future__ import annotations

from realtime.connections import Connection
from schemas.messages import Acknowledge, React, SendMessage
from services import messages, reactions, receipts
from sockets.registry import Answer, Later, later, ok, on


@on("send-message")
def send(connection: Connection, payload: SendMessage) -> Answer:
    """Store a message and tell the room; answered once it is committed."""
    sent = messages.send(connection.user_id, payload)
    return ok(message=sent.message, duplicate=sent.duplicate)


@on("delivered-ack")
def delivered(connection: Connection, payload: Acknowledge) -> Later:
    """Messages have arrived at this user; answered once that is committed, and other events need not wait for it."""
    return later(lambda done: receipts.acknowledge(connection.user_id, "delivered", payload, done))


@on("read")
def read(connection: Connection, payload: Acknowledge) -> Later:
    """This user has read messages; answered as `delivered-ack` is."""
    return later(lambda done: receipts.acknowledge(connection.user_id, "read", payload, done))


@on("react")
def react(connection: Connection, payload: React) -> Answer:
    """Toggle or set this user's reaction."""
    return ok(**reactions.react(connection.user_id, payload))
