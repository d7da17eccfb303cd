"""What a client may put on the wire below Socket.IO, so that nothing it sends ends in a traceback.

Here too is what the official server answers to polls and handshakes otherwise than python-engineio does; its protocol
test-suite asks for it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import engineio
from engineio import exceptions, packet

import runtime
from engine.frames import NORMAL, close_frame, handshake
from engine.polls import told_of_end
from engine.turns import Turn
from settings import settings

UNREADABLE = "4"
"""A message with nothing in it: what one is taken for that python-engineio would read as JSON."""

CONTROL = ("1", "3", "5", "2probe")
"""Close, pong, and the two steps of an upgrade: all that a client sends besides messages."""

POLL_PACKETS, POLL_BYTES = 500, 262_144
"""What one poll is answered with at most; the client comes again at once for more."""

PACKET_BYTES = 200
"""What a packet that waits costs beside its content."""

NOOP = "6"
METHODS = ("GET", "POST", "OPTIONS")

SEPARATOR = "\x1e"

UNKNOWN = "Invalid session "
"""How python-engineio's refusal of a session begins that it does not know."""

UNKNOWN_SESSION = {
    "code": 1,
    "message": "Session ID unknown: it has ended, or another server has it. Several servers behind one address need "
    "session affinity (sticky sessions), or clients and servers that use WebSocket only (TRANSPORTS=websocket).",
}
"""What that is answered with: the official server's body, and what an operator has to know who sees it often."""

UPGRADE_SECONDS = 0.02
"""How long a request waits for its session's upgrade to end: that was said on one connection before the request on
another, and both may be in one harvest of the loop, which has no order."""


def readable(frame: str | bytes) -> str | bytes:
    """The frame of a websocket, fit for python-engineio. Raises UnknownPacketError for what is no Engine.IO.

    python-engineio raises ValueError for an empty frame and an unknown letter, and reads whatever follows the first
    letter as JSON (RecursionError: `3[[[[…`); Socket.IO has none that begins so.
    """
    if not isinstance(frame, str) or frame in CONTROL:
        return frame
    if frame[:1] != "4":
        raise exceptions.UnknownPacketError("no Engine.IO packet")
    return UNREADABLE if frame[1:2] in ("[", "{") else frame


def packet_of_poll(frame: str) -> packet.Packet:
    """The same for a frame of a poll, where bytes come in base64; the text of a message stays as it is."""
    if frame[:1] == "b":
        try:
            return packet.Packet(packet.MESSAGE, base64.b64decode(frame[1:], validate=True))
        except (binascii.Error, ValueError):
            raise exceptions.UnknownPacketError("no base64") from None
    if frame[:1] == "4":
        return packet.Packet(packet.MESSAGE, frame[1:])
    return packet.Packet(encoded_packet=readable(frame))


def _frames(body: str) -> Iterator[str]:
    """The frames of a poll, one by one: there may be half a million."""
    start = 0
    while (end := body.find(SEPARATOR, start)) >= 0:
        yield body[start:end]
        start = end + 1
    yield body[start:]


