"""Which function answers which event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from realtime.connections import Connection
from schemas.errors import ChatError
from schemas.sockets import CLIENT_EVENTS, ClientEvent


@dataclass(slots=True)
class Answer:
    """What a handler leaves behind: the acknowledgement's one argument, and work to do once it is on its way."""

    acknowledgement: Any
    afterwards: Callable[[], None] | None = None


Outcome = Answer | ChatError | Any
"""What becomes of an event. What is neither an answer nor an error is said by the event's own `Registered.answer`."""

Settle = Callable[[Outcome], None]
"""Told the outcome, once."""

Handler = Callable[[Connection, Any], Answer]
LateHandler = Callable[[Connection, Any, Settle], None]


class Place(Enum):
    """An event's place among its client's events."""

    AFTER_SENDS = "after"
    """Handled once all sends before it are committed."""
    SEND = "send"
    """A send: handled right behind those before it."""
    FREE = "free"
    """Handled at once: it moves a watermark, which nothing before it can move back."""


@dataclass(slots=True, frozen=True)
class Registered:
    """An event, the function that answers it, its place, and how its payload is read (raises ValidationError).

    `answer` makes the acknowledgement of an outcome; it is asked only where the client asked for one.
    """

    event: ClientEvent
    handler: LateHandler
    place: Place
    validate: Callable[[Any], Any]
    answer: Callable[[Any], Any]


handlers: dict[str, Registered] = {}


def on(name: str) -> Callable[[Handler], Handler]:
    """Register the decorated function for an event of `schemas.sockets.CLIENT_EVENTS`.

    It is given the connection and the payload, as the event's schema has validated it, and returns the acknowledgement;
    it raises ChatError.
    """

    def register(handler: Handler) -> Handler:
        def handle(connection: Connection, payload: Any, settle: Settle) -> None:
            settle(handler(connection, payload))

        on_later(name, Place.AFTER_SENDS)(handle)
        return handler

    return register


def say_yes(_outcome: object) -> dict[str, Any]:
    """The acknowledgement that says nothing else."""
    return {"ok": True}


def on_later(
    name: str, place: Place, read: Callable[[Any], Any] | None = None, answer: Callable[[Any], Any] = say_yes
) -> Callable[[LateHandler], LateHandler]:
    """The same for a function whose outcome follows: it is given whom to tell it.

    `read` validates the payload in the place of the event's schema; for `answer` see `Registered`.
    """

    def register(handler: LateHandler) -> LateHandler:
        event = CLIENT_EVENTS[name]
        validate = read or event.payload.__pydantic_validator__.validate_python
        handlers[name] = Registered(event, handler, place, validate, answer)
        return handler

    return register


def ok(**values: Any) -> Answer:
    """An acknowledgement that says yes."""
    return Answer({"ok": True, **values})
