"""`/api/auth`: accounts and logins. Open to all; guessing is limited."""

from __future__ import annotations

from flask import Response, request
from flask_openapi3 import APIBlueprint, Tag

from blueprints.requests import bearer
from extensions import limiter
from schemas.errors import ChatError
from schemas.users import Login, Logout, Refresh, Register, SessionOut
from services import auth
from services.tokens import authenticate

api = APIBlueprint("auth", __name__, url_prefix="/api/auth", abp_tags=[Tag(name="auth", description="Logins")])

GUESSES = "10 per minute"
"""Failed logins for one name from one address; successful ones do not count."""

NEW_ACCOUNTS = "300 per hour"


def _failed(response: Response) -> bool:
    return response.status_code == 401


def _name_and_address() -> str:
    body: dict[str, object] = request.get_json()
    name = str(body.get("username")).casefold()[:254]
    return f"{request.remote_addr} {name}"


@api.post("/register", responses={201: SessionOut})
@limiter.limit(NEW_ACCOUNTS)
def register(body: Register) -> tuple[dict[str, object], int]:
    """Make an account and log in."""
    return auth.register(body), 201


@api.post("/login", responses={200: SessionOut})
@limiter.limit(GUESSES, key_func=_name_and_address, deduct_when=_failed)
def login(body: Login) -> dict[str, object]:
    """Log in with a name or an e-mail address."""
    return auth.login(body)


@api.post("/refresh", responses={200: SessionOut})
def refresh(body: Refresh) -> dict[str, object]:
    """Spend a refresh token for a fresh pair; a spent one ends its whole family."""
    return auth.refresh(body)


@api.post("/logout", responses={204: None})
def logout(body: Logout) -> tuple[str, int]:
    """End sessions and close the sockets that they opened."""
    token = bearer()
    try:
        principal = authenticate(token) if token is not None else None
    except ChatError:
        if body.refresh_token is None:
            raise
        principal = None
    auth.logout(body, principal)
    return "", 204
