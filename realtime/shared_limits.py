"""Where Flask-Limiter counts on several nodes: in Redis, and in this node's memory while Redis is away.

Nobody waits for it for longer than `ASK_SECONDS`, and no request fails by it.
"""

from __future__ import annotations

import time

from limits.storage import MemoryStorage, Storage

from realtime.bus import Away
from realtime.bus.bus import Asked
from realtime.bus.resp import Reply, pack
from realtime.nodes import nodes

SCHEME = "parley-nodes"
"""What `RATELIMIT_STORAGE_URI` calls it."""

ASK_SECONDS = 0.25


class SharedStorage(Storage):
    """Counters of fixed windows. Each is one key, which ends with its window."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 (the library's own name and kind)

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **_: object) -> None:
        super().__init__(uri, wrap_exceptions)
        self._own = MemoryStorage()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library may expect; nothing of ours leaves here."""
        return Away

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; returns how many there are in the window, which lasts `expiry` seconds from its first."""
        name = self._name(key)
        commands = [
            pack("SET", name, 0, "NX", "EX", expiry),
            pack("INCRBY", name, amount),
            pack("EXPIRE", name, expiry, "NX"),  # should the window have ended between the two
        ]
        try:
            _, count, _ = self._ask((name, commands))
        except Away:
            return self._own.incr(key, expiry, amount=amount)
        return int(count)

    def get(self, key: str) -> int:
        """How many there are."""
        name = self._name(key)
        try:
            (count,) = self._ask((name, [pack("GET", name)]))
        except Away:
            return self._own.get(key)
        return int(count or 0)

    def get_expiry(self, key: str) -> float:
        """When the window ends, in Unix seconds; now, where there is none."""
        name = self._name(key)
        try:
            (left,) = self._ask((name, [pack("PTTL", name)]))
        except Away:
            return self._own.get_expiry(key)
        return time.time() + max(0, int(left)) / 1000

    def check(self) -> bool:
        """There is always somewhere to count."""
        return True

    def reset(self) -> int | None:
        """Forget what was counted here; the shared counters end by themselves."""
        return self._own.reset()

    def clear(self, key: str) -> None:
        """Forget one counter."""
        self._own.clear(key)
        name = self._name(key)
        try:
            self._ask((name, [pack("DEL", name)]))
        except Away:
            return

    @staticmethod
    def _name(key: str) -> str:
        return nodes.bus.name("l", key) if nodes.bus is not None else key

    @staticmethod
    def _ask(question: Asked) -> list[Reply]:
        """The replies. Raises Away, also where one is a refusal."""
        if nodes.bus is None:
            raise Away
        (replies,) = nodes.bus.ask([question], ASK_SECONDS)
        if any(isinstance(reply, Exception) for reply in replies):
            raise Away
        return replies
