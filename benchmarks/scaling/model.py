"""What a number of nodes would need, calculated from what each thing costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.scaling.costs import Costs

ONE_THREAD = 0.7
"""How busy a thread may be that people wait for: a node, a Redis."""

PRIMARY_CORES = 16
"""Processors of the largest PostgreSQL that this reckons with; they too may be busy for `ONE_THREAD` of their time."""

CONNECTIONS = 500
"""Connections that one PostgreSQL is given here; each is a process there."""

POOL = 10
"""`DATABASE_POOL`: connections of a node, once it was busy."""


@dataclass(frozen=True, slots=True)
class Load:
    """What people do. `online` of a conversation's members are there at a time, wherever chance put them."""

    people_a_node: int = 1_000
    messages_a_minute: float = 1.0
    online: int = 10
    rooms_each: float = 5.0
    marks: float = 1.0
    """How many of those who are there and did not write mark a message as read, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What it comes to. `node` is one node's processor, `redis` all of Redis's, the last two PostgreSQL's."""

    nodes: int
    people: int
    messages: float
    spread: float
    node: float
    redis: float
    writes: float
    comparison: float
    connections: int

    @property
    def redis_servers(self) -> int:
        """Of a cluster, which splits channels evenly."""
        return max(1, math.ceil(self.redis / ONE_THREAD))

    @property
    def replicas(self) -> int:
        """Copies of the database that the comparison needs for itself, once the primary has no room for it."""
        fits = self.writes / self.partitions + self.comparison <= PRIMARY_CORES * ONE_THREAD
        return 0 if fits else math.ceil(self.comparison / (PRIMARY_CORES * ONE_THREAD))

    @property
    def partitions(self) -> int:
        """Primaries that the conversations would have to be shared out to."""
        return max(1, math.ceil(self.writes / (PRIMARY_CORES * ONE_THREAD)))

    @property
    def needs(self) -> list[str]:
        """What has to be more than one of each."""
        found = []
        if self.connections > CONNECTIONS:
            found.append("smaller pools")
        if self.redis_servers > 1:
            found.append(f"a Redis cluster of {self.redis_servers}")
        if self.replicas:
            found.append(f"{self.replicas} read {'replica' if self.replicas == 1 else 'replicas'}")
        if self.partitions > 1:
            found.append(f"messages in {self.partitions} partitions")
        return found


def spread(online: int, nodes: int) -> float:
    """How many nodes hold somebody of `online` members, on average, where chance decides."""
    return nodes * (1 - (1 - 1 / nodes) ** online)


def demand(costs: Costs, load: Load, nodes: int) -> Demand:
    """What so many nodes need. Each message is a commit by itself, the dearest case."""
    people = nodes * load.people_a_node
    messages = people * load.messages_a_minute / 60
    rooms = people * load.rooms_each / load.online
    marks = messages * (load.online - 1) * load.marks
    packets = messages + marks * costs.mark_packets
    on = spread(load.online, nodes)
    inside = messages * (costs.commit + costs.send + costs.deliver * load.online) + marks * costs.mark
    between = packets * (on - 1) * costs.receive + rooms * on * costs.compare
    return Demand(
        nodes=nodes,
        people=people,
        messages=messages,
        spread=on,
        node=(inside + between) / nodes,
        redis=packets * (costs.publish + on * costs.push),
        writes=messages * (costs.stored_commit + costs.stored_message) + marks * costs.stored_mark,
        comparison=rooms * on * costs.compared_room,
        connections=nodes * POOL,
    )
