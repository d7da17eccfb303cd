"""Which server has which channel and key: one for all, or a cluster's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from redis import RedisError
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

import runtime
from realtime.bus.address import Address, Opened
from realtime.bus.commands import Commands
from realtime.bus.lane import Lane
from realtime.bus.subscriptions import Subscriptions

log = logging.getLogger("parley.relay")

ASK_AGAIN_SECONDS = 1.0
"""How often a cluster is asked at most which server has what."""

Place = tuple[str, int]
"""A host and a port."""


@dataclass(slots=True)
class Shard:
    """One server's two connections; `place` is None where it is the only one, and looked up at each connect."""

    place: Place | None
    commands: Commands
    subscriptions: Subscriptions | None

    def restart(self) -> None:
        """New connections."""
        for lane in self.lanes:
            lane.restart()

    @property
    def lanes(self) -> list[Lane]:
        """Its connections."""
        return [self.commands, self.subscriptions] if self.subscriptions is not None else [self.commands]


class Shards:
    """The servers that are there now. `make` opens the connections to one; `changed` is told after each change."""

    def __init__(
        self, address: Address, make: Callable[[Place | None], Shard], changed: Callable[[list[Shard]], None]
    ) -> None:
        self._address = address
        self._make = make
        self._changed = changed
        self._all: list[Shard] = []
        self._slots: list[Shard] | None = None
        self._wanted = threading.Event()
        self._seeds = list(address.hosts)
        self._stopped = False

    def start(self) -> None:
        """Look for them until they are found, and again whenever `look_again` was called."""
        self._wanted.set()
        runtime.spawn(self._watch)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        self._wanted.set()

    def look_again(self) -> None:
        """Something was not where it should be: a cluster is asked again, a single server connected to anew."""
        if self.sharded:
            self._wanted.set()
            return
        for shard in self._all:
            shard.restart()

    @property
    def all(self) -> list[Shard]:
        """Every server; empty until they are known."""
        return self._all

    @property
    def sharded(self) -> bool:
        """Whether they are a cluster."""
        return self._slots is not None

    def of(self, key: bytes) -> Shard | None:
        """The server that has this channel or key, if that is known."""
        if self._slots is not None:
            return self._slots[key_slot(key)]
        return self._all[0] if self._all else None

    def _watch(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopped:
                return
            try:
                self._look()
            except (RedisError, OSError, ValueError) as error:
                log.info("the relay's servers are not known", extra={"problem": str(error)[:200]})
                if not self._all:
                    self._all = [self._make(None)]  # it says by itself when it is away, and when it is back
                    self._changed([])
                self._wanted.set()
            runtime.sleep(ASK_AGAIN_SECONDS)

    def _look(self) -> None:
        """Ask who has what, and take that over. Raises RedisError, OSError."""
        ranges = self._ask()
        if ranges is None:
            if not self._all:
                self._all = [self._make(None)]
                self._changed([])
            return
        known = {shard.place: shard for shard in self._all}
        places = sorted({place for _, _, place in ranges})
        shards = {place: known.pop(place) if place in known else self._make(place) for place in places}
        slots: list[Shard] = [shards[ranges[0][2]]] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, place in ranges:
            slots[first : last + 1] = [shards[place]] * (last - first + 1)
        self._all, self._slots = list(shards.values()), slots
        self._changed(list(known.values()))
        self._seeds = [*places, *self._address.hosts]

    def _ask(self) -> list[tuple[int, int, Place]] | None:
        """A cluster's slots, each range with its server; None where it is no cluster."""
        place, connection = self._open()
        try:
            answer = connection.ask("CLUSTER", "SLOTS")
        finally:
            connection.close()
        if not isinstance(answer, list) or not answer:
            return None
        return [(int(one[0]), int(one[1]), _place(one[2], place)) for one in answer]

    def _open(self) -> tuple[Place, Opened]:
        if self._address.service:
            place = self._address.resolve()
            return place, self._address.open(*place, name="parley")
        failed: Exception | None = None
        for place in list(dict.fromkeys(self._seeds)):
            try:
                return place, self._address.open(*place, name="parley")
            except (RedisError, OSError) as error:
                failed = error
        raise failed or OSError("no server")


def _place(node: list[bytes | int], asked: Place) -> Place:
    """The host and port of a node; one without a name is where the answer came from."""
    host = node[0].decode() if isinstance(node[0], bytes) else ""
    return (host if host and host != "?" else asked[0]), int(node[1])
