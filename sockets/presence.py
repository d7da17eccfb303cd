"""What passes: typing, presence, echo."""

from __future__ import annotations

from realtime.connections import Connection, emit
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


@on("echo")
def echo(connection: Connection, payload: Anything) -> Answer:
    """The same back, as `echo-response`, and as `data` of the acknowledgement."""
    emit("echo-response", payload.root, to=connection.sid)
    return ok(data=payload.root)
