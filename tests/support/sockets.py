"""A Socket.IO client that keeps what it hears, in the order in which it came."""

from __future__ import annotations

import functools
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import engineio
import requests
import socketio

from tests.support.api import Addressed

Predicate = Callable[[Any], bool]

WAIT_SECONDS = 15.0
"""What is awaited has come by then, on a machine whose cores are all busy; nothing waits longer than it must."""


# The stock limit of 16 makes a polling client drop a connection that was sent more while it was away.
engineio.payload.Payload.max_decode_packets = 10_000


class _OrderedEngine(engineio.Client):  # type: ignore[misc]
    """The stock client has a thread for each packet, and so loses their order; this one has one for all."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arrived: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None

    def _trigger_event(self, event: str, *args: Any, run_async: bool = False, **options: Any) -> Any:
        if not run_async:
            return super()._trigger_event(event, *args, run_async=False, **options)
        if self._worker is None:
            self._worker = threading.Thread(target=self._handle, daemon=True)
            self._worker.start()
        self._arrived.put((event, *args))
        return self._worker

    def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """Without the stock client's waits: 3 s for a close frame that its reader took, or for a poll."""
        if self.state == "connected" and self.current_transport == "websocket":
            self.ws.close = functools.partial(self.ws.close, timeout=0.2)
        elif self.state == "connected" and not abort:
            self._send_packet(engineio.packet.Packet(engineio.packet.CLOSE))
            with self.queue.all_tasks_done:
                self.queue.all_tasks_done.wait_for(lambda: not self.queue.unfinished_tasks, timeout=2)
        super().disconnect(abort=abort or self.current_transport == "polling", reason=reason)

    def _handle(self) -> None:
        while (arrived := self._arrived.get()) is not None:
            self.handlers[arrived[0]](*arrived[1:])

    def finish(self) -> None:
        """End the thread and give the socket back; the connection must be closed."""
        self._arrived.put(None)
        if self._worker:
            self._worker.join(timeout=5)
        # The stock client leaves its socket open where the server's close frame came first.
        if self.ws:
            self.ws.shutdown()


