"""What is at hand in `flask shell`."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import click
import socketio as library

import models
import schemas
import services
from extensions import db, socketio
from realtime.emissions import Broadcast
from realtime.publishing import publisher
from schemas.base import parse
from schemas.errors import ChatError
from schemas.relay import RelayEmit
from services import relaying
from settings import settings

BANNER = """\
At hand: models, services, schemas (with all their modules), db, socketio, settings and emit.
Services tell browsers, as REST does. emit("app:notice", DATA, to_user=NAME), or conversation=ID, or everyone=True.
"""


def names() -> dict[str, Any]:
    """`models`, `services` and `schemas` with every module of theirs, `emit` and what else is at hand."""
    for package in (services, schemas):
        for module in pkgutil.iter_modules(package.__path__):
            _import(f"{package.__name__}.{module.name}")
    if not settings.redis_url:
        _hand_over_what_is_emitted()
    click.echo(BANNER + _reach(), err=True)
    return {
        "models": models,
        "services": services,
        "schemas": schemas,
        "db": db,
        "socketio": socketio,
        "settings": settings,
        "emit": emit,
    }


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)


def _reach() -> str:
    """Through what browsers are reached."""
    if settings.redis_url:
        return "Browsers are reached through REDIS_URL."
    ports = publisher.servers()
    if ports:
        return f"Browsers are reached through the server on port {', '.join(map(str, ports))}."
    return "No server of this DATA_DIR runs here: browsers see what is stored, within a second, and no events."


def emit(
    event: str,
    data: object = None,
    *,
    conversation: str | models.Conversation | None = None,
    to_user: str | models.User | None = None,
    everyone: bool = False,
) -> bool:
    """Send `app:…` to a conversation's room, a user (by id, username or row) or everyone who is connected.

    Returns whether there was a server to tell. Raises ValueError saying what is wrong.
    """
    to = {"conversationId": _id(conversation), "userId": _id(to_user), "all": everyone or None}
    try:
        return relaying.announce(parse(RelayEmit, {"event": event, "data": data, "to": to}))
    except ChatError as error:
        fields = [f"{name}: {text}" for name, text in (error.fields or {}).items()]
        raise ValueError("; ".join(fields) or error.message) from None


def _id(named: str | models.Conversation | models.User | None) -> str | None:
    return named if isinstance(named, str) or named is None else named.id


class _HandingOver(library.Manager):  # type: ignore[misc]
    """Rooms of a process without sockets: what `socketio.emit` sends goes to the servers beside it."""

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: str | list[str] | None = None,
        skip_sid: str | list[str] | None = None,
        callback: Any = None,
        to: str | list[str] | None = None,
        ignore_queue: bool = False,
        **_: Any,
    ) -> None:
        """See python-socketio. What is for this process's own sockets (`ignore_queue`) is for nobody."""
        if not ignore_queue:
            arguments = data if isinstance(data, tuple) else () if data is None else (data,)
            publisher.broadcast(Broadcast(event, arguments, _several(to or room), _several(skip_sid)))


def _several(names: str | list[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _hand_over_what_is_emitted() -> None:
    manager = _HandingOver()
    manager.set_server(socketio.server)
    socketio.server.manager = manager
