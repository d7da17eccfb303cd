"""The Socket.IO side as an AsyncAPI 3.0 document, generated from the tables in `schemas.sockets`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.relay import APP_EVENTS, AppEvent
from schemas.sockets import CLIENT_EVENTS, SERVER_EVENTS, Failure

REF = "#/components/schemas/{model}"

TOLD: dict[str, type[BaseModel]] = {**SERVER_EVENTS, APP_EVENTS: AppEvent}
"""All that comes from the server: its own events, and those of applications."""


def document(version: str) -> dict[str, Any]:
    """The AsyncAPI document of this version of Parley."""
    models: dict[type[BaseModel], None] = {Failure: None}
    for event in CLIENT_EVENTS.values():
        models |= {event.payload: None, event.acknowledgement: None}
    models |= dict.fromkeys(TOLD.values())
    _, schemas = models_json_schema([(model, "validation") for model in models], by_alias=True, ref_template=REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parley, Socket.IO",
            "version": version,
            "description": "Connect with `auth: {token}` at path `/socket.io`, namespace `/`. "
            "Every client event may carry an acknowledgement callback.",
        },
        "channels": {"root": {"address": "/", "messages": _messages()}},
        "operations": _operations(),
        "components": {"schemas": schemas["$defs"]},
    }


def _messages() -> dict[str, Any]:
    messages: dict[str, Any] = {}
    for name, event in CLIENT_EVENTS.items():
        messages[f"client {name}"] = {"name": name, "summary": event.summary, "payload": _ref(event.payload)}
        messages[f"acknowledgement {name}"] = {
            "name": f"acknowledgement of {name}",
            "payload": {"oneOf": [_ref(event.acknowledgement), _ref(Failure)]},
        }
    for name, model in TOLD.items():
        messages[f"server {name}"] = {
            "name": name,
            "summary": (model.__doc__ or "").strip(),
            "payload": _ref(model),
        }
    return messages


def _operations() -> dict[str, Any]:
    channel = {"$ref": "#/channels/root"}
    operations: dict[str, Any] = {}
    for name in CLIENT_EVENTS:
        operations[f"receive {name}"] = {
            "action": "receive",
            "channel": channel,
            "messages": [_message(f"client {name}")],
            "reply": {"channel": channel, "messages": [_message(f"acknowledgement {name}")]},
        }
    for name in TOLD:
        operations[f"send {name}"] = {
            "action": "send",
            "channel": channel,
            "messages": [_message(f"server {name}")],
        }
    return operations


def _message(key: str) -> dict[str, str]:
    return {"$ref": f"#/channels/root/messages/{key.replace('~', '~0').replace('/', '~1')}"}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
