"""The ways in which the server is broken. A run asks one of them to strike, again and again."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from collections import Counter
from typing import Protocol

from tests.reliability.chaos.databases import Database
from tests.reliability.chaos.disk import SmallDisk
from tests.reliability.chaos.log import EventLog
from tests.reliability.chaos.proxy import Proxy
from tests.reliability.chaos.server import ChaosServer
from tests.support.valkey import Valkey

TERM_SECONDS = 10.0
"""A SIGTERM must have ended the server by then."""

FULL_SECONDS = 4.0
"""How long the disk stays full."""

BOMB_CALLS = (150, 900)
"""After so many commits the server is killed before it publishes one."""

LOST_ACKNOWLEDGEMENTS = 0.03
CUTS = 10
"""Connections that one strike cuts at an acknowledgement."""


class Stage:
    """What a fault may touch, and where it notes what it did."""

    def __init__(
        self, servers: list[ChaosServer], database: Database, relay: Valkey | None, log: EventLog, seed: int
    ) -> None:
        self.servers = servers
        self.database = database
        self.relay = relay
        self.log = log
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.complaints: list[str] = []

    @property
    def server(self) -> ChaosServer:
        """The only one, or the first."""
        return self.servers[0]

    def down(self, at: float | None = None) -> None:
        """From now (or `at`) on the server cannot serve, and is not expected to."""
        self.log.write("down", t=at)

    def up(self) -> None:
        """From now on it must."""
        self.log.write("up")

    async def start_server(self) -> None:
        """Start what does not run, and note when all listen."""
        for server in self.servers:
            if not server.running:
                await asyncio.to_thread(server.start)
        self.up()


class Fault(Protocol):
    """One way."""

    def prepare(self, stage: Stage) -> None:
        """Before the server's first start."""

    async def strike(self, stage: Stage, number: int) -> None:
        """Break it, once, and mend it."""

    def finish(self, stage: Stage) -> None:
        """After the last strike: nothing breaks any more."""


class Plain:
    """A fault that needs nothing before and after."""

    def prepare(self, stage: Stage) -> None:
        """See `Fault`."""

    def finish(self, stage: Stage) -> None:
        """See `Fault`."""


class Kill(Plain):
    """SIGKILL, and a start."""

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        stage.down()
        await asyncio.to_thread(stage.random.choice(stage.servers).kill)
        stage.done["SIGKILL"] += 1
        await stage.start_server()


class Terminate(Plain):
    """SIGTERM, an orderly end, and a start."""

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        begun = time.monotonic()
        stage.down()
        stage.log.write("term")
        stage.server.child.signal(signal.SIGTERM)
        try:
            status = await asyncio.to_thread(stage.server.child.wait, TERM_SECONDS)
        except subprocess.TimeoutExpired:
            stage.complaints.append(f"SIGTERM {number}: still there after {TERM_SECONDS} s")
            await asyncio.to_thread(stage.server.kill)
        else:
            stage.done["SIGTERM"] += 1
            if status:
                stage.complaints.append(f"SIGTERM {number}: exit status {status}")
        slowest = max(stage.done["slowest end, ms"], round((time.monotonic() - begun) * 1000))
        stage.done["slowest end, ms"] = slowest
        await stage.start_server()


class BeforePublishing(Plain):
    """SIGKILL exactly between a commit and its events, from inside (`launcher.py`); the last server is left alone."""

    def __init__(self, kills: int) -> None:
        self._kills = kills

    def prepare(self, stage: Stage) -> None:
        """See `Fault`."""
        stage.server.bomb = stage.random.randint(*BOMB_CALLS)

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        status = await asyncio.to_thread(stage.server.child.wait, 120)
        stage.down()
        if status == -signal.SIGKILL:
            stage.done["SIGKILL between commit and publish"] += 1
        else:
            stage.complaints.append(f"the bomb did not go off: exit status {status}")
        if number + 1 < self._kills:
            self.prepare(stage)
        else:
            stage.server.bomb = 0
        await stage.start_server()


class Network:
    """Connections reset, blackholed and cut at an acknowledgement; and acknowledgements that vanish."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def prepare(self, stage: Stage) -> None:
        """See `Fault`."""
        self._proxy.lose = LOST_ACKNOWLEDGEMENTS

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        if number % 3 == 0:
            self._proxy.reset_some(0.3)
        elif number % 3 == 1:
            self._proxy.darken_some(0.2)
        else:
            await self._proxy.cut(CUTS)

    def finish(self, stage: Stage) -> None:
        """See `Fault`."""
        self._proxy.lose = 0.0
        stage.done.update(self._proxy.done)


class FullDisk(Plain):
    """The disk fills up, and is freed after a while."""

    def __init__(self, disk: SmallDisk) -> None:
        self._disk = disk

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        stage.down()
        deadline = time.monotonic() + FULL_SECONDS
        while time.monotonic() < deadline:
            # Again and again: checkpoints give space back.
            await asyncio.to_thread(self._disk.fill)
            await asyncio.sleep(0.1)
        stage.done["disk full"] += 1
        await asyncio.to_thread(self._disk.free)
        stage.up()


class RelayKilled(Plain):
    """Valkey is killed, with all that it held, and comes back empty after a while. Nothing else is down."""

    def __init__(self, away: float) -> None:
        self._away = away

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        assert stage.relay is not None
        stage.log.write("relay-down")
        stage.relay.kill()
        await asyncio.sleep(self._away)
        await asyncio.to_thread(stage.relay.start)
        stage.log.write("relay-up")
        stage.done["relay killed"] += 1


class RelayFrozen(Plain):
    """Valkey keeps its connections and answers nothing for a while. Nothing else is down."""

    def __init__(self, away: float) -> None:
        self._away = away

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        assert stage.relay is not None
        stage.log.write("relay-down")
        stage.relay.freeze()
        await asyncio.sleep(self._away)
        stage.relay.thaw()
        stage.log.write("relay-up")
        stage.done["relay frozen"] += 1


class DatabaseGone(Plain):
    """PostgreSQL ends and comes back; SQLite is locked by somebody else for longer than the server waits."""

    async def strike(self, stage: Stage, number: int) -> None:
        """See `Fault`."""
        stage.down()
        await stage.database.break_once(number)
        stage.done["database away"] += 1
        stage.up()
