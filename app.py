"""The front door: `create_app`, and under `python app.py` the server.

Nothing of ours imports this file but the `flask` command and the tests: under `python app.py` it is `__main__`, and an
import by name would make a second application whose handlers the running server does not have.
"""

from __future__ import annotations

if __name__ == "__main__":
    import gc

    import runtime
    from settings import settings as _settings

    if _settings.processes > 1 and runtime.place.alone:
        import starting

        starting.several(__file__)  # does not return
    gc.disable()  # what imports make stays: to walk it again and again is a fifth of the time of a start
    if _settings.async_mode == "eventlet":
        runtime.patch()

import gc
import random
import sys
import time
from functools import partial
from typing import Any

import flask_migrate
from flask_openapi3 import Info, OpenAPI
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import configure_mappers
from werkzeug.middleware.proxy_fix import ProxyFix

import blueprints
import commands
import logs
import models
import runtime
import sockets
import starting
from blueprints.errors import on_validation_error
from engine.accept import Reception
from extensions import db, limiter, migrate, socketio
from origins import socket_origin_allowed
from realtime import standing
from realtime.connections import connections, emit, hang_up
from realtime.expiry import CHECK_SECONDS, expiry
from realtime.handover import handover
from realtime.publishing import publisher
from realtime.rooms import COMPARE_SECONDS, rooms
from schemas.sockets import Failure
from services import claims, nodes, tokens
from settings import PROJECT, VERSION, settings

RECONNECT_MS = (500, 5000)
"""Between which a client comes back after a planned restart; each gets another, so that they do not come at once."""

ANNOUNCE_SECONDS = 1.0
"""How long clients that poll are given to fetch that announcement."""

AT_ONCE = 32
"""Clients that lose their connection in one turn of the loop when the server ends."""

COLLECTED = (5_000, 50, 100)
"""When Python looks for garbage in cycles, of which we make next to none. A connection is some 60 objects that stay;
with the defaults (700, 10, 10) a herd of them spends a third of its time on walking them again and again."""

CHECKPOINT_SECONDS = 0.25
"""How often it is looked whether SQLite's log has grown."""

SECURITY: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "serviceToken": {"type": "http", "scheme": "bearer", "description": "Made by `flask relay token`."},
    "actAs": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Act-As",
        "description": "The id of the user for whom a service token does this.",
    },
}


def create_app() -> OpenAPI:
    """The application, bound to its database and its sockets; nothing runs yet."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = OpenAPI(
        "parley",
        root_path=str(PROJECT),
        static_folder=None,
        info=Info(title="Parley", version=VERSION),
        security_schemes=SECURITY,
        responses={"422": Failure, "401": Failure},
        validation_error_callback=on_validation_error,
        validation_error_model=Failure,
        doc_ui=False,
    )
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_uri,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(),
        RATELIMIT_ENABLED=settings.rate_limits,
        RATELIMIT_STORAGE_URI=nodes.limits_uri(),
    )
    db.init_app(app)
    migrate.init_app(app, db, directory=str(PROJECT / "migrations"))
    limiter.init_app(app)
    with app.app_context():
        models.store.bind(db.engine)
    _init_sockets(app)
    blueprints.register(app)
    commands.register(app)
    publisher.stand_beside()
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    return app


def _engine_options() -> dict[str, object]:
    if not settings.database_url:
        return {"connect_args": {"check_same_thread": False}}
    return {"pool_pre_ping": True, "pool_size": settings.database_pool, "max_overflow": 0}


def _init_sockets(app: OpenAPI) -> None:
    """Socket.IO in the same WSGI process. `app.extensions["socketio"]` is what the guide calls `app.get('io')`."""
    fast = runtime.green() and settings.engine == "fast"
    socketio.init_app(
        app,
        fast=fast,
        recovery=fast and settings.recovery_bytes > 0,
        async_mode="eventlet" if runtime.green() else "threading",
        async_handlers=False,
        cors_allowed_origins=socket_origin_allowed,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_http_buffer_size=settings.packet_max_bytes,
        transports=list(settings.transports),
        manage_session=False,
        http_compression=False,
        logger=logs.library("socketio"),
        engineio_logger=logs.library("engineio"),
        **nodes.socket_options(fast),
    )
    sockets.register()


def serve() -> None:
    """Migrate, listen, and serve until SIGTERM."""
    place = runtime.place
    logs.configure(None if place.alone else place.number)
    started = time.perf_counter()
    runtime.make_room()
    try:
        migrates = place.await_turn()
        app = create_app()
        claims.secret()
        if migrates:
            with app.app_context():
                flask_migrate.upgrade()
        listener = place.door() or runtime.listen(settings.host, settings.port)
        publisher.serve(settings.host, listener.getsockname()[1])
    except (OSError, RuntimeError, OperationalError) as error:
        sys.exit(f"Parley cannot start: {_sentence(error)}")
    nodes.start()
    runtime.every(COMPARE_SECONDS, rooms.compare)
    runtime.every(CHECKPOINT_SECONDS, models.store.checkpoint)
    runtime.every(CHECK_SECONDS, expiry.check)
    runtime.every(standing.CHECK_SECONDS, tokens.recheck)
    _warm_up()
    greeting = partial(starting.greet, listener.getsockname()[1], started)
    life = runtime.Life(
        on_ready=greeting if place.alone else place.serves,
        on_signal=announce,
        on_stop=drain,
        stop_seconds=settings.drain_seconds + 0.5,
        impatient=place.alone,
    )
    reception = Reception(app, settings.connect_seconds) if settings.engine == "fast" else None
    runtime.serve(listener, app, life, reception.open if reception is not None else None)
    nodes.stop()
    publisher.stop()
    models.store.close()


def _warm_up() -> None:
    """Do now, while nobody waits, what the first client would wait for: 40 ms."""
    configure_mappers()
    runtime.run_blocking(bool)  # its threads are made by the first call
    gc.collect()
    gc.freeze()  # what start-up made stays; the collector need not walk it again
    gc.set_threshold(*COLLECTED)
    gc.enable()


def _sentence(error: Exception) -> str:
    """What an operator needs to know of an error at the start, in one line."""
    if isinstance(error, OperationalError):
        lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
        return f"the database cannot be opened: {'. '.join(lines)}"
    if not isinstance(error, OSError):
        return str(error)
    if not error.filename:
        return starting.not_listening(error)
    return f"{error.filename}: {error.strerror}. DATA_DIR says where everything is kept."


def announce() -> None:
    """Tell clients when to come back, while those that poll can still ask."""
    for connection in connections.present():
        emit("server:draining", {"reconnectAfterMs": random.randint(*RECONNECT_MS)}, to=connection.sid)
    deadline = time.monotonic() + ANNOUNCE_SECONDS
    while socketio.server.polls_waiting() and time.monotonic() < deadline:
        runtime.sleep(0.02)


def drain() -> None:
    """Say goodbye: what is under way finishes, then every client loses its connection, and comes back by itself."""
    sockets.chat.wait_idle(settings.drain_seconds)
    runtime.sleep(0)
    for number, connection in enumerate(connections.all(), 1):
        handover.leave_behind(connection)
        hang_up(connection)
        if number % AT_ONCE == 0:
            runtime.sleep(0)
    sockets.chat.wait_idle(1.0)


if __name__ == "__main__":
    serve()
