"""`/docs` and the documents behind it: generated from the code's own schemas, served without a CDN."""

from __future__ import annotations

import copy
import functools
import html
import re
import secrets
from pathlib import Path
from typing import Any, cast

import flask_openapi3_swagger
from flask import Blueprint, Response, current_app, jsonify, make_response, send_from_directory
from flask_openapi3 import OpenAPI
from pydantic import BaseModel

from schemas.asyncapi import TOLD, document
from schemas.base import wire_name
from schemas.sockets import CLIENT_EVENTS, Failure
from schemas.typescript import declarations
from settings import VERSION

blueprint = Blueprint("docs", __name__)

ASSETS = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
"""Swagger UI, from its wheel."""

FAILURE: dict[str, Any] = {
    "description": "Refused: the code in `error`, a text in `message`, bad fields in `fields`",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
}

OPEN: dict[str, list[dict[str, list[str]]]] = {
    "/api/auth/register": [],
    "/api/auth/login": [],
    "/api/auth/refresh": [],
    "/api/auth/logout": [{"token": []}, {}],
}
"""Calls that need no token."""

OF_USERS: list[dict[str, list[str]]] = [{"token": []}, {"serviceToken": [], "actAs": []}]
OF_SERVICES: list[dict[str, list[str]]] = [{"serviceToken": []}]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley, the calls and events</title><link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/docs/assets/css/swagger-ui.css">
<style>body{{margin:0;font-family:system-ui,sans-serif}}
section{{max-width:1460px;margin:0 auto;padding:0 20px 40px}}
th{{text-align:left}}td,th{{padding:4px 16px 4px 0;vertical-align:top}}td code{{white-space:nowrap}}
pre{{margin:0 0 16px}}pre:target{{outline:2px solid;outline-offset:6px}}</style></head>
<body><div id="calls"></div>
<section id="events"><h2>Socket.IO events</h2>
<p>For programs: <a href="/api/asyncapi.json">/api/asyncapi.json</a> (AsyncAPI 3.0), for TypeScript
<a href="/parley.d.ts">/parley.d.ts</a>. The REST calls: <a href="/api/openapi.json">/api/openapi.json</a>.
To try events: <a href="/console">/console</a>.</p>
<h3>Sent by clients</h3>
<table><tr><th>Event</th><th>What it does</th><th>Payload</th><th>Acknowledgement</th></tr>{client}</table>
<p>What is refused is acknowledged with {failure} and <code>ok: false</code>.</p>
<h3>Sent by the server</h3><table><tr><th>Event</th><th>What it tells</th><th>Payload</th></tr>{server}</table>
<h3>Their types</h3>{types}</section>
<script src="/docs/assets/js/swagger-ui-bundle.js"></script>
<script nonce="{nonce}">
SwaggerUIBundle({{url: "/api/openapi.json", dom_id: "#calls", deepLinking: true, validatorUrl: null}});
</script></body></html>
"""


@blueprint.get("/api/openapi.json")
def openapi() -> Response:
    """The REST calls."""
    return jsonify(_openapi(cast(OpenAPI, current_app)))


def _openapi(app: OpenAPI) -> dict[str, Any]:
    """flask-openapi3's document, with what holds for every call: its errors, and the token."""
    document: dict[str, Any] = copy.deepcopy(app.api_doc)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            # It would say that a refused call answers a list of failures.
            del operation["responses"]["422"]
            operation["responses"]["default"] = FAILURE
            operation["security"] = OPEN.get(path, OF_SERVICES if path.startswith("/api/relay/") else OF_USERS)
            for status, answer in operation["responses"].items():
                if path.startswith("/api/files/") and status == "200":
                    answer["content"] = {"*/*": {}}
    document["paths"] = {_wire_path(path): operations for path, operations in document["paths"].items()}
    return document


def _wire_path(path: str) -> str:
    """The path with its parameters named as they are declared, and as errors name them."""
    return re.sub(r"{(\w+)}", lambda found: "{" + wire_name(found[1]) + "}", path)


@blueprint.get("/api/asyncapi.json")
def asyncapi() -> Response:
    """The Socket.IO events."""
    return jsonify(document(VERSION))


@blueprint.get("/docs")
def page() -> Response:
    """Both, to read and to try."""
    nonce = secrets.token_urlsafe(16)
    client = "".join(
        _row(name, event.summary, event.payload, event.acknowledgement) for name, event in CLIENT_EVENTS.items()
    )
    server = "".join(_row(name, (model.__doc__ or "").strip(), model) for name, model in TOLD.items())
    parts = {"client": client, "server": server, "failure": _link(Failure), "types": _types()}
    response = make_response(PAGE.format(nonce=nonce, **parts))
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
    )
    return response


def _row(name: str, summary: str, *models: type[BaseModel]) -> str:
    cells = [f"<code>{html.escape(name)}</code>", html.escape(summary), *map(_link, models)]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _link(model: type[BaseModel]) -> str:
    return f'<a href="#{model.__name__}"><code>{model.__name__}</code></a>'


@functools.cache
def _types() -> str:
    """The declarations of what events carry, and of all that is in it."""
    wanted = document(VERSION)["components"]["schemas"]
    return "".join(
        f'<pre id="{name}">{html.escape(text)}</pre>' for name, text in declarations().items() if name in wanted
    )


@blueprint.get("/docs/assets/<path:name>")
def asset(name: str) -> Response:
    """A file of Swagger UI."""
    return send_from_directory(ASSETS, name, max_age=86_400)
