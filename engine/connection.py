"""One Engine.IO client whose WebSocket we read and write ourselves, straight on its non-blocking socket.

While a client polls, everything is as in python-engineio: packets go into a queue, which an HTTP request empties. With
WebSocket there is no queue and no greenlet: one listener on the event loop reads, and an `Outbox` writes.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import engineio.exceptions
import engineio.packet

import runtime
from engine import frames
from engine.frames import FrameError, FrameReader, close_frame, frame, handshake, text_of
from engine.inbox import Inbox
from engine.outbox import Outbox
from engine.packets import ENGINE_CLOSE, ENGINE_PING, ENGINE_PROBE, ENGINE_PROBED, WITHOUT_QUEUE, drain, packet_frame
from engine.readable import Socket, turn_away
from engine.turns import goodbyes
from settings import settings

if TYPE_CHECKING:
    from engine.transport import Transport

log = logging.getLogger("parley.engine")


class Connection(Socket):
    """An Engine.IO session, with our own WebSocket transport.

    Overridden of python-engineio 4.15: `send`, `close`, `schedule_ping`, `_upgrade_websocket`, `queue`.
    """

    server: Transport

    def __init__(self, server: Transport, sid: str) -> None:
        self._queue: Any = None
        super().__init__(WITHOUT_QUEUE, sid)
        self.server = server
        self._raw: socket.socket | None = None
        self._reading: object | None = None
        self._reader: FrameReader | None = None
        self._inbox: Inbox | None = None
        self.outbox: Outbox | None = None

    @property
    def queue(self) -> Any:
        """Packets for a client that polls; one that never polls never has it."""
        if self._queue is None:
            self._queue = self.server.create_queue()
        return self._queue

    @queue.setter
    def queue(self, made: Any) -> None:
        """What the stock constructor made."""

    @property
    def by_queue(self) -> bool:
        """Whether what is sent goes into the queue: for polls, or for python-engineio's own websocket (TLS)."""
        return not self.upgraded or self._reader is None

    @property
    def upgrade_begun(self) -> bool:
        """Whether a websocket has come that is to replace the polls."""
        return self._raw is not None and not self.upgraded

    def send(self, pkt: engineio.packet.Packet) -> None:
        """Send a packet by whichever transport the client has now."""
        if self.outbox is None or not self.upgraded:
            super().send(pkt)
        elif self.closed:
            raise engineio.exceptions.SocketIsClosedError
        else:
            self.outbox.write(packet_frame(pkt))

    def write(self, data: bytes) -> bool:
        """Send a whole frame, where the client is on WebSocket; returns whether it is."""
        if self.outbox is None or not self.upgraded or self.closed:
            return False
        self.outbox.write(data)
        return True

    def write_pieces(self, pieces: list[bytes]) -> bool:
        """The same for a frame in pieces."""
        if self.outbox is None or not self.upgraded or self.closed:
            return False
        self.outbox.write_pieces(pieces)
        return True

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session: the application is told, then the transport is closed in order, or dropped (`abort`)."""
        if not self.upgraded or self._raw is None:
            self._drop()  # the websocket of an upgrade under way
            super().close(wait=False, abort=abort, reason=reason)
        elif not self.closed and not self.closing:
            self.closing = True
            why = reason or self.server.reason.SERVER_DISCONNECT
            self.server._trigger_event("disconnect", self.sid, why, run_async=False)
            self.closed = True
            if self._inbox is not None:
                self._inbox.close()
            if abort or reason == self.server.reason.PING_TIMEOUT:
                self._drop()
            else:
                self._close_in_order(ENGINE_CLOSE + close_frame(frames.NORMAL))
        self.server.sockets.pop(self.sid, None)

    def schedule_ping(self) -> None:
        """A pong came, or the session begins: the next ping is due an interval from now."""
        if self.last_ping:
            self.last_ping = None
            self.server.pings.schedule(self)

    def ping(self) -> None:
        """Ask whether the client is there; called by the one timer for all."""
        self.last_ping = time.time()
        if not self.write(ENGINE_PING):
            self.send(engineio.packet.Packet(engineio.packet.PING))

    def _upgrade_websocket(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WSGI side of a WebSocket's beginning; TLS connections stay with python-engineio's own transport."""
        if self.upgraded:
            raise OSError("the session has been upgraded already")
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY")
        if not key or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
            start_response("400 Bad Request", [("Sec-WebSocket-Version", "13"), ("Connection", "close")])
            return [b""]
        raw = runtime.take_socket(environ)
        if raw is None:
            return super()._upgrade_websocket(environ, start_response)
        self.begin_websocket(raw, key)
        return []

    def begin_websocket(self, raw: socket.socket, key: str, opening: bytes = b"") -> None:
        """From here on this socket is the client's: as the upgrade of its polling, or at once with `opening`."""
        if self._raw is not None:
            turn_away(raw, key)
            return
        self._raw = raw
        self._reading = runtime.watch_reading(raw.fileno(), self._on_readable, self._broken)
        self._reader = FrameReader(settings.packet_max_bytes)
        self._inbox = Inbox(self, settings.events_in_flight)
        self.outbox = Outbox(raw, self._broken)
        self.outbox.write(handshake(key) + opening)
        if not self.connected:
            self.connected = self.upgraded = True
            self._send_queued()

    def _send_queued(self) -> None:
        """What was meant for polls and has not been fetched; the order stays."""
        if self._queue is not None and self.outbox is not None:
            for waiting in drain(self._queue):
                self.outbox.write(waiting)
            self._queue = None

    def pause_reading(self) -> None:
        """Read nothing more until the client's events have been handled."""
        if self._reading is not None:
            runtime.unwatch(self._reading)
            self._reading = None

    def resume_reading(self) -> None:
        """Read what comes."""
        if self._raw is not None and self.outbox is not None and self._reading is None:
            self._reading = runtime.watch_reading(self._raw.fileno(), self._on_readable, self._broken, new=False)

    def _on_readable(self, _descriptor: int) -> None:
        if self._raw is None or self._reader is None or self._reading is None:
            return
        try:
            data = self._raw.recv(self._reader.wanted)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._broken("closed by the peer")
            return
        try:
            if (text := self._reader.whole_text(data)) is not None:
                self._on_text(text_of(text))
                return
            for opcode, payload in self._reader.feed(data):
                self._on_frame(opcode, payload)
                if self.outbox is None:
                    return
        except FrameError as error:
            self._refuse(error.code, str(error))

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if opcode == frames.TEXT:
            self._on_text(text_of(payload))
        elif opcode == frames.BINARY:
            if not self.upgraded or self._inbox is None:
                raise FrameError(frames.PROTOCOL_ERROR, "binary before the upgrade")
            self._inbox.put(payload)
        elif opcode == frames.PING and self.outbox is not None:
            self.outbox.write(frame(payload, frames.PONG))
        elif opcode == frames.CLOSE:
            self._hang_up(frame(payload[:2], frames.CLOSE), self.server.reason.TRANSPORT_CLOSE)

    def _on_text(self, text: str) -> None:
        """An Engine.IO packet: its first character is its type."""
        kind = text[:1]
        if kind == "4" and self.upgraded and self._inbox is not None and self.outbox is not None:
            self.outbox.awaited = True
            self._inbox.put(text[1:])
        elif kind == "3" and self.upgraded:
            self.schedule_ping()
        elif kind == "1" and self.upgraded:
            self._hang_up(close_frame(frames.NORMAL), self.server.reason.CLIENT_DISCONNECT)
        elif text == ENGINE_PROBE and not self.upgraded and self.outbox is not None:
            self.upgrading = True
            self.outbox.write(ENGINE_PROBED)
            self.queue.put(engineio.packet.Packet(engineio.packet.NOOP))  # ends the poll that is under way
        elif kind == "5" and self.upgrading:
            self.upgraded, self.upgrading = True, False
            self._send_queued()
        else:
            raise FrameError(frames.PROTOCOL_ERROR, "no Engine.IO packet")

    def handle_at_once(self, message: str | bytes) -> bool:
        """One message, on the loop, if nothing in it waits."""
        return not self.closed and self.server.take_at_once(self.sid, message)

    def handle_message(self, message: str | bytes) -> None:
        """One message, in a worker's greenlet."""
        if not self.closed:
            try:
                self.server.on_message(self.sid, message)
            except Exception:
                log.exception("a message could not be handled", extra={"eio_sid": self.sid})

    def _refuse(self, code: int, problem: str) -> None:
        """A client that does not speak the protocol: a close frame with the reason, and its connection ends."""
        log.info("protocol error", extra={"eio_sid": self.sid, "problem": problem})
        self._hang_up(close_frame(code), self.server.reason.TRANSPORT_ERROR)

    def _broken(self, why: object, *_: object) -> None:
        """The socket can be used no longer. To let go of it costs as much as to serve it: herds do so in turns."""
        if self.outbox is None:
            return
        log.debug("socket is gone", extra={"eio_sid": self.sid, "why": str(why)})
        self.pause_reading()
        self.outbox.close()
        self.outbox = None
        if self.upgraded and not self.closed:
            goodbyes.add(self._end, self.server.reason.TRANSPORT_CLOSE)
        else:
            self._drop()
            self.upgrading = False

    def _hang_up(self, farewell: bytes, reason: str) -> None:
        """End the transport in order. A session that was only about to be upgraded goes on polling."""
        self._close_in_order(farewell)
        if not self.upgraded:
            self.upgrading = False
        elif not self.closed:
            goodbyes.add(self._end, reason)

    def _end(self, reason: str) -> None:
        """Tell the application, which may wait, that the session is over."""
        if self._inbox is not None:
            self._inbox.close()
        self.close(wait=False, abort=True, reason=reason)
        self.closed = True

    def _close_in_order(self, farewell: bytes) -> None:
        """Send what is left and the farewell, then close; a client that does not take it in time is cut."""
        outbox = self.outbox
        if outbox is not None:
            self.pause_reading()
            outbox.write(farewell)
            outbox.flush()
        if outbox is None or outbox.empty:
            self._drop()
        else:
            outbox.on_empty = self._drop

    def _drop(self) -> None:
        """Let go of the socket."""
        raw, self._raw = self._raw, None
        if raw is None:
            return
        self.pause_reading()  # before the descriptor goes: its number may be another connection's at once
        if self.outbox is not None:
            self.outbox.close()
            self.outbox = None
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
        raw.close()
