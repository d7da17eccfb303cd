"""Every body, payload and answer as TypeScript: `web/parley.d.ts`, which `bin/types` writes."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import textwrap
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import schemas
from schemas.base import Path, Wire
from schemas.relay import APP_PREFIX, AppEvent
from schemas.sockets import CLIENT_EVENTS, SERVER_EVENTS

REF = "#/$defs/"

HEADER = """\
// Written by bin/types from the schemas in schemas/. What this file says is changed there.

export * from './parley/client.js';
"""

PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}

LINE = 110
"""Characters at most in a line of a comment."""


def document() -> str:
    """The whole file."""
    return "\n".join([HEADER, *declarations().values(), _client_events(), _server_events()])


def declarations() -> dict[str, str]:
    """Each type by its name, in the order of these."""
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in models()]
    _, found = models_json_schema(wanted, by_alias=True, ref_template=f"{REF}{{model}}")
    definitions: dict[str, dict[str, Any]] = found["$defs"]
    return {name: _declaration(name, definitions[name]) for name in sorted(definitions)}


def models() -> list[type[BaseModel]]:
    """Every model that crosses the wire, but those of addresses, in the order of their names."""
    names = [f"{schemas.__name__}.{module.name}" for module in pkgutil.iter_modules(schemas.__path__)]
    found = {
        value
        for name in names
        if name != __name__
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ in names
        and "[" not in value.__name__
    }
    wanted = {model for model in found if model.__module__ != Wire.__module__ and not issubclass(model, Path)}
    return sorted(wanted, key=lambda model: model.__name__)


def _declaration(name: str, schema: dict[str, Any]) -> str:
    comment = _comment(schema.get("description", ""))
    if "properties" not in schema:
        return f"{comment}export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", ()))
    lines = []
    for field, kind in schema["properties"].items():
        mark = "" if field in required or "const" in kind else "?"
        lines.append(f"  {field}{mark}: {_type(kind)};\n")
    return f"{comment}export interface {name} {{\n{''.join(lines)}}}\n"


def _comment(text: str) -> str:
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, LINE)]
    if len(lines) <= 1:
        return f"/** {lines[0]} */\n" if lines else ""
    return "".join(["/**\n", *(f" * {line}\n" for line in lines), " */\n"])


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema of those that our models make. Raises ValueError for any other."""
    if "$ref" in schema:
        text = str(schema["$ref"]).removeprefix(REF)
    elif "anyOf" in schema:
        text = " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    elif "const" in schema or "enum" in schema:
        text = " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    elif "type" not in schema:
        text = "unknown"
    elif schema["type"] == "array":
        text = f"Array<{_type(schema['items'])}>"
    elif schema["type"] == "object":
        text = f"Record<string, {_type(schema.get('additionalProperties') or {})}>"
    elif schema["type"] in PLAIN:
        text = PLAIN[schema["type"]]
    else:
        raise ValueError(f"no TypeScript for {schema}")
    return text


def _client_events() -> str:
    lines = [
        "/** What clients send: the payload and the acknowledgement of each event. */\n",
        "export interface ClientEvents {\n",
    ]
    for name, event in CLIENT_EVENTS.items():
        types = f"payload: {event.payload.__name__}; answer: {event.acknowledgement.__name__} | Refusal"
        lines.append(f"  /** {event.summary}. */\n  {json.dumps(name)}: {{ {types} }};\n")
    return "".join([*lines, "}\n", REFUSAL])


REFUSAL = """
/** The acknowledgement of what was refused. */
export interface Refusal extends Failure {
  ok: false;
}

/** For socket.io-client: `Socket<ServerToClientEvents, ClientToServerEvents>`. */
export type ClientToServerEvents = {
  [Name in keyof ClientEvents]: (
    payload: ClientEvents[Name]['payload'],
    acknowledge?: (answer: ClientEvents[Name]['answer']) => void,
  ) => void;
};

export type ServerToClientEvents = {
  [Name in keyof ServerEvents]: (payload: ServerEvents[Name]) => void;
};
"""


def _server_events() -> str:
    lines = ["/** What the server sends. */\n", "export interface ServerEvents {\n"]
    lines += [f"  {json.dumps(name)}: {model.__name__};\n" for name, model in SERVER_EVENTS.items()]
    lines.append(f"  [event: `{APP_PREFIX}${{string}}`]: {AppEvent.__name__};\n")
    return "".join([*lines, "}\n"])


if __name__ == "__main__":
    sys.stdout.write(document())
