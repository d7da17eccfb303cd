"""Publishing without a socket: an application's own events, and messages in a participant's name."""

from __future__ import annotations

import hashlib

import orjson
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Conversation, RelayedEvent, User, now_ms
from realtime.emissions import Emission, repeat
from realtime.loopback import loopback
from realtime.publishing import publisher
from schemas.errors import ChatError, conflict, invalid, not_found, token_invalid
from schemas.relay import DATA_BYTES, KEY_CHARS, RelayEmit, RelayMessage
from services import messages, tokens
from services.access import reading
from services.members import members
from services.placing import Sent
from services.service_tokens import Service, check_active, find_user_id
from services.work import publish, write

REMEMBERED_MS = 86_400_000
"""How long an `Idempotency-Key` names its event: a day, longer than any platform tries a function again."""


def emit(service: Service, body: RelayEmit, key: str | None) -> bool:
    """Send an application's event to those whom it is for, on every node; returns whether `key` was sent before.

    Raises ChatError `forbidden` out of the token's scope, `not_found`, `too_large`, `validation_failed`, and `conflict`
    where the key names another event.
    """
    service.check_event(body.event)
    if body.to.conversation_id is not None:
        service.check_conversation(body.to.conversation_id, "to.conversationId")
    else:
        service.check_every_conversation("to", "events to users and to everybody")
    if key is not None and (not 0 < len(key) <= KEY_CHARS or not key.isprintable()):
        raise invalid(**{"Idempotency-Key": f"must have 1 to {KEY_CHARS} visible characters"})
    emission = _checked(body)
    if key is not None and _known(service.id, key, _digest_of(emission)):
        return True
    publisher.emit(emission)
    return False


def announce(body: RelayEmit) -> bool:
    """The same by an administrator; returns whether there was a server to tell. A user may be named by username.

    Raises ChatError `not_found`, `too_large`, `validation_failed`.
    """
    if body.to.user_id is not None:
        with reading() as session:
            body.to.user_id = find_user_id(session, body.to.user_id)
    return publisher.emit(_checked(body))


def _checked(body: RelayEmit) -> Emission:
    """The event, where it can be sent and the one whom it is for exists. Raises ChatError."""
    try:
        size = len(orjson.dumps(body.data))
    except TypeError:
        raise invalid(data="must be JSON: valid Unicode, not nested too deeply, integers of 64 bits") from None
    if size > DATA_BYTES:
        limit = f"at most {DATA_BYTES} bytes of JSON"
        raise ChatError("too_large", f"The data is too large: {limit}", fields={"data": limit})
    conversation_id, user_id = body.to.conversation_id, body.to.user_id
    with reading() as session:
        if conversation_id is not None:
            row = session.get(Conversation, conversation_id)
            if row is None or row.deleted_at is not None:
                raise not_found("Conversation", "to.conversationId")
        if user_id is not None and session.get(User, user_id) is None:
            raise not_found("User", "to.userId")
    return Emission(body.event, body.data, conversation_id, user_id)


def _digest_of(emission: Emission) -> bytes:
    """16 bytes that differ where two events do."""
    parts = [emission.name, emission.data, emission.conversation_id, emission.user_id]
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _known(token_id: str, key: str, digest: bytes) -> bool:
    """Whether this token has sent this event under the key before; from now on it has. Raises ChatError `conflict`."""

    def run(session: Session) -> bool:
        session.execute(delete(RelayedEvent).where(RelayedEvent.created_at <= now_ms() - REMEMBERED_MS))
        before = session.get(RelayedEvent, (token_id, key))
        if before is None:
            session.add(RelayedEvent(token_id=token_id, key=key, digest=digest))
            return False
        if before.digest != digest:
            raise conflict("This Idempotency-Key names another event", **{"Idempotency-Key": "names another event"})
        return True

    try:
        return write(run)
    except IntegrityError:
        return write(run)  # another node stored the same key at this moment


def send(service: Service, body: RelayMessage) -> Sent:
    """Store a message of the participant `senderId` and tell the room: what a socket's `send-message` does.

    Raises ChatError `forbidden` out of the token's scope, and what `messages.send` raises.
    """
    service.check_conversation(body.conversation_id, "conversationId")
    service.check_act_as(body.sender_id, "senderId")
    check_active(body.sender_id, "senderId")
    return messages.send(body.sender_id, body)


def take_over(signature: str | None, body: bytes) -> None:
    """Publish what a process beside this server has committed or sent. Raises ChatError `token_invalid`."""
    parcel = loopback.read(signature or "", body)
    if parcel is None:
        raise token_invalid()
    if parcel.outcome is not None:
        for packet in parcel.outcome.packets:
            if packet.admitted or packet.evicted or packet.closed:
                members.forget(packet.conversation_id)
        if parcel.outcome.closings:
            tokens.standing.forget()
        publish(parcel.outcome)
    if parcel.emission is not None:
        publisher.emit(parcel.emission)
    if parcel.broadcast is not None:
        repeat(parcel.broadcast)
