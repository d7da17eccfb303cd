"""The channels that this node follows, on whichever server each is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from realtime.bus.figures import CHANNELS
from realtime.bus.shards import Shards
from realtime.bus.subscriptions import Waiter

LINGER_SECONDS = 10.0
"""A channel that nobody needs is followed for so long, for whoever comes back to it."""


class Following:
    """What is followed now, and what nobody needs any more."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self._followed: set[bytes] = set()
        self._left: dict[bytes, float] = {}
        self._lock = threading.RLock()

    def follow(self, channels: Iterable[str]) -> None:
        """Hear what is published on these, from soon on."""
        with self._lock:
            for channel in channels:
                name = channel.encode()
                self._left.pop(name, None)
                if name not in self._followed:
                    self._followed.add(name)
                    shard = self._shards.of(name)
                    if shard is not None and shard.subscriptions is not None:
                        shard.subscriptions.follow([name])

    def leave(self, channel: str) -> None:
        """Nobody needs this one any more; it is followed for a while yet."""
        with self._lock:
            name = channel.encode()
            if name in self._followed:
                self._left[name] = time.monotonic()

    def hears(self, channel: str) -> bool:
        """Whether what is published there comes here, as far as is known."""
        shard = self._shards.of(channel.encode())
        return shard is not None and shard.subscriptions is not None and shard.subscriptions.hears(channel.encode())

    def wait(self, channels: Iterable[str], seconds: float) -> None:
        """Until these are followed, `seconds` at most; not at all for a server that is away or silent."""
        waiter = Waiter()
        for channel in channels:
            name = channel.encode()
            shard = self._shards.of(name)
            if shard is not None and shard.subscriptions is not None:
                shard.subscriptions.register(waiter, name)
        waiter.one()
        waiter.finished.wait(seconds)

    def arrange(self) -> None:
        """Servers have come, gone, or exchanged what they have: follow each channel where it is now."""
        with self._lock:
            for shard in self._shards.all:
                if shard.subscriptions is not None:
                    mine = {name for name in self._followed if self._shards.of(name) is shard}
                    shard.subscriptions.leave([name for name in shard.subscriptions.all() if name not in mine])
                    shard.subscriptions.follow(mine)

    def sweep(self) -> None:
        """Leave what nobody has come back to."""
        with self._lock:
            until = time.monotonic() - LINGER_SECONDS
            gone = [name for name, left in self._left.items() if left < until]
            for name in gone:
                del self._left[name]
                self._followed.discard(name)
                shard = self._shards.of(name)
                if shard is not None and shard.subscriptions is not None:
                    shard.subscriptions.leave([name])
        CHANNELS.set(len(self._followed))
