"""Messages: send, acknowledge, react."""

from __future__ import annotations

from realtime.connections import Connection
from schemas.errors import ChatError
from schemas.messages import Acknowledge, React, SendMessage
from services import messages, reactions, receipts
from services.sending import Sent
from sockets.registry import Answer, Later, Place, ok, on


@on("send-message", Place.SEND)
def send(connection: Connection, payload: SendMessage) -> Later:
    """Store a message and tell the room; answered once it is committed."""

    return Later(lambda done: messages.submit(connection.user_id, payload, lambda outcome: done(_sent(outcome))))


def _sent(outcome: Sent | ChatError) -> Answer | ChatError:
    return outcome if isinstance(outcome, ChatError) else ok(message=outcome.message, duplicate=outcome.duplicate)


@on("delivered-ack", Place.FREE)
def delivered(connection: Connection, payload: Acknowledge) -> Later:
    """Messages have arrived at this user; answered once that is committed."""
    return Later(lambda done: receipts.acknowledge(connection.user_id, "delivered", payload, done))


@on("read", Place.FREE)
def read(connection: Connection, payload: Acknowledge) -> Later:
    """This user has read messages; answered once that is committed."""
    return Later(lambda done: receipts.acknowledge(connection.user_id, "read", payload, done))


@on("react")
def react(connection: Connection, payload: React) -> Answer:
    """Toggle or set this user's reaction."""
    return ok(**reactions.react(connection.user_id, payload))
