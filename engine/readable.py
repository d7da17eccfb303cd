"""What a client may put on the wire below Socket.IO, so that nothing it sends ends in a traceback."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import engineio
from engineio import packet

UNREADABLE = "4"
"""A message with nothing in it: what a frame that cannot be read is taken for. `Server` answers it with an error."""

CONTROL = ("1", "3", "5", "2probe")
"""Close, pong, and the two steps of an upgrade: all that a client sends besides messages."""

SEPARATOR = "\x1e"


def readable(frame: str | bytes | None) -> str | bytes | None:
    """The frame of a websocket, or `UNREADABLE` instead. None is the end of the connection.

    python-engineio raises for an empty frame and an unknown letter, and reads whatever follows the first letter as
    JSON (RecursionError: `3[[[[…`).
    """
    if not isinstance(frame, str) or frame in CONTROL:
        return frame
    return frame if frame[:1] == "4" and frame[1:2] in tuple("0123456") else UNREADABLE


def readable_in_poll(frame: str) -> str:
    """The same for a frame of a poll, where bytes come in base64."""
    if frame[:1] != "b":
        return str(readable(frame))
    try:
        base64.b64decode(frame[1:], validate=True)
    except (binascii.Error, ValueError):
        return UNREADABLE
    return frame


class _ReadableWebSocket:
    """A websocket whose frames can all be read."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ws, name)

    def wait(self) -> str | bytes | None:
        """The next frame."""
        frame: str | bytes | None = self._ws.wait()
        return readable(frame)


class Socket(engineio.socket.Socket):
    """python-engineio's socket, which a frame that cannot be read does not end."""

    def _websocket_handler(self, ws: Any) -> Any:
        return super()._websocket_handler(_ReadableWebSocket(ws))

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take a client's poll. Raises ContentTooLongError.

        The stock class takes 16 packets, and drops a polling client that was busy; here the bytes are the bound.
        """
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > self.server.max_http_buffer_size:
            raise engineio.exceptions.ContentTooLongError
        body = environ["wsgi.input"].read(length).decode(errors="replace")
        for frame in body.split(SEPARATOR):
            self.receive(packet.Packet(encoded_packet=readable_in_poll(frame)))
