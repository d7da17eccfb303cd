"""The namespace `/`: every event comes in here, is validated, answered, and never breaks its connection."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

import runtime
from engine import Answer, EventNamespace
from models import new_id
from realtime.connections import Connection, connections, emit
from schemas.base import refusal
from schemas.errors import ChatError, internal, invalid
from sockets import lifecycle
from sockets.registry import handlers

log = logging.getLogger("parley.sockets")

IDLE_POLL_SECONDS = 0.05


class ChatNamespace(EventNamespace):
    """Parley's one namespace."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self._under_way = 0
        self._welcomes: dict[str, Callable[[], None]] = {}
        self._counting = threading.Lock()

    def opened(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        """See `EventNamespace.opened`."""
        try:
            self._welcomes[sid] = lifecycle.connect(sid, auth)
        except ChatError as error:
            raise _refused(error) from error
        except Exception as error:
            log.exception("connect failed", extra={"sid": sid})
            raise _refused(internal()) from error

    def welcomed(self, sid: str) -> None:
        """See `EventNamespace.welcomed`."""
        welcome = self._welcomes.pop(sid, None)
        if welcome is not None:
            try:
                welcome()
            except Exception:
                log.exception("welcome failed", extra={"sid": sid})

    def closed(self, sid: str, reason: str) -> None:
        """See `EventNamespace.closed`."""
        self._welcomes.pop(sid, None)
        try:
            lifecycle.disconnect(sid, reason)
        except Exception:
            log.exception("disconnect failed", extra={"sid": sid})

    def receive(self, sid: str, event: str, arguments: list[Any], wants_answer: bool) -> Answer:
        """See `EventNamespace.receive`."""
        started, request_id = time.perf_counter(), new_id()
        connection = connections.get(sid)
        if connection is None:
            return Answer({"ok": False, **internal().body()})
        trace = {"event_name": event, "sid": sid, "user_id": connection.user_id, "request_id": request_id}
        with self._counting:
            self._under_way += 1
        try:
            answer = _handle(connection, event, arguments)
        except ChatError as error:
            answer = _failed(connection, event, arguments, error, wants_answer)
            log.info("event refused", extra={**trace, "error": error.code})
        except Exception:
            log.exception("event failed", extra=trace)
            answer = _failed(connection, event, arguments, internal(), wants_answer)
        finally:
            with self._counting:
                self._under_way -= 1
        log.debug("packet in", extra={**trace, "ms": round((time.perf_counter() - started) * 1000, 2)})
        return answer

    def malformed(self, sid: str, problem: str) -> None:
        """See `EventNamespace.malformed`."""
        emit("error", {**invalid(packet=problem).body(), "event": None}, to=sid)

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no event is under way, `seconds` at most; returns whether that came."""
        deadline = time.monotonic() + seconds
        while self._under_way and time.monotonic() < deadline:
            runtime.sleep(IDLE_POLL_SECONDS)
        return not self._under_way


def _refused(error: ChatError) -> ConnectionRefusedError:
    return ConnectionRefusedError(error.message, error.body())


def _handle(connection: Connection, event: object, arguments: list[Any]) -> Answer:
    registered = handlers.get(event) if isinstance(event, str) else None
    if registered is None:
        raise ChatError("unknown_event", "There is no such event")
    if len(arguments) > 1:
        raise invalid(payload="one argument, and an acknowledgement callback, is all that an event takes")
    try:
        payload = registered.event.payload.model_validate(arguments[0] if arguments else None)
    except ValidationError as error:
        raise refusal(error) from None
    except RecursionError:
        raise invalid(payload="is nested too deeply") from None
    return registered.handler(connection, payload)


def _failed(
    connection: Connection, event: object, arguments: list[Any], error: ChatError, wants_answer: bool
) -> Answer:
    """The error as the acknowledgement, or, where none was asked for, as the `error` event."""
    body = error.body()
    if not wants_answer:
        body["event"] = event if isinstance(event, str) else None
        payload = arguments[0] if arguments else None
        if isinstance(payload, dict) and isinstance(payload.get("temp_id"), str):
            body["temp_id"] = payload["temp_id"]
        emit("error", body, to=connection.sid)
    return Answer({"ok": False, **body})
