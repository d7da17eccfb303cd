"""`bin/scaling`: its arithmetic, the page that it fills in, and one small measurement of two real nodes."""

from __future__ import annotations

import random
from dataclasses import asdict, replace

import pytest

from benchmarks.databases import Databases
from benchmarks.paths import CannotMeasure
from benchmarks.scaling import command, tables
from benchmarks.scaling.costs import Costs, derive, solve
from benchmarks.scaling.loops import Small, publishing
from benchmarks.scaling.model import CONNECTIONS, Demand, Load, demand, spread
from benchmarks.scaling.probes import COSTS, THROUGHPUT, Probe, Sample, mean, run
from benchmarks.world import Rooms
from tests.benchmarks.test_measuring import needs_compiler

MICRO = 1e-6
KNOWN = Costs(
    commit=900 * MICRO,
    send=200 * MICRO,
    deliver=5 * MICRO,
    receive=30 * MICRO,
    mark=80 * MICRO,
    compare=4 * MICRO,
    stored_commit=400 * MICRO,
    stored_message=150 * MICRO,
    stored_mark=40 * MICRO,
    compared_room=2 * MICRO,
    publish=6 * MICRO,
    push=3 * MICRO,
    mark_packets=0.25,
)
SMALL = Small(compare=KNOWN.compare, compared_room=KNOWN.compared_room, publish=KNOWN.publish, push=KNOWN.push)
STILL = Sample(nodes=0.004, postgresql=0.002, valkey=0.001)


def as_if(probe: Probe, costs: Costs, commits: float, messages: float) -> Sample:
    """What a probe would show if each thing cost exactly this, beside what is used in any case."""
    members = probe.place[0].members
    places = min(members, probe.nodes)
    marks = messages * (members - 1) if "-R" in probe.options else 0.0
    nodes = commits * costs.commit + messages * (costs.send + members * costs.deliver + (places - 1) * costs.receive)
    return Sample(
        messages=messages,
        deliveries=messages * members,
        marks=marks,
        commits=commits,
        packets=messages + marks * costs.mark_packets,
        nodes=nodes + marks * costs.mark + STILL.nodes * probe.nodes,
        postgresql=commits * costs.stored_commit
        + messages * costs.stored_message
        + marks * costs.stored_mark
        + STILL.postgresql,
        valkey=messages * (costs.publish + places * costs.push) + STILL.valkey * probe.nodes,
    )


RATES = {"lone": (300, 300), "many": (60, 3000), "crowd": (50, 400), "apart": (90, 2500), "marked": (60, 90)}


def test_the_probes_show_what_each_thing_costs() -> None:
    measured = {probe.name: as_if(probe, KNOWN, *RATES[probe.name]) for probe in COSTS[1:]}
    assert asdict(derive({"still": STILL, **measured}, SMALL)) == pytest.approx(asdict(KNOWN))


def test_what_the_costs_make_of_real_nodes_stands_beside_what_was_measured() -> None:
    measured = {probe.name: as_if(probe, KNOWN, 50, 2000) for probe in THROUGHPUT}
    for line in tables.check(KNOWN, measured, STILL).splitlines()[2:]:
        said = [tuple(cell.split("/")) for cell in line.split("|")[3:6]]
        assert all(float(calculated) == float(used) > 0 for calculated, used in said), line


@pytest.mark.parametrize("nodes", [1, 2, 10, 1000])
def test_a_room_is_on_as_many_nodes_as_chance_puts_its_members_on(nodes: int) -> None:
    source = random.Random(5)
    thrown = [len({source.randrange(nodes) for _ in range(10)}) for _ in range(5000)]
    assert spread(10, nodes) == pytest.approx(sum(thrown) / len(thrown), rel=0.02)


def test_a_node_alone_pays_for_no_other_and_a_thousand_cost_each_a_little_more() -> None:
    one, two, many = (demand(KNOWN, Load(), nodes) for nodes in (1, 2, 1000))
    assert one.node == demand(replace(KNOWN, receive=1.0), Load(), 1).node
    assert one.spread == 1
    assert one.needs == []
    assert one.node < two.node < many.node
    assert many.people == 1000 * one.people
    assert many.messages == pytest.approx(1000 * one.messages)
    assert many.writes == pytest.approx(1000 * one.writes), "what is stored does not depend on where it comes from"
    assert many.comparison == pytest.approx(1000 * one.comparison * many.spread), "each node compares its own rooms"


@pytest.mark.parametrize(
    ("more", "needs"),
    [
        ({}, []),
        ({"connections": CONNECTIONS + 1}, ["smaller pools"]),
        ({"redis": 0.71}, ["a Redis cluster of 2"]),
        ({"writes": 11.1}, []),
        ({"writes": 11.1, "comparison": 0.2}, ["1 read replica"]),
        ({"comparison": 22.5}, ["3 read replicas"]),
        ({"writes": 11.3}, ["messages in 2 partitions"]),
    ],
)
def test_what_is_needed_besides(more: dict[str, float], needs: list[str]) -> None:
    small = Demand(1, 10, 1.0, 1.0, node=0.1, redis=0.1, writes=0.1, comparison=0.0, connections=10)
    assert replace(small, **more).needs == needs  # type: ignore[arg-type]


def test_the_page_has_the_tables_of_what_was_measured() -> None:
    page = command.PAGE.read_text()
    found = command.all_tables(command.read())
    assert command.with_tables(page, found) == page, "bin/scaling --calculate --write"
    with pytest.raises(CannotMeasure, match="no place for the table 'another'"):
        command.with_tables(page, {"another": ""})


def test_the_mean_is_figure_by_figure() -> None:
    assert mean([Sample(messages=1, nodes=9), Sample(messages=3, nodes=7)]) == Sample(messages=2, nodes=8)


@needs_compiler
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_node_is_measured_as_one_of_several_and_two_with_each_room_on_both(nodes: int) -> None:
    probe = Probe("tiny", nodes, (Rooms(5, 2),), "-w 0.3 -R -r 40")
    with Databases() as databases:
        found = run(databases, probe, 0.6)
    assert found.messages > 10
    assert found.deliveries == pytest.approx(2 * found.messages, rel=0.2)
    assert found.marks > 0
    assert 0 < found.commits <= found.messages
    assert found.packets >= 0.8 * found.messages
    assert 0 < found.p50_ms <= found.p99_ms < 1000
    assert min(found.nodes, found.postgresql, found.valkey) > 0


def test_what_redis_pays_is_measured_with_few_and_with_many_that_hear() -> None:
    """That it is more with many is no test's to say: machines are noisy."""
    assert publishing(1, 300) > 0
    assert publishing(9, 300) > 0


def test_equations_are_solved() -> None:
    rows, x = [[0.0, 2.0, 1.0], [1.0, -2.0, 0.0], [3.0, 0.0, 4.0]], [5.0, -1.0, 0.5]
    values = [sum(a * b for a, b in zip(row, x, strict=True)) for row in rows]
    assert solve(rows, values) == pytest.approx(x)
