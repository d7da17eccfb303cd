"""The channels that this node follows on one server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from realtime.bus.address import Opened
from realtime.bus.lane import Lane
from realtime.bus.resp import Reply, ReplyError, pack
from realtime.chunks import chunks

log = logging.getLogger("parley.relay")

CHUNK = 500
"""Channels in one SUBSCRIBE."""

MESSAGE, CONFIRMED = (b"message", b"smessage"), (b"subscribe", b"ssubscribe")


class Waiter:
    """Somebody who waits until channels are confirmed; `one` for itself, once all of them are counted."""

    def __init__(self) -> None:
        self._left = 1
        self._lock = threading.Lock()
        self.finished = threading.Event()

    def count(self) -> None:
        """One more to wait for."""
        with self._lock:
            self._left += 1

    def one(self) -> None:
        """One of them is confirmed, or will not be."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.finished.set()


class _Channel:
    """`asked` counts the SUBSCRIBEs under way; it is confirmed once the last of them is."""

    __slots__ = ("asked", "confirmed", "waiters")

    def __init__(self) -> None:
        self.asked = 0
        self.confirmed = False
        self.waiters: list[Waiter] = []

    def release(self) -> None:
        """Those who wait need wait no longer."""
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            waiter.one()


class Subscriptions(Lane):
    """The lane for subscriptions. `deliver` gets each message's channel and content, in order, and raises nothing.

    `restored` is called once all channels are followed again after a new connection; `moved`, where the server says
    that another one has a channel. With `sharded`, a cluster's own kind of channels is used.
    """

    name = "subscriptions"

    def __init__(
        self,
        connect: Callable[[str], Opened],
        deliver: Callable[[bytes, bytes], None],
        restored: Callable[[], None],
        moved: Callable[[], None],
        *,
        sharded: bool,
    ) -> None:
        super().__init__(connect)
        self._deliver = deliver
        self._restored = restored
        self._moved = moved
        self._prefix = "S" if sharded else ""
        self._chunk = 1 if sharded else CHUNK  # the channels of one SSUBSCRIBE must be in one slot
        self._channels: dict[bytes, _Channel] = {}
        self._restoring: set[bytes] | None = None

    def follow(self, channels: Iterable[bytes]) -> None:
        """Subscribe to these, now or as soon as there is a connection."""
        with self._lock:
            fresh = [channel for channel in channels if channel not in self._channels]
            for channel in fresh:
                self._channels[channel] = _Channel()
            if self.up:
                self._subscribe(fresh)

    def leave(self, channels: Iterable[bytes]) -> None:
        """Follow these no longer."""
        with self._lock:
            left = []
            for channel in channels:
                known = self._channels.pop(channel, None)
                if known is not None:
                    known.release()
                    left.append(channel)
                    self._restored_one(channel)
            if self.up:
                self._tell("UNSUBSCRIBE", left)

    def all(self) -> list[bytes]:
        """What is followed."""
        with self._lock:
            return list(self._channels)

    @property
    def ready(self) -> bool:
        """Whether what was followed before the connection was lost is followed again."""
        with self._lock:
            return self.up and self._restoring is None

    def hears(self, channel: bytes) -> bool:
        """Whether what is published there comes here, as far as is known."""
        known = self._channels.get(channel)
        return known is not None and known.confirmed and self.responsive

    def register(self, waiter: Waiter, channel: bytes) -> None:
        """Count this one in where it is not confirmed yet, and may soon be."""
        with self._lock:
            known = self._channels.get(channel)
            if known is not None and not known.confirmed and self.responsive:
                waiter.count()
                known.waiters.append(waiter)

    def _subscribe(self, channels: Iterable[bytes]) -> None:
        channels = list(channels)
        for channel in channels:
            self._channels[channel].asked += 1
        self._tell("SUBSCRIBE", channels)

    def _tell(self, verb: str, channels: Iterable[bytes]) -> None:
        for chunk in chunks(channels, self._chunk):
            self._put(pack(self._prefix + verb, *chunk))

    def _on_up(self) -> None:
        self._restoring = set(self._channels)
        self._subscribe(self._channels)
        self._restored_one(b"")

    def _on_down(self) -> None:
        for channel in self._channels.values():
            channel.asked, channel.confirmed = 0, False
            channel.release()

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, ReplyError):
            log.warning("the relay refused a subscription", extra={"problem": str(reply)[:200]})
            self._moved()
        elif isinstance(reply, list) and reply[0] in MESSAGE:
            self._deliver(reply[1], reply[2])
        elif isinstance(reply, list) and reply[0] in CONFIRMED:
            self._confirm(reply[1])
        elif isinstance(reply, list) and reply[0] == b"sunsubscribe" and reply[1] in self._channels:
            self._moved()  # nobody asked for that: the channel's slot has another server now

    def _confirm(self, name: bytes) -> None:
        with self._lock:
            channel = self._channels.get(name)
            if channel is None:
                return
            channel.asked -= 1
            if channel.asked <= 0:
                channel.confirmed = True
                channel.release()
                self._restored_one(name)

    def _restored_one(self, name: bytes) -> None:
        """Of the channels that are followed anew, this one is, or need not be."""
        if self._restoring is not None:
            self._restoring.discard(name)
            if not self._restoring:
                self._restoring = None
                self._restored()
