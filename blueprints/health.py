"""At the root: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services import health

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """The database and the relay can be reached; 503 with the reasons where they cannot."""
    problems = health.problems()
    if problems:
        return jsonify(status="unavailable", reasons=problems), 503
    return jsonify(status="ok"), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus."""
    health.measure()
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
