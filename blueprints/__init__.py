"""HTTP in and out: parse, call one service, answer."""

from __future__ import annotations

from flask_openapi3 import OpenAPI

from blueprints import auth, conversations, docs, errors, files, health, messages, pages, relay, requests, users


def register(app: OpenAPI) -> None:
    """Put every call at its address."""
    requests.init_app(app)
    errors.init_app(app)
    for module in (auth, users, conversations, messages, files, relay):
        app.register_api(module.api)
    for blueprint in (health.blueprint, docs.blueprint, pages.blueprint, relay.local):
        app.register_blueprint(blueprint)
