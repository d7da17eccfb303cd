"""Typing: told, never stored."""

from __future__ import annotations

from realtime import typing
from realtime.connections import Connection
from services.members import members
from services.users import known_user


def set_typing(connection: Connection, conversation_id: str, is_typing: bool) -> None:
    """The user of this socket types, or no longer does. Raises ChatError `not_a_participant`."""
    members.check(conversation_id, connection.user_id)
    username = known_user(connection.user_id)["username"]
    tell = typing.start if is_typing else typing.end
    tell(conversation_id, connection.user_id, username, connection.sid)
