"""One event of a client, from its arrival to its answer; and those of a client that are still to be answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from engine import Reply
from models import new_id
from realtime.connections import Connection, emit
from schemas.errors import ChatError
from sockets.registry import Answer, Outcome

log = logging.getLogger("parley.sockets")


class Call:
    """An event under way. Its answer may come later, and comes once; a send is in flight until then."""

    __slots__ = ("_answer", "_arguments", "_connection", "_event", "_reply", "_started", "_under_way", "sends")

    def __init__(
        self,
        connection: Connection,
        event: Any,
        arguments: list[Any],
        reply: Reply | None,
        answer: Callable[[Any], Any],
        under_way: set[Call],
    ) -> None:
        """`answer` makes the acknowledgement of what is neither an error nor an answer by itself."""
        self._connection = connection
        self._event = event
        self._arguments = arguments
        self._reply = reply
        self._answer = answer
        self._under_way = under_way
        self.sends: InFlight | None = None
        under_way.add(self)
        self._started = time.perf_counter()

    def trace(self) -> dict[str, Any]:
        """What the log says of it: never its content."""
        return {
            "event_name": self._event,
            "sid": self._connection.sid,
            "user_id": self._connection.user_id,
            "request_id": new_id(),
            "ms": round((time.perf_counter() - self._started) * 1000, 2),
        }

    def settle(self, outcome: Outcome) -> None:
        """The handler's outcome; the client is told."""
        try:
            if isinstance(outcome, ChatError):
                self._fail(outcome)
            else:
                self._succeed(outcome)
        finally:
            self._under_way.discard(self)
            if self.sends is not None:
                self.sends.end()

    def _succeed(self, outcome: Any) -> None:
        answer = outcome if isinstance(outcome, Answer) else None
        if self._reply is not None:
            self._reply(self._answer(outcome) if answer is None else answer.acknowledgement)
        if answer is not None and answer.afterwards is not None:
            answer.afterwards()
        if log.isEnabledFor(logging.DEBUG):
            log.debug("packet in", extra=self.trace())

    def _fail(self, error: ChatError) -> None:
        """The error as the acknowledgement, or, where none was asked for, as the `error` event."""
        log.info("event refused", extra={**self.trace(), "error": error.code})
        body = error.body()
        if self._reply is not None:
            self._reply({"ok": False, **body})
        else:
            emit("error", {**body, **self._origin()}, to=self._connection.sid)

    def _origin(self) -> dict[str, str | None]:
        """Which event an `error` event is about, and which message, where it named one."""
        origin: dict[str, str | None] = {"event": self._event if isinstance(self._event, str) else None}
        payload = self._arguments[0] if self._arguments else None
        if isinstance(payload, dict) and isinstance(payload.get("temp_id"), str):
            origin["temp_id"] = payload["temp_id"]
        return origin


class InFlight:
    """The sends of one client that are being committed.

    Sends follow each other without waiting, since the writer keeps their order; any other event waits for them, so
    that a client's events take effect in the order in which it sent them.
    """

    __slots__ = ("_changed", "_limit", "left")

    def __init__(self, limit: int) -> None:
        """`left`: how many more need not wait, of `limit`."""
        self._limit = limit
        self.left = limit
        self._changed: threading.Event | None = None

    def begin(self) -> None:
        """One more; waits while there are as many as a client may have."""
        if not self.left:
            self._wait(1)
        self.left -= 1

    def end(self) -> None:
        """One is answered."""
        self.left += 1
        if self._changed is not None:
            self._changed.set()

    def wait(self) -> None:
        """Until all of them are answered."""
        self._wait(self._limit)

    def _wait(self, wanted: int) -> None:
        while self.left < wanted:
            self._changed = threading.Event()
            if self.left < wanted:
                self._changed.wait()
            self._changed = None
