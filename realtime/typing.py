"""Who is typing where: told to the room, forgotten by itself. Best effort, and never in the database."""

from __future__ import annotations

import time
from dataclasses import dataclass

import runtime
from realtime.connections import emit
from realtime.nodes import nodes

TYPING_SECONDS = 6.0
"""How long one `isTyping: true` lasts without a repeat (protocol.md, `typing`)."""

ELSEWHERE, GRACE_SECONDS = "", 1.0
"""Stands for a socket of another node. That node says when it is over; where it does not, it is, so much later."""


@dataclass(slots=True)
class _Typist:
    sid: str
    username: str
    until: float
    timer: runtime.Timer


_typists: dict[tuple[str, str], _Typist] = {}


def start(conversation_id: str, user_id: str, username: str, sid: str) -> None:
    """The user types, in the socket `sid`: tell the room's other sockets."""
    key, seconds = (conversation_id, user_id), TYPING_SECONDS + (GRACE_SECONDS if sid == ELSEWHERE else 0)
    typist, until = _typists.get(key), time.monotonic() + seconds
    if typist is None:
        _typists[key] = _Typist(sid, username, until, runtime.call_later(seconds, _expire, key))
    else:
        typist.sid, typist.until = sid, until
    _tell(conversation_id, user_id, username, True, sid)
    if sid != ELSEWHERE:
        nodes.send_typing(conversation_id, user_id, username, True, False)


def end(conversation_id: str, user_id: str, username: str, sid: str) -> None:
    """The user says that they stopped: tell the room's other sockets, as the guide does, even where nobody typed."""
    typist = _typists.pop((conversation_id, user_id), None)
    if typist is not None:
        typist.timer.cancel()
    _tell(conversation_id, user_id, username, False, sid)
    if sid != ELSEWHERE:
        nodes.send_typing(conversation_id, user_id, username, False, typist is not None)


def stop(conversation_id: str, user_id: str, only_from: str | None = None) -> None:
    """End the user's typing, where there is any: they sent, left or dropped (there, `only_from` that socket)."""
    typist = _typists.get((conversation_id, user_id))
    if typist is not None and only_from in (None, typist.sid):
        end(conversation_id, user_id, typist.username, typist.sid)


def hear(conversation_id: str, user_id: str, username: str, is_typing: bool, typed: bool) -> None:
    """On another node the user types, or no longer does (and did, where `typed`): tell the room here."""
    if is_typing:
        start(conversation_id, user_id, username, ELSEWHERE)
    elif not typed or (conversation_id, user_id) in _typists:  # else it has ended here by itself already
        end(conversation_id, user_id, username, ELSEWHERE)


def drop(sid: str) -> None:
    """This socket is gone: end the typing that came from it, in rooms that it had joined or not."""
    for conversation_id, user_id in [key for key, typist in _typists.items() if typist.sid == sid]:
        stop(conversation_id, user_id, only_from=sid)


def _expire(key: tuple[str, str]) -> None:
    typist = _typists.get(key)
    if typist is None:
        return
    left = typist.until - time.monotonic()
    if left > 0:
        typist.timer = runtime.call_later(left, _expire, key)
    else:
        stop(*key)


def _tell(conversation_id: str, user_id: str, username: str, is_typing: bool, sid: str) -> None:
    data = {"userId": user_id, "userName": username, "isTyping": is_typing, "conversationId": conversation_id}
    emit("typing:update", data, to=conversation_id, skip=sid)
