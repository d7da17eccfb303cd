"""Flask-SocketIO's own API on several nodes: `emit`, rooms, `skip_sid`, `disconnect` and acknowledgements.

What a node cannot do alone it also hands to the others, in python-socketio's own messages. What the caller marks with
`ignore_queue`, as everything of Parley's own is, stays on this node and costs nothing here.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson
import socketio
from socketio.pubsub_manager import PubSubManager

import runtime
from engine.manager import Manager

log = logging.getLogger("parley.engine")

Send = Callable[[str | None, bytes], None]
"""Hands a message to one node, or to all others; never waits, never raises."""


class Remote(PubSubManager):
    """What both kinds of managers have in common. Overridden of python-socketio 5.18's `PubSubManager`: `initialize`,
    `emit`, `enter_room`, `leave_room`, `_publish`, and its thread, which is `take`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._send: Send = lambda _node, _body: None
        self._arrived: deque[bytes] = deque()
        self._taking = False
        self._lock = threading.Lock()

    def connect_nodes(self, node: str, send: Send) -> None:
        """This is `node`; `send` reaches the others."""
        self.host_id = node
        self._send = send

    def initialize(self) -> None:
        """Nothing listens here: whoever does calls `take`."""

    def emit(self, event: str, data: Any, namespace: str | None = None, *args: Any, **options: Any) -> None:
        """Send an event to clients of this node and, unless told otherwise, of the others."""
        local = options.pop("ignore_queue", False)
        if local:
            super(PubSubManager, self).emit(event, data, namespace, *args, **options)
        else:
            super().emit(event, data, namespace, *args, **options)

    def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        """Put a client into a room, wherever it is connected."""
        if self._is_here(sid, namespace):
            self.basic_enter_room(sid, namespace, room, eio_sid=eio_sid)
        else:
            super().enter_room(sid, namespace, room, eio_sid=eio_sid)

    def leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take a client out of a room, wherever it is connected."""
        if self._is_here(sid, namespace):
            self.basic_leave_room(sid, namespace, room)
        else:
            super().leave_room(sid, namespace, room)

    def take(self, body: bytes) -> None:
        """A message of another node; handled beside the caller, one after another. Never waits."""
        with self._lock:
            self._arrived.append(body)
            start, self._taking = not self._taking, True
        if start:
            runtime.spawn(self._take_all)

    def _is_here(self, sid: str, namespace: str) -> bool:
        return sid in self.rooms.get(namespace, {}).get(None, ())

    def _publish(self, data: dict[str, Any]) -> None:
        """To all other nodes; an acknowledgement to the one that asked for it."""
        node = data["host_id"] if data["method"] == "callback" else None
        self._send(node, _packed(data))

    def _take_all(self) -> None:
        while True:
            with self._lock:
                if not self._arrived:
                    self._taking = False
                    return
                body = self._arrived.popleft()
            try:
                self._handle(json.loads(body))
            except Exception:
                log.exception("what another node asked for could not be done")

    def _handle(self, message: dict[str, Any]) -> None:
        handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "emit": self._handle_emit,
            "callback": self._handle_callback,
            "disconnect": self._handle_disconnect,
            "enter_room": self._handle_enter_room,
            "leave_room": self._handle_leave_room,
            "close_room": self._handle_close_room,
        }
        handler = handlers.get(message.get("method", ""))
        if handler is not None and self.server is not None:
            handler(message)


class FastRemote(Remote, Manager):
    """Over our own manager."""


class StockRemote(Remote, socketio.Manager):
    """Over the stock one."""


def _packed(data: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:  # huge integers
        return json.dumps(data).encode()
