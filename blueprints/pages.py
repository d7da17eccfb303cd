"""The pages: `/` to chat, `/console` to try every event, and the files that they are made of."""

from __future__ import annotations

import functools
import json
import secrets
from typing import Any

from flask import Blueprint, Response, make_response, send_from_directory

from settings import PROJECT

blueprint = Blueprint("pages", __name__)

WEB = PROJECT / "web"
MARK = "<!-- importmap -->"


@functools.cache
def _page(name: str) -> str:
    return (WEB / name).read_text()


@functools.cache
def _modules() -> dict[str, Any]:
    modules: dict[str, Any] = json.loads((WEB / "vendor.json").read_text())
    return modules


def _import_map() -> tuple[dict[str, Any], list[str]]:
    """The browser's modules: from this server where set-up put them, else from a CDN with their hashes."""
    imports, integrity, hosts = {}, {}, []
    for name, module in _modules().items():
        if (WEB / "vendor" / module["file"]).is_file():
            imports[name] = f"/vendor/{module['file']}"
        else:
            imports[name] = module["url"]
            integrity[module["url"]] = module["integrity"]
            hosts.append("/".join(module["url"].split("/")[:3]))
    return {"imports": imports, "integrity": integrity}, sorted(set(hosts))


def _render(name: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    import_map, hosts = _import_map()
    script = f'<script type="importmap" nonce="{nonce}">{json.dumps(import_map)}</script>'
    response = make_response(_page(name).replace(MARK, script))
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", f"'nonce-{nonce}'", *hosts]),
        "style-src": "'self'",
        "img-src": "'self' blob: data: https:",
        "media-src": "'self' blob:",
        "connect-src": "'self' ws: wss:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
    }
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@blueprint.get("/")
def chat() -> Response:
    """The chat."""
    return _render("index.html")


@blueprint.get("/console")
def console() -> Response:
    """The test client."""
    return _render("console.html")


@blueprint.get("/favicon.svg")
def favicon() -> Response:
    """The icon."""
    return send_from_directory(WEB, "favicon.svg", max_age=86_400)


@blueprint.get("/<any('parley.js', 'parley.d.ts'):name>")
def library(name: str) -> Response:
    """The client library, for this page and for anybody's."""
    response = send_from_directory(WEB, name, conditional=True)
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/<any(js, css, vendor, parley):folder>/<path:name>")
def asset(folder: str, name: str) -> Response:
    """A script or a style; browsers ask again whether it changed."""
    response = send_from_directory(WEB / folder, name, conditional=True)
    response.headers["Cache-Control"] = "no-cache"
    return response
