"""The catalogue of errors: what a client may be told, and nothing else. Rendered by `blueprints` and by `sockets`."""

from __future__ import annotations

from typing import Any

STATUS = {
    "token_required": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "invalid_credentials": 401,
    "account_disabled": 401,
    "not_a_participant": 403,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "validation_failed": 422,
    "rate_limited": 429,
    "unavailable": 503,
    "internal": 500,
    "unknown_event": 400,
}
"""HTTP status of each code (protocol.md, conventions). `unknown_event` exists on sockets only."""

TOKEN_REQUIRED_TEXT = "Authentication token required"  # noqa: S105 (a text, no token)
AUTHENTICATION_FAILED_TEXT = "Authentication failed"
NOT_A_PARTICIPANT_TEXT = "You are not a participant in this conversation"


class ChatError(Exception):
    """A refusal that the client is told: a code of the catalogue, a text, and what helps to mend it.

    `fields` gives each bad field and what is wrong with it; `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: dict[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.fields = fields
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return STATUS[self.code]

    def body(self) -> dict[str, Any]:
        """What both renderers send."""
        body: dict[str, Any] = {"error": self.code, "message": self.message}
        if self.fields:
            body["fields"] = self.fields
        if self.retry_after is not None:
            body["retryAfter"] = self.retry_after
        return body


def token_required() -> ChatError:
    """No token was given."""
    return ChatError("token_required", TOKEN_REQUIRED_TEXT)


def token_invalid() -> ChatError:
    """The token is not one of ours, was taken back, or names nobody."""
    return ChatError("token_invalid", AUTHENTICATION_FAILED_TEXT)


def token_expired() -> ChatError:
    """The token was good once."""
    return ChatError("token_expired", AUTHENTICATION_FAILED_TEXT)


def account_disabled() -> ChatError:
    """The user has been switched off by an administrator."""
    return ChatError("account_disabled", AUTHENTICATION_FAILED_TEXT)


def not_a_participant() -> ChatError:
    """The conversation is not the caller's to see, or does not exist: one answer for both."""
    return ChatError("not_a_participant", NOT_A_PARTICIPANT_TEXT)


def not_found(what: str, field: str | None = None) -> ChatError:
    """There is no such thing, or the caller may not see it: one answer for both. `field` is where its id stood."""
    return ChatError("not_found", f"{what} not found", fields={field: f"{what} not found"} if field else None)


def forbidden(message: str) -> ChatError:
    """The caller may see it, but not do that with it."""
    return ChatError("forbidden", message)


def conflict(message: str, **fields: str) -> ChatError:
    """It clashes with what is there."""
    return ChatError("conflict", message, fields=fields or None)


def invalid(**fields: str) -> ChatError:
    """Bad fields, each with what is wrong with it."""
    return ChatError("validation_failed", "Some fields are not valid: " + ", ".join(fields), fields=fields)


def unavailable() -> ChatError:
    """The database takes nothing just now; nothing was stored, and trying again is right."""
    return ChatError("unavailable", "The server cannot store anything just now; try again", retry_after=1)


def internal() -> ChatError:
    """Our mistake: the log has it under the request's id."""
    return ChatError("internal", "Something went wrong on the server")
