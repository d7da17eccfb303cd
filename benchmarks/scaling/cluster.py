"""Several servers on one PostgreSQL and one Valkey, and what each kind of process uses of the processors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import redis
import requests

from benchmarks.databases import Databases
from benchmarks.servers import Contender, Running, running
from benchmarks.world import Place
from tests.support.valkey import Valkey

PROC = Path("/proc")
COMMON = "parley:0:all"
"""The channel that all nodes follow, by its default name."""


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of processor time."""

    nodes: float
    postgresql: float
    valkey: float

    def since(self, before: Used) -> Used:
        """What came on top of `before`."""
        return Used(self.nodes - before.nodes, self.postgresql - before.postgresql, self.valkey - before.valkey)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Servers that listen, and the processes that they share. `folder` is for the generator's plan."""

    nodes: list[Running]
    postgresql: int
    valkey: int
    url: str
    folder: Path

    def used(self) -> Used:
        """By each kind, until now."""
        nodes = sum(processor_seconds(node.pid) for node in self.nodes)
        return Used(nodes, family_seconds(self.postgresql), processor_seconds(self.valkey))

    def packets(self) -> float:
        """How many packets all nodes have published."""
        found = 0.0
        for node in self.nodes:
            text = requests.get(f"http://127.0.0.1:{node.port}/metrics", timeout=10).text
            found += sum(map(float, re.findall(r"^parley_relay_published_total ([0-9.e+]+)$", text, re.MULTILINE)))
        return found

    def together(self) -> float:
        """How many messages share a commit, on average: those of one transaction have its number (`xmin`)."""
        with contextlib.closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM messages")
            messages, commits = cursor.fetchone() or (0, 0)
        return messages / commits if commits else 1.0


@contextmanager
def cluster(databases: Databases, place: Place, count: int) -> Iterator[Cluster]:
    """So many servers with the place in their database; gone afterwards. Raises CannotMeasure.

    One that is alone publishes nothing. Each is measured as one of several: somebody follows what all nodes follow.
    """
    with ExitStack() as stack:
        database = stack.enter_context(databases.fresh("ours", "postgresql", place))
        valkey = Valkey()
        stack.callback(valkey.stop)
        company = redis.Redis.from_url(valkey.url).pubsub()  # type: ignore[no-untyped-call]
        stack.callback(company.close)
        company.subscribe(COMMON)
        contender = Contender("node", "ours", "Parley", "ours", (("REDIS_URL", valkey.url),))
        nodes = [stack.enter_context(running(contender, database)) for _ in range(count)]
        yield Cluster(nodes, databases.postgres.pid, valkey.pid, database.url, database.folder)


def processor_seconds(pid: int) -> float:
    """What all threads of a process have used, to the nanosecond (proc(5), schedstat); 0 where it has ended."""
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in (PROC / str(pid) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def family_seconds(pid: int) -> float:
    """The same of a process and those that it has started."""
    return sum(processor_seconds(one) for one in (pid, *children(pid)))


def children(pid: int) -> list[int]:
    """The processes that this one has started and that live."""
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found