class _OrderedClient(socketio.Client):  # type: ignore[misc]
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _OrderedEngine


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the server: its first argument, all of them, and when it came (`time.monotonic()`)."""

    name: str
    data: Any
    args: tuple[Any, ...]
    at: float


class Refused(Exception):
    """The server did not let the client in: the `message` and `data` of its `connect_error`."""

    def __init__(self, told: Any) -> None:
        self.message: str = told.get("message", "") if isinstance(told, dict) else str(told)
        self.data: Any = told.get("data") if isinstance(told, dict) else None
        super().__init__(f"{self.message} {self.data}")


class Sock:
    """A connected client. It does not reconnect; a lost connection is told by `wait_closed()`."""

    def __init__(
        self,
        server: Addressed,
        token: str | None = None,
        *,
        transports: Sequence[str] = ("websocket",),
        auto_join: bool = False,
        auth: object = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Connect; `auth` replaces the `{token, autoJoin}` of `token` and `auto_join`. Raises Refused."""
        self._heard: list[Heard] = []
        self._news = threading.Condition()
        self._refusals: list[Any] = []
        self.closed_by: str | None = None
        self._http = requests.Session()
        self.client = _OrderedClient(reconnection=False, handle_sigint=False, http_session=self._http)
        self.client.on("*", self._on_event)
        self.client.on("connect_error", self._on_refusal)
        self.client.on("disconnect", self._on_closed)
        if auth is None:
            auth = {
                **({"token": token} if token is not None else {}),
                **({"autoJoin": True} if auto_join else {}),
            }
        try:
            self.client.connect(
                server.url, auth=auth, transports=list(transports), headers=headers or {}, wait_timeout=10
            )
        except socketio.exceptions.ConnectionError as error:
            self.close()
            raise Refused(self._refusals[0] if self._refusals else str(error)) from error

    def _on_event(self, name: str, *args: Any) -> None:
        with self._news:
            self._heard.append(Heard(name, args[0] if args else None, args, time.monotonic()))
            self._news.notify_all()

    def _on_refusal(self, told: Any = None) -> None:
        self._refusals.append(told)

    def _on_closed(self, reason: str) -> None:
        with self._news:
            self.closed_by = reason
            self._news.notify_all()

    @property
    def sid(self) -> str:
        """Its Socket.IO session id."""
        return str(self.client.get_sid())

    @property
    def transport(self) -> str:
        """The transport in use: `polling` or `websocket`."""
        return str(self.client.transport())

    def emit(self, event: str, payload: object = None) -> None:
        """Send an event without asking for an acknowledgement."""
        self.client.emit(event, payload)

    def call(self, event: str, payload: object = None, timeout: float = 10.0) -> dict[str, Any]:
        """Send an event and answer its acknowledgement, which must be one object."""
        answer = self.client.call(event, payload, timeout=timeout)
        assert isinstance(answer, dict), f"{event} was acknowledged with {answer!r}"
        return answer

    def ok(self, event: str, payload: object = None) -> dict[str, Any]:
        """The same, where the acknowledgement must say `ok: true`."""
        answer = self.call(event, payload)
        assert answer.get("ok") is True, f"{event}: {answer}"
        return answer

    def refused(self, event: str, payload: object, error: str) -> dict[str, Any]:
        """The same, where it must say `ok: false` with this error code and a message."""
        answer = self.call(event, payload)
        assert (answer.get("ok"), answer.get("error")) == (False, error), f"{event}: {answer}"
        assert isinstance(answer["message"], str), answer
        assert answer["message"], answer
        return answer

    def history(self) -> list[Heard]:
        """Everything heard since the start or `clear()`, in order."""
        with self._news:
            return list(self._heard)

    def names(self) -> list[str]:
        """The names of everything heard, in order."""
        return [heard.name for heard in self.history()]

    def events(self, name: str) -> list[Any]:
        """The payloads of the events `name`, in order."""
        return [heard.data for heard in self.history() if heard.name == name]

    def count(self, name: str) -> int:
        """How many events `name` came."""
        return len(self.events(name))

    def clear(self) -> None:
        """Forget what was heard."""
        with self._news:
            self._heard.clear()

    def wait_for(self, name: str, predicate: Predicate | None = None, timeout: float = WAIT_SECONDS) -> Any:
        """The payload of the first such event `name`, heard already or within `timeout` seconds."""

        def found() -> Heard | None:
            match = (item for item in self._heard if item.name == name and (predicate is None or predicate(item.data)))
            return next(match, None)

        with self._news:
            heard = self._news.wait_for(found, timeout)
            assert heard, f"no such {name} within {timeout} s; heard: {self._heard}"
            return heard.data

    def wait_count(self, name: str, number: int, timeout: float = WAIT_SECONDS) -> list[Any]:
        """The payloads of the events `name` as soon as there are `number` of them."""
        with self._news:
            enough = self._news.wait_for(lambda: sum(item.name == name for item in self._heard) >= number, timeout)
            assert enough, f"not {number} of {name} within {timeout} s; heard: {self._heard}"
        return self.events(name)

    def settle(self) -> None:
        """Wait, by a round trip, until all that the server sent to this client so far has come."""
        nonce = uuid.uuid4().hex
        self.emit("echo", {"nonce": nonce})
        self.wait_for("echo-response", lambda data: isinstance(data, dict) and data.get("nonce") == nonce)
        with self._news:
            self._heard = [
                item for item in self._heard if not (item.name == "echo-response" and item.data == {"nonce": nonce})
            ]

    def wait_closed(self, timeout: float = 10.0) -> str:
        """Wait until the connection is gone; why, in python-socketio's words."""
        with self._news:
            assert self._news.wait_for(lambda: self.closed_by is not None, timeout), (
                f"still connected after {timeout} s"
            )
            return self.closed_by or ""

    def close(self) -> None:
        """Disconnect; harmless where it is already."""
        self.client.disconnect()
        self.client.eio.disconnect(abort=True)
        self.client.eio.finish()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
