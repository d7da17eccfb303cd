"""`/api/relay`: programs that hold no socket publish, by a service token; and a process beside the server."""

from __future__ import annotations

from flask import Blueprint, g, request
from flask_openapi3 import APIBlueprint, Tag

from blueprints.requests import bearer
from extensions import limiter
from realtime.loopback import CALL, SIGNATURE
from schemas.messages import MessageOut
from schemas.relay import RelayEmit, RelayEmitted, RelayKey, RelayMessage
from services import relaying, service_tokens
from services.service_tokens import Service
from settings import settings

api = APIBlueprint(
    "relay", __name__, url_prefix="/api/relay", abp_tags=[Tag(name="relay", description="Publishing without a socket")]
)

local = Blueprint("local", __name__)
"""What is no part of the API: a `flask` command hands over what it has committed (realtime/loopback.py)."""


@api.before_request
def require_service() -> None:
    """Only service tokens open these calls. Raises ChatError."""
    if request.method != "OPTIONS":
        g.service = service_tokens.authenticate(bearer())


def _service() -> Service:
    """The caller."""
    caller: Service = g.service
    return caller


calls = limiter.shared_limit(f"{settings.relay_per_minute} per minute", "relay", key_func=lambda: _service().id)
"""Each token has an allowance of its own, for both calls together."""


@api.post("/emit", responses={202: RelayEmitted})
@calls
def emit(header: RelayKey, body: RelayEmit) -> tuple[dict[str, object], int]:
    """Send an event of your own (`app:…`) to a conversation, a user or everybody."""
    return {"duplicate": relaying.emit(_service(), body, header.idempotency_key)}, 202


@api.post("/messages", responses={201: MessageOut, 200: MessageOut})
@calls
def send(body: RelayMessage) -> tuple[dict[str, object], int]:
    """Send a message in a participant's name; 200 where its `temp_id` was sent before."""
    sent = relaying.send(_service(), body)
    return sent.message, 200 if sent.duplicate else 201


@local.post(CALL)
def take_over() -> tuple[str, int]:
    """Publish what a process of this machine hands over."""
    request.get_json()  # bounds the body
    relaying.take_over(request.headers.get(SIGNATURE), request.get_data())
    return "", 204
