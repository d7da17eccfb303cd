"""What programs without a socket publish, by a service token."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, RootModel, model_validator

from schemas.base import Id, Input, Path, Wire
from schemas.messages import SendMessage

APP_PREFIX = "app:"
"""How the events of applications begin, so that none passes for one of ours (protocol.md, `/relay/emit`)."""

APP_EVENTS = "app:*"
"""What stands for all of them in the documents."""

EVENT_CHARS = 128
KEY_CHARS = 128

DATA_BYTES = 65_536
"""Size of an event's data as JSON: every recipient has it in their queue at once, whose default bound is 4 MiB."""


def event_name(text: str) -> str:
    """`app:` and at least one more character, all of them visible."""
    if not text.startswith(APP_PREFIX) or text == APP_PREFIX:
        raise ValueError(f"must begin with {APP_PREFIX} and a name")
    if not text.isprintable() or " " in text:
        raise ValueError("must have no spaces and no control characters")
    return text


EventName = Annotated[str, Field(max_length=EVENT_CHARS, examples=["app:orders.changed"]), AfterValidator(event_name)]


def only_true(value: object) -> object:
    """Refuse the number 1, which Python takes for the same."""
    if value is not None and value is not True:
        raise ValueError("must be true")
    return value


class RelayTarget(Input):
    """Whom an event is for: a conversation's room, a user's sockets, or every socket."""

    conversation_id: Id | None = None
    user_id: Id | None = None
    everybody: Annotated[Literal[True] | None, Field(alias="all"), BeforeValidator(only_true)] = None

    @model_validator(mode="after")
    def names_one(self) -> RelayTarget:
        """Refuse none, and several."""
        if sum(one is not None for one in (self.conversation_id, self.user_id, self.everybody)) != 1:
            raise ValueError("give exactly one of conversationId, userId and all")
        return self


class RelayEmit(Input):
    """An event of your own. It is not stored: it reaches whoever is connected now."""

    event: EventName
    data: Any = None
    to: RelayTarget


class RelayEmitted(Wire):
    """It is on its way; `duplicate` where its `Idempotency-Key` was sent before, and nothing was sent now."""

    duplicate: bool


class RelayKey(Path):
    """Beside the body, as ids in addresses are: your own name for the event, of at most 128 characters."""

    idempotency_key: Annotated[
        str | None,
        Field(
            alias="Idempotency-Key",
            description="Your own name for the event. The same again within a day is answered, not sent again.",
        ),
    ] = None


class RelayMessage(SendMessage):
    """A message of a participant, `senderId`, as whom the service token may act."""

    sender_id: Id


class AppEvent(RootModel[Any]):
    """An application's own event, sent through `/api/relay/emit`. Best effort, without a `rev`."""
