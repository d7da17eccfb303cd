"""Which function answers which event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from realtime.connections import Connection
from schemas.errors import ChatError
from schemas.sockets import CLIENT_EVENTS, ClientEvent

Handler = Callable[[Connection, Any], "Answer | Later"]


@dataclass(slots=True)
class Answer:
    """What a handler leaves behind: the acknowledgement's one argument, and work to do once it is on its way."""

    acknowledgement: Any
    afterwards: Callable[[], None] | None = None


@dataclass(slots=True, frozen=True)
class Registered:
    """An event and the function that answers it."""

    event: ClientEvent
    handler: Handler


handlers: dict[str, Registered] = {}


def on(name: str) -> Callable[[Handler], Handler]:
    """Register the decorated function for an event of `schemas.sockets.CLIENT_EVENTS`.

    It is given the connection and the validated payload, and returns the acknowledgement; it raises ChatError.
    """

    def register(handler: Handler) -> Handler:
        handlers[name] = Registered(CLIENT_EVENTS[name], handler)
        return handler

    return register


@dataclass(slots=True, frozen=True)
class Later:
    """An acknowledgement that follows: `start` is given whom to tell, once, of an error or of none."""

    start: Callable[[Callable[[ChatError | None], None]], None]


def later(start: Callable[[Callable[[ChatError | None], None]], None]) -> Later:
    """Have the client's next events handled while this one's answer is still to come."""
    return Later(start)


def ok(**values: Any) -> Answer:
    """An acknowledgement that says yes."""
    return Answer({"ok": True, **values})
