"""Engine.IO and Socket.IO with nobody's client: requests, frames, and what came back."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import requests
import websocket

UNDER_WAY_SECONDS = 0.03
"""After which a poll has arrived; nothing on the wire tells when, and one that is later on another connection may pass
it."""

OPENED = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
"""What the first packet of a session tells."""


class Wire:
    """A websocket; frames are said and heard as they are."""

    def __init__(self, url: str) -> None:
        self._ws = websocket.create_connection(url, timeout=5, suppress_origin=True)

    def send(self, *frames: str | bytes) -> None:
        """Text, or bytes as binary."""
        for frame in frames:
            if isinstance(frame, bytes):
                self._ws.send_binary(frame)
            else:
                self._ws.send(frame)

    def hear(self) -> str | bytes:
        """The next frame. Fails where the connection is closed."""
        opcode, data = self._ws.recv_data()
        assert opcode != websocket.ABNF.OPCODE_CLOSE, f"closed: {data!r}"
        return bytes(data) if opcode == websocket.ABNF.OPCODE_BINARY else str(data, "utf-8")

    def hear_all(self, *frames: str | bytes) -> None:
        """These come next, pings aside."""
        heard: list[str | bytes] = []
        while len(heard) < len(frames):
            frame = self.hear()
            if frame != "2":
                heard.append(frame)
        assert heard == list(frames)

    def wait_closed(self) -> None:
        """Whatever still comes, then the end; in order, not by a reset."""
        with contextlib.suppress(websocket.WebSocketConnectionClosedException):
            while self._ws.recv_data()[0] != websocket.ABNF.OPCODE_CLOSE:
                pass

    def close(self) -> None:
        """Gone, without a farewell."""
        self._ws.shutdown()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Peer:
    """A server at `host:port`, or one of its paths."""

    host: str
    path: str = ""
    late_seconds: float = 0.0
    """What its timers may be late."""

    def at(self, path: str) -> Peer:
        """What is served there."""
        return replace(self, path=path)

    def url(self, query: str) -> str:
        """An address for HTTP."""
        return f"http://{self.host}/{self.path}/?{query}"

    def get(self, query: str) -> requests.Response:
        """GET, on a connection of its own."""
        return requests.get(self.url(query), timeout=5)

    def poll(self, sid: str) -> requests.Response:
        """A session's GET."""
        return self.get(f"EIO=4&transport=polling&sid={sid}")

    @contextlib.contextmanager
    def polling(self, sid: str) -> Iterator[http.client.HTTPConnection]:
        """A session's GET that is under way; `getresponse()` awaits its answer."""
        connection = http.client.HTTPConnection(self.host, timeout=5)
        connection.request("GET", f"/{self.path}/?EIO=4&transport=polling&sid={sid}")
        time.sleep(UNDER_WAY_SECONDS)
        try:
            yield connection
        finally:
            connection.close()

    def post(self, sid: str, body: str) -> requests.Response:
        """A session's POST."""
        return requests.post(self.url(f"EIO=4&transport=polling&sid={sid}"), data=body.encode(), timeout=5)

    def open(self) -> str:
        """A new session, by polling: its id."""
        sid: str = opened(self.get("EIO=4&transport=polling").text)["sid"]
        return sid

    @contextlib.contextmanager
    def wire(self, query: str = "EIO=4&transport=websocket") -> Iterator[Wire]:
        """A websocket, closed at the end."""
        wire = Wire(self.url(query).replace("http", "ws", 1))
        try:
            yield wire
        finally:
            wire.close()

    @contextlib.contextmanager
    def session(self) -> Iterator[Wire]:
        """A websocket that has been told of its session."""
        with self.wire() as wire:
            opened(wire.hear())
            yield wire

    @contextlib.contextmanager
    def upgrading(self, sid: str) -> Iterator[Wire]:
        """A second transport for a session that polls."""
        with self.wire(f"EIO=4&transport=websocket&sid={sid}") as wire:
            yield wire

    def refuses_websocket(self, query: str) -> bool:
        """Whether a websocket is answered 400."""
        try:
            with self.wire(query):
                return False
        except websocket.WebSocketBadStatusException as refusal:
            return bool(refusal.status_code == 400)


def opened(frame: str | bytes) -> dict[str, Any]:
    """What the first packet of a session says."""
    assert isinstance(frame, str)
    assert frame[0] == "0"
    values: dict[str, Any] = json.loads(frame[1:])
    assert values.keys() == OPENED
    assert isinstance(values["sid"], str)
    return values