class _ReadableWebSocket:
    """A websocket whose frames can all be read."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ws, name)

    def wait(self) -> str | bytes:
        """The next frame. Raises EngineIOError at the end of the connection, and of the protocol."""
        frame: str | bytes | None = self._ws.wait()
        if frame is None:
            raise exceptions.SocketIsClosedError
        return readable(frame)

    def send(self, frame: str | bytes) -> None:
        """Send a frame, but not what was only there to end a poll."""
        if frame != NOOP:
            self._ws.send(frame)


def _cost(pkt: packet.Packet) -> int:
    return PACKET_BYTES + (len(pkt.data) if isinstance(pkt.data, str | bytes) else 0)


class Socket(engineio.socket.Socket):
    """python-engineio's socket, strict in what it takes.

    Overridden of python-engineio 4.15: `send`, `poll`, `close`, `handle_get_request`, `handle_post_request`,
    `_websocket_handler`.
    """

    connected: bool
    closing: bool
    closed: bool
    last_ping: float | None

    def __init__(self, server: engineio.Server, sid: str) -> None:
        super().__init__(server, sid)
        self._polled = False
        self._waiting_bytes = 0

    @property
    def upgrade_begun(self) -> bool:
        """Whether a websocket has come that is to replace the polls."""
        return bool(self.upgrading)

    def send(self, pkt: packet.Packet) -> None:
        """Send a packet; more of them than `send_queue_bytes` end the session.

        The first tells the interval of pings, of which python-engineio cuts the fraction off.
        """
        if pkt.packet_type == packet.OPEN:
            pkt.data["pingInterval"] = round(self.server.ping_interval * 1000)
        super().send(pkt)
        within = self._waiting_bytes <= settings.send_queue_bytes
        self._waiting_bytes += _cost(pkt)
        if within and self._waiting_bytes > settings.send_queue_bytes:
            runtime.spawn(self.close, False, True, self.server.reason.TRANSPORT_ERROR)

    def poll(self) -> list[packet.Packet]:
        """Wait for packets to answer a poll with; none at the end of the session. Raises QueueEmpty."""
        try:
            packets = [self.queue.get(timeout=self.server.ping_interval + self.server.ping_timeout)]
        except self.server.get_queue_empty_exception():
            raise exceptions.QueueEmpty from None
        size = 0
        while packets[-1] is not None:
            size += _cost(packets[-1])
            if self.queue.empty() or len(packets) == POLL_PACKETS or size > POLL_BYTES:
                break
            packets.append(self.queue.get(block=False))
        self._waiting_bytes -= size
        if packets[-1] is None:
            self.queue.put(packets.pop())
        return packets

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session. Never waits: what a client that polls is sent leaves when it comes for it, if it does."""
        super().close(wait=False, abort=abort, reason=reason)

    def _websocket_handler(self, ws: Any) -> Any:
        try:
            return super()._websocket_handler(_ReadableWebSocket(ws))
        except exceptions.EngineIOError:
            self.upgrading = False  # it ended while it upgraded: the session goes on polling
            return []

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a client's poll, or begin its websocket. Raises EngineIOError, which ends the session.

        A second poll beside the first ends the session, and so does one that its client gives up.
        """
        if environ.get("HTTP_UPGRADE"):
            return super().handle_get_request(environ, start_response)
        if self._polled or not self.check_ping_timeout():
            raise exceptions.SocketIsClosedError
        self._polled = True
        try:
            with told_of_end(environ, self._poll_given_up):
                packets = super().handle_get_request(environ, start_response)
        finally:
            self._polled = False
        return packets or [packet.Packet(packet.NOOP)]

    def _poll_given_up(self) -> None:
        self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take what a client posts. Raises EngineIOError, which ends the session.

        The stock class takes 16 packets, and drops a polling client that was busy; here the bytes are the bound.
        """
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > self.server.max_http_buffer_size:
            raise exceptions.ContentTooLongError
        body, turn = environ["wsgi.input"].read(length).decode(errors="replace"), Turn()
        for frame in _frames(body):
            turn.begin()
            if self.closed:
                return
            self.receive(packet_of_poll(frame))
            turn.end()


def turn_away(raw: socket.socket, key: str) -> None:
    """Close a websocket that has come for a session which has one; in order, since its client is told nothing else."""
    with contextlib.suppress(OSError), raw:
        raw.send(handshake(key) + close_frame(NORMAL))
        raw.shutdown(socket.SHUT_WR)


def _await_upgrade(session: Socket) -> None:
    deadline = time.monotonic() + UPGRADE_SECONDS
    while session.upgrade_begun and time.monotonic() < deadline:
        runtime.sleep(0.001)


class Server(engineio.Server):
    """python-engineio's server, which refuses what the official one refuses, and says `ok` as that one does.

    Overridden of python-engineio 4.15: `handle_request`, `_ok`, `_bad_request`.
    """

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Any request under the path of Engine.IO."""
        method, query = environ["REQUEST_METHOD"], parse_qs(environ.get("QUERY_STRING", ""))
        if method not in METHODS or (method != "OPTIONS" and "transport" not in query):
            refusal = self._bad_request("Bad handshake method" if method not in METHODS else "Transport unknown")
            start_response(refusal["status"], refusal["headers"] + self._cors_headers(environ))
            return [refusal["response"]]
        session = self.sockets.get(query.get("sid", [""])[0])
        if session is not None and session.upgrade_begun:
            _await_upgrade(session)
        if session is not None and (session.upgrade_begun or session.upgraded) and query["transport"] == ["websocket"]:
            raw = runtime.take_socket(environ)
            if raw is not None:
                turn_away(raw, environ.get("HTTP_SEC_WEBSOCKET_KEY", ""))
                return []
        return super().handle_request(environ, start_response)

    def _ok(self, packets: Any = None, headers: Any = None, jsonp_index: Any = None) -> Any:
        answer = super()._ok(packets, headers, jsonp_index)
        if packets is None:
            answer["response"] = b"ok"
        return answer

    def _bad_request(self, message: str | None = None) -> Any:
        refusal = super()._bad_request(message)
        if message is not None and message.startswith(UNKNOWN):
            body = json.dumps(UNKNOWN_SESSION).encode()
            refusal |= {"headers": [("Content-Type", "application/json")], "response": body}
        return refusal
