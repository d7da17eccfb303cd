"""Which function answers which event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import Answer
from realtime.connections import Connection
from schemas.sockets import CLIENT_EVENTS, ClientEvent

Handler = Callable[[Connection, Any], Answer]


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


def ok(**values: Any) -> Answer:
    """An acknowledgement that says yes."""
    return Answer({"ok": True, **values})
