"""What passes: typing, presence, echo."""

from __future__ import annotations

from realtime.connections import Connection, emit
from schemas.errors import invalid
from schemas.sockets import Anything, AskPresence, Typing
from services import presence
from services.typing import set_typing
from sockets.registry import Answer, ok, on


@on("typing")
def typing(connection: Connection, payload: Typing) -> Answer:
    """Tell the room's other sockets that this user types, or no longer does."""
    set_typing(connection, payload.conversation_id, payload.is_typing)
    return ok()


@on("presence")
def ask_presence(connection: Connection, payload: AskPresence) -> Answer:
    """Who of these is online."""
    return ok(users=presence.ask(connection.user_id, payload.user_ids))


ECHO_DEPTH = 100
"""Lists in lists that are sent back; far above what anybody sends, and below what Python's recursion bears."""


@on("echo")
def echo(connection: Connection, payload: Anything) -> Answer:
    """The same back, as `echo-response`, and as `data` of the acknowledgement. Raises ChatError `validation_failed`."""
    level = [payload.root]
    for _ in range(ECHO_DEPTH):
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise invalid(payload="is nested too deeply")
    emit("echo-response", payload.root, to=connection.sid)
    return ok(data=payload.root)
