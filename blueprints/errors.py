"""The catalogue's REST renderer: every error that leaves here is one of ours, and the log has the rest."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, jsonify
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable, RequestEntityTooLarge, TooManyRequests
from werkzeug.wrappers import Response as WerkzeugResponse

from schemas.base import refusal
from schemas.errors import ChatError, internal

log = logging.getLogger("parley.http")


def render(error: ChatError) -> Response:
    """An error as a REST answer."""
    response = jsonify(error.body())
    response.status_code = error.status
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def on_validation_error(error: ValidationError) -> Response:
    """What flask-openapi3 answers for a body, query or path that is not valid."""
    return render(refusal(error))


def init_app(app: Flask) -> None:
    """Catch everything."""

    @app.errorhandler(ChatError)
    def chat_error(error: ChatError) -> Response:
        if error.status >= 500:
            log.warning("request failed", extra={"error": error.code, "request_id": g.get("request_id")})
        return render(error)

    @app.errorhandler(TooManyRequests)
    def too_many(_error: TooManyRequests) -> Response:
        return render(ChatError("rate_limited", "Too many attempts; try again later", retry_after=60))

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> WerkzeugResponse:
        if isinstance(error.response, WerkzeugResponse):
            return error.response
        if isinstance(error, RequestEntityTooLarge):
            return render(ChatError("too_large", "The body is too large"))
        if isinstance(error, RequestedRangeNotSatisfiable):
            response = render(ChatError("validation_failed", "The file has no such range"))
            response.status_code = 416
            response.headers["Content-Range"] = f"bytes */{error.length}"
            return response
        if error.code in (404, 405):
            return render(ChatError("not_found", "There is no such call"))
        return render(ChatError("validation_failed", "The request cannot be read"))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("request failed", extra={"request_id": g.get("request_id")}, exc_info=error)
        return render(internal())
