"""Messages: send, acknowledge, react."""

from __future__ import annotations

from collections.abc import Callable

from realtime.connections import Connection
from schemas.errors import ChatError
from schemas.messages import Acknowledge, PlainMessage, React, SendMessage, read_message
from services import messages, reactions, receipts
from services.placing import Sent
from sockets.registry import Answer, Later, Place, ok, on


@on("send-message", Place.SEND, read_message)
def send(connection: Connection, payload: SendMessage | PlainMessage) -> Later:
    """Store a message and tell the room; answered once it is committed."""

    def start(done: Callable[[Answer | ChatError | None], None]) -> None:
        def sent(outcome: Sent | ChatError) -> None:
            if isinstance(outcome, Sent):
                done(Answer({"ok": True, "message": outcome.message, "duplicate": outcome.duplicate}))
            else:
                done(outcome)

        messages.submit(connection.user_id, payload, sent)

    return Later(start)


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
