"""What was measured and what follows from it, as markdown."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.scaling.costs import Costs, derive
from benchmarks.scaling.loops import Small
from benchmarks.scaling.model import Demand, Load, demand
from benchmarks.scaling.probes import THROUGHPUT, Sample
from benchmarks.table import markdown, number

COUNTS = (1, 2, 3, 10, 30, 100, 300, 1000)

KINDS = {"pairs": "100 conversations of two", "tens": "30 of ten"}

MEANINGS = {
    "commit": ("node", "a transaction, whatever is in it"),
    "send": ("node", "a message: read, checked, stored, published, acknowledged"),
    "deliver": ("node", "a message to one socket"),
    "receive": ("node", "a packet of another node"),
    "mark": ("node", "one member's `read`, stored and told to a room of ten"),
    "compare": ("node", "a room with somebody here, each second"),
    "stored_commit": ("PostgreSQL", "a transaction"),
    "stored_message": ("PostgreSQL", "a message in it"),
    "stored_mark": ("PostgreSQL", "one member's `read`"),
    "compared_room": ("PostgreSQL", "a room of one node, each second"),
    "publish": ("Redis", "a packet that comes"),
    "push": ("Redis", "a packet that goes to one node"),
}

BUSY = Load(people_a_node=200, messages_a_minute=6.0)


def throughput(samples: Mapping[str, Sample]) -> str:
    """What one, two and three nodes do where everything shares the machine."""
    head = (
        "conversations",
        "nodes",
        "messages/s",
        "p50 ms",
        "p99 ms",
        "messages a commit",
        "CPU µs a message: nodes",
        "PostgreSQL",
        "Valkey",
        "in all",
    )
    rows = []
    for name, sample in samples.items():
        kind, _, count = name.rpartition("-")
        used = (sample.nodes, sample.postgresql, sample.valkey)
        each = [number(one / sample.messages * 1e6) for one in (*used, sum(used))]
        measured = (sample.messages, sample.p50_ms, sample.p99_ms, sample.messages / sample.commits)
        rows.append([KINDS[kind], count, *map(number, measured), *each])
    return markdown(head, rows)


def costs(found: Costs) -> str:
    """What each thing costs."""
    rows = [[what, where, number(getattr(found, name) * 1e6)] for name, (where, what) in MEANINGS.items()]
    return markdown(("what", "where", "CPU µs"), rows)


def check(found: Costs, samples: Mapping[str, Sample], still: Sample) -> str:
    """What these costs make of the measurements of 1, 2 and 3 nodes, beside what was measured."""
    rows = []
    for probe in THROUGHPUT:
        one = samples[probe.name]
        kind, _, count = probe.name.rpartition("-")
        places = min(probe.place[0].members, probe.nodes)
        nodes = (
            one.commits * found.commit
            + one.messages * (found.send + (places - 1) * found.receive)
            + one.deliveries * found.deliver
            + still.nodes * probe.nodes
        )
        stored = one.commits * found.stored_commit + one.messages * found.stored_message + still.postgresql
        redis = one.messages * (found.publish + places * found.push) + still.valkey * probe.nodes
        pairs = ((nodes, one.nodes), (stored, one.postgresql), (redis, one.valkey))
        rows.append([KINDS[kind], count, *(f"{said:.2f} / {used:.2f}" for said, used in pairs)])
    return markdown(("conversations", "nodes", "CPU s/s, calculated / measured: nodes", "PostgreSQL", "Valkey"), rows)


def outlook(found: Costs, load: Load) -> str:
    """What more and more nodes would need."""
    head = (
        "nodes",
        "people",
        "messages/s",
        "nodes that hear of a message",
        "a node's CPU",
        "Redis, cores",
        "PostgreSQL: writes, cores",
        "comparison, cores",
        "connections",
        "needed besides",
    )
    return markdown(head, [_line(demand(found, load, count)) for count in COUNTS])


def _line(one: Demand) -> list[str]:
    whole = (f"{one.nodes:,}", f"{one.people:,}", f"{one.messages:,.0f}", f"{one.spread:.1f}", f"{one.node:.0%}")
    cores = (f"{value:.2f}" if value < 10 else f"{value:.0f}" for value in (one.redis, one.writes, one.comparison))
    return [*whole, *cores, f"{one.connections:,}", "; ".join(one.needs) or "nothing"]


def of_run(fast: Mapping[str, Sample], alone: Mapping[str, Sample], small: Small) -> dict[str, str]:
    """All tables by their names, as the page has them."""
    found = derive(alone, small)
    return {
        "throughput": throughput(fast),
        "costs": costs(found),
        "check": check(found, fast, alone["still"]),
        "outlook": outlook(found, Load()),
        "busy": outlook(found, BUSY),
    }
