"""The start of `python app.py`: whether it becomes several processes, and what it tells whoever started it."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import NoReturn

import logs
import runtime
from settings import settings

FAREWELL_SECONDS = 4.0
"""What a process takes to end, at most, besides the requests under way: clients that poll are told, sockets closed,
what is queued for the other nodes is sent. With `DRAIN_SECONDS` at its longest a host's 30 s are kept."""


def several(program: str) -> NoReturn:
    """Be the parent of `settings.processes` processes of `program`, until they have ended."""
    logs.configure()
    count, started = settings.processes, time.perf_counter()
    try:
        status = runtime.several(
            Path(program),
            settings.host,
            settings.port,
            count,
            on_ready=partial(greet, started=started, processes=count),
            stop_seconds=settings.drain_seconds + FAREWELL_SECONDS,
        )
    except OSError as error:
        sys.exit(f"Parley cannot start: {not_listening(error)}")
    sys.exit(status)


def not_listening(error: OSError) -> str:
    """Why the port cannot be had, in a sentence."""
    return f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}."


def greet(port: int, started: float, processes: int = 1) -> None:
    """The first-run hint, and whatever an operator should know before it hurts. `started` by `time.perf_counter()`."""
    shown = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 (shown, not bound)
    crowd = f" with {processes} processes" if processes > 1 else ""
    seconds = time.perf_counter() - started
    print(f"Parley is listening on http://{shown}:{port}{crowd}", f"(ready in {seconds:.1f} s)", flush=True)
    if settings.environment == "development":
        print("Open it in a browser, register, then open a private window and register a second person to chat with.")
        print(f"Everything is kept in {settings.data_dir}. Stop with Ctrl-C.", flush=True)
    if settings.dyno and not settings.database_url:
        print(
            "WARNING: no DATABASE_URL on a dyno. The embedded database and all uploads will be LOST whenever the dyno "
            "restarts. Attach a PostgreSQL.",
            file=sys.stderr,
            flush=True,
        )
    if settings.web_concurrency > processes:
        print(
            f"Parley serves with one process. WEB_CONCURRENCY={settings.web_concurrency} is not used: "
            f"{', '.join(settings.against_several())}.",
            flush=True,
        )
