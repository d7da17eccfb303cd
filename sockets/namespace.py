"""The namespace `/`: every event comes in here, is validated, answered, and never breaks its connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from socketio.exceptions import ConnectionRefusedError as Refused

import runtime
from engine import Arrival, EventNamespace, Reply
from realtime.connections import Connection, connections, emit
from schemas.base import refusal
from schemas.errors import ChatError, internal, invalid
from settings import settings
from sockets import lifecycle
from sockets.calls import Call, InFlight
from sockets.registry import Place, Registered, Settle, handlers, say_yes

log = logging.getLogger("parley.sockets")

IDLE_POLL_SECONDS = 0.05

AFTER_SENDS, SEND = Place.AFTER_SENDS, Place.SEND  # looked up once: Python 3.11 takes 50 ns for it


class ChatNamespace(EventNamespace):
    """Parley's one namespace."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self._under_way: set[Call] = set()
        self._welcomes: dict[str, Callable[[], None]] = {}
        self._sends: dict[str, InFlight] = {}

    def opened(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        """See `EventNamespace.opened`."""
        try:
            self._welcomes[sid] = lifecycle.connect(sid, auth)
            self._sends[sid] = InFlight(settings.events_in_flight)
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
        self._sends.pop(sid, None)
        try:
            lifecycle.disconnect(sid, reason)
        except Exception:
            log.exception("disconnect failed", extra={"sid": sid})

    def parked(self, sid: str, reason: str) -> None:
        """See `EventNamespace.parked`."""
        try:
            lifecycle.park(sid, reason)
        except Exception:
            log.exception("a lost connection could not be noted", extra={"sid": sid})

    def reopened(self, sid: str, environ: dict[str, Any], auth: Any) -> Callable[[], None] | None:
        """See `EventNamespace.reopened`."""
        try:
            return lifecycle.reopen(sid, auth)
        except ChatError as error:
            raise _refused(error) from error
        except Exception as error:
            log.exception("reconnect failed", extra={"sid": sid})
            raise _refused(internal()) from error

    def fetched(self, sid: str, node: str, auth: Any) -> Arrival | None:
        """See `EventNamespace.fetched`."""
        try:
            arrival = lifecycle.arrive(sid, node, auth)
        except ChatError as error:
            raise _refused(error) from error
        except Exception as error:
            log.exception("session could not be fetched", extra={"sid": sid})
            raise _refused(internal()) from error
        if arrival is not None:
            self._sends[sid] = InFlight(settings.events_in_flight)
        return arrival

    def prompt(self) -> list[str]:
        """See `EventNamespace.prompt`."""
        return [name for name, registered in handlers.items() if registered.place is SEND]

    def is_free(self, sid: str) -> bool:
        """See `EventNamespace.is_free`."""
        sends = self._sends.get(sid)
        return sends is not None and sends.left > 0

    def receive(self, sid: str, event: Any, arguments: list[Any], reply: Reply | None) -> None:
        """See `EventNamespace.receive`."""
        connection, sends = connections.get(sid), self._sends.get(sid)
        if connection is None or sends is None:
            return
        registered = handlers.get(event) if isinstance(event, str) else None
        place, answer = (registered.place, registered.answer) if registered is not None else (AFTER_SENDS, say_yes)
        if place is AFTER_SENDS:
            sends.wait()
        call = Call(connection, event, arguments, reply, answer, self._under_way)
        if place is SEND:
            sends.begin()
            call.sends = sends
        try:
            _handle(connection, registered, arguments, call.settle)
        except ChatError as error:
            call.settle(error)
        except Exception:
            log.exception("event failed", extra=call.trace())
            call.settle(internal())

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


def _handle(connection: Connection, registered: Registered | None, arguments: list[Any], settle: Settle) -> None:
    if registered is None:
        raise ChatError("unknown_event", "There is no such event")
    if len(arguments) > 1:
        raise invalid(payload="one argument, and an acknowledgement callback, is all that an event takes")
    try:
        payload = registered.validate(arguments[0] if arguments else None)
    except ValidationError as error:
        raise refusal(error) from None
    except RecursionError:
        raise invalid(payload="is nested too deeply") from None
    registered.handler(connection, payload, settle)
