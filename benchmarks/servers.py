"""The servers that are measured, each as a production would run it, on a port of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import node
from benchmarks.databases import Database, Kind
from benchmarks.paths import PROJECT, CannotMeasure, environment
from benchmarks.world import SECRET
from tests.support.processes import Child
from tests.support.valkey import Valkey

START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A server with its settings. `server` is what `--servers` calls it, `label` what the table calls it.

    With `relay` it has a Valkey of its own beside it, where it follows its rooms and says who is there.
    """

    name: str
    server: str
    label: str
    kind: Kind
    env: tuple[tuple[str, str], ...] = field(default=())
    relay: bool = False


OURS = Contender("ours", "ours", "Parley", "ours", (("SQLITE_SYNCHRONOUS", "normal"),))
OURS_FULL = Contender("ours-full", "ours", "Parley, FULL", "ours", (("SQLITE_SYNCHRONOUS", "full"),))
OURS_RELAY = Contender("ours-relay", "relay", "Parley, relay", OURS.kind, OURS.env, relay=True)
OURS_MILLION = Contender("ours-million", "ours", "Parley, 1,000,000 messages", OURS.kind, OURS.env)
STOCK = Contender(
    "stock", "stock", "Parley, ENGINE=stock", "ours", (("SQLITE_SYNCHRONOUS", "normal"), ("ENGINE", "stock"))
)
NODE = Contender("node", "node", "Node, the guide's", "guide")
NODE_GROUP = Contender("node-group", "node-group", "Node, with group commit", "guide", (("GROUP_COMMIT", "1"),))

SERVERS = ("ours", "relay", "stock", "node", "node-group")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens."""

    child: Child
    port: int

    @property
    def pid(self) -> int:
        """The system's id of its process."""
        return self.child.pid

    def memory(self) -> tuple[int, int]:
        """Resident and proportional set size of the process, bytes (proc(5), smaps_rollup)."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        sizes = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", text, re.MULTILINE))
        return int(sizes["Rss"]) * 1024, int(sizes["Pss"]) * 1024


@contextmanager
def running(contender: Contender, database: Database) -> Iterator[Running]:
    """The server, started and listening; killed by its own id afterwards, with its data. Raises CannotMeasure."""
    with _redis_url(contender) as redis_url:
        if contender.kind == "ours":
            child = _start_ours(contender, database, redis_url)
        else:
            child = _start_guide(contender, database)
        try:
            found = child.out.wait_for(r"listening on (?:http://\S+:)?(\d+)", START_SECONDS)
            if found is None:
                raise CannotMeasure(f"{contender.label} did not start: {child.err.text() or child.out.text()}")
            yield Running(child, int(found[1]))
        finally:
            if child.running:
                child.kill()


@contextmanager
def _redis_url(contender: Contender) -> Iterator[str]:
    """The address of a relay, where the server is to have one; it is stopped afterwards."""
    if not contender.relay:
        yield ""
        return
    valkey = Valkey()
    try:
        yield valkey.url
    finally:
        valkey.stop()


def _start_ours(contender: Contender, database: Database, redis_url: str) -> Child:
    env = environment(
        PYTHONUNBUFFERED="1",
        ENVIRONMENT="production",
        HOST="127.0.0.1",
        PORT="0",
        LOG_LEVEL="warning",
        RATE_LIMITS="off",
        JWT_SECRET=SECRET,
        DATA_DIR=str(database.folder),
        DATABASE_URL=database.url,
        **{"REDIS_URL": redis_url, **dict(contender.env)},
    )
    return Child([sys.executable, PROJECT / "app.py"], env=env)


def _start_guide(contender: Contender, database: Database) -> Child:
    node.packages()
    env = environment(
        NODE_ENV="production",
        PORT="0",
        JWT_SECRET=SECRET,
        DB_FILE=str(database.folder / "guide.db"),
        DATABASE_URL=database.url,
        **dict(contender.env),
    )
    return Child([node.program(), node.PEER / "server.mjs"], env=env, cwd=node.PEER)
