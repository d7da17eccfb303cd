"""The namespace `/`: every event comes in here, is validated, answered, and never breaks its connection."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from socketio.exceptions import ConnectionRefusedError as Refused

import runtime
from engine import EventNamespace, Reply
from models import new_id
from realtime.connections import Connection, connections, emit
from schemas.base import refusal
from schemas.errors import ChatError, internal, invalid
from sockets import lifecycle
from sockets.registry import Answer, Later, handlers

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

    def receive(self, sid: str, event: Any, arguments: list[Any], reply: Reply | None) -> None:
        """See `EventNamespace.receive`."""
        connection = connections.get(sid)
        if connection is None:
            return
        call = Call(connection, event, arguments, reply, self._finished)
        with self._counting:
            self._under_way += 1
        try:
            answer = _handle(connection, event, arguments)
            if isinstance(answer, Later):
                answer.start(call.settle)
            else:
                call.succeed(answer)
        except ChatError as error:
            call.settle(error)
        except Exception:
            log.exception("event failed", extra=call.trace())
            call.settle(internal())

    def _finished(self) -> None:
        with self._counting:
            self._under_way -= 1

    def malformed(self, sid: str, problem: str) -> None:
        """See `EventNamespace.malformed`."""
        emit("error", {**invalid(packet=problem).body(), "event": None}, to=sid)

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no event is under way, `seconds` at most; returns whether that came."""
        deadline = time.monotonic() + seconds
        while self._under_way and time.monotonic() < deadline:
            runtime.sleep(IDLE_POLL_SECONDS)
        return not self._under_way


def _refused(error: ChatError) -> Refused:
    """As `connect_error` has it: Python's own exception of that name would lose the text."""
    return Refused(error.message, error.body())


class Call:
    """One event of a client, from its arrival to its answer, which may come later and comes once."""

    def __init__(
        self,
        connection: Connection,
        event: Any,
        arguments: list[Any],
        reply: Reply | None,
        finished: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._event = event
        self._arguments = arguments
        self._reply = reply
        self._finished = finished
        self._started = time.perf_counter()
        self._request_id = new_id()

    def trace(self) -> dict[str, Any]:
        """What the log says of it: never its content."""
        return {
            "event_name": self._event,
            "sid": self._connection.sid,
            "user_id": self._connection.user_id,
            "request_id": self._request_id,
            "ms": round((time.perf_counter() - self._started) * 1000, 2),
        }

    def succeed(self, answer: Answer) -> None:
        """The handler's answer, and what it wants done once that is on its way."""
        try:
            if self._reply is not None:
                self._reply(answer.acknowledgement)
            if answer.afterwards is not None:
                answer.afterwards()
        finally:
            self._finished()
        log.debug("packet in", extra=self.trace())

    def settle(self, error: ChatError | None) -> None:
        """An answer that is just yes, or an error: as the acknowledgement, or where none was asked for as an event."""
        if error is None:
            self.succeed(Answer({"ok": True}))
            return
        log.info("event refused", extra={**self.trace(), "error": error.code})
        body = error.body()
        try:
            if self._reply is not None:
                self._reply({"ok": False, **body})
            else:
                emit("error", {**body, **self._origin()}, to=self._connection.sid)
        finally:
            self._finished()

    def _origin(self) -> dict[str, str | None]:
        """Which event an `error` event is about, and which message, where it named one."""
        origin: dict[str, str | None] = {"event": self._event if isinstance(self._event, str) else None}
        payload = self._arguments[0] if self._arguments else None
        if isinstance(payload, dict) and isinstance(payload.get("temp_id"), str):
            origin["temp_id"] = payload["temp_id"]
        return origin


def _handle(connection: Connection, event: object, arguments: list[Any]) -> Answer | Later:
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
