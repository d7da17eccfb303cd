"""What every request has: an id, an origin that was checked, a caller, and a body that is JSON whatever it says."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from models import new_id
from origins import is_allowed
from schemas.errors import AUTHENTICATION_FAILED_TEXT, ChatError, invalid
from services import service_tokens
from services.tokens import Principal, authenticate
from settings import settings

log = logging.getLogger("parley.http")

METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
HEADERS = "Authorization, Content-Type, X-Upload-Id, X-Act-As"
PREFLIGHT_SECONDS = 600


UNREADABLE = (OSError, ValueError)
"""What reading a body raises where its chunks are not what they say, or end too soon."""


class JsonRequest(Request):
    """A request whose JSON is read under any Content-Type: the guide's own PUT example sends none."""

    def __init__(self, environ: dict[str, Any], *args: Any, **options: Any) -> None:
        super().__init__(environ, *args, **options)
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            # Every server that runs us takes the chunks apart; eventlet's does not say so.
            environ["wsgi.input_terminated"] = True

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> dict[str, Any]:
        """The body, an object; an empty one where there is none. Raises ChatError `too_large`, `validation_failed`."""
        self.max_content_length = settings.packet_max_bytes + 1  # of a body in chunks it reads no more than that
        try:
            data = self.get_data(cache=cache)
            if len(data) > settings.packet_max_bytes:
                raise RequestEntityTooLarge
            body = json.loads(data, parse_constant=_no_constant) if data.strip() else {}
        except RequestEntityTooLarge:
            raise ChatError("too_large", "The body is too large") from None
        except (*UNREADABLE, RecursionError, ClientDisconnected):
            raise invalid(body="is not valid JSON") from None
        if not isinstance(body, dict):
            raise invalid(body="must be an object")
        return body


def _no_constant(name: str) -> None:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not have (RFC 8259, section 6)."""
    raise ValueError(name)


def bearer() -> str | None:
    """The request's token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def require_user() -> None:
    """A `before_request` of every blueprint that is not open to all. Raises ChatError."""
    if request.method != "OPTIONS":
        g.principal = _caller(bearer(), request.headers.get("X-Act-As"))


def _caller(token: str | None, user_id: str | None) -> Principal:
    """Whose token it is; or the user whom a service acts as, which must be said (protocol.md, `X-Act-As`)."""
    if user_id is not None:
        return service_tokens.act_as(service_tokens.authenticate(token), user_id)
    if service_tokens.is_service_token(token):
        fields = {"X-Act-As": "must name the user for whom a service token does this"}
        raise ChatError("token_invalid", AUTHENTICATION_FAILED_TEXT, fields=fields)
    return authenticate(token)


def principal() -> Principal:
    """The caller, on a blueprint with `require_user`."""
    caller: Principal = g.principal
    return caller


def me() -> str:
    """The caller's user id."""
    return principal().user_id


def init_app(app: Flask) -> None:
    """Request ids, CORS and a line in the log for each request."""
    app.request_class = JsonRequest

    @app.before_request
    def begin() -> Response | None:
        g.request_id, g.started = new_id(), time.perf_counter()
        return Response(status=204) if request.method == "OPTIONS" else None

    @app.after_request
    def finish(response: Response) -> Response:
        _allow_origin(response)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        extra = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "request_id": g.get("request_id"),
            "ms": round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 2),
        }
        log.info("request", extra=extra)
        return response


def _allow_origin(response: Response) -> None:
    """CORS headers for an origin that is allowed; a refused one gets none (protocol.md, origins)."""
    origin = request.headers.get("Origin")
    response.headers.add("Vary", "Origin")
    if origin is None or not is_allowed(origin, request.host):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = "X-Request-Id"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
