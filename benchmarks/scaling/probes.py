"""What is measured: each probe is a number of nodes, who is there, and what the generator does."""

from __future__ import annotations

from dataclasses import dataclass, fields

from benchmarks.databases import Databases
from benchmarks.generator import Load
from benchmarks.paths import CannotMeasure, say
from benchmarks.scaling.cluster import Used, cluster
from benchmarks.workloads.base import allow_files
from benchmarks.world import Place, Rooms, write_plan

LINE_SECONDS = 150.0
"""How long the generator may take to its next line."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One measurement. Clients take the nodes in turns, so that a room is on all of them that it has members for."""

    name: str
    nodes: int
    place: Place
    options: str = ""
    senders: int = 1
    join: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """What came of a probe, a second.

    Messages, what members got, marks (`read`), commits of messages, packets to Redis; CPU seconds of each kind.
    """

    messages: float = 0.0
    deliveries: float = 0.0
    marks: float = 0.0
    commits: float = 0.0
    packets: float = 0.0
    nodes: float = 0.0
    postgresql: float = 0.0
    valkey: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


PAIRS = (Rooms(100, 2),)
TENS = (Rooms(30, 10),)

THROUGHPUT = (
    *(Probe(f"pairs-{count}", count, PAIRS) for count in (1, 2, 3)),
    *(Probe(f"tens-{count}", count, TENS) for count in (1, 2, 3)),
)
"""As fast as it goes: each conversation has one message on its way."""

COSTS = (
    Probe("still", 1, (Rooms(1, 2),), senders=0),
    Probe("lone", 1, (Rooms(1, 2),)),
    Probe("many", 1, PAIRS),
    Probe("crowd", 1, (Rooms(1, 300),), "-W 30"),
    Probe("apart", 2, PAIRS),
    Probe("marked", 1, TENS, "-R"),
)
"""As fast as it goes too: what a process does now and then costs several times as much, since the processor has
forgotten it meanwhile, and how much so is the machine's and not ours."""


def run(databases: Databases, probe: Probe, seconds: float) -> Sample:
    """Measure it. Raises CannotMeasure."""
    allow_files(probe.place)
    with cluster(databases, probe.place, probe.nodes) as made:
        plan = write_plan(made.folder / "plan", probe.place, probe.senders, probe.join)
        ports, pids = (",".join(str(getattr(node, name)) for node in made.nodes) for name in ("port", "pid"))
        with Load(plan, ports, pids, f"-t {seconds} {probe.options}") as load:
            load.event("begun", LINE_SECONDS)
            before, packets = made.used(), made.packets()
            load.event("ended", LINE_SECONDS)
            used, packets = made.used().since(before), made.packets() - packets
            found = load.event("measured", LINE_SECONDS)
            load.end()
        together = made.together()
    if found["failed"] or found["errors"] or found["missing"] > 0:
        trouble = f"{found['failed']} connections failed, {found['errors']} errors, {found['missing']} missing"
        raise CannotMeasure(f"{probe.name}: {trouble}: {found['first_error']}")
    return _sample(found, used, packets, together)


def _sample(found: dict[str, float], used: Used, packets: float, together: float) -> Sample:
    seconds = found["seconds"]
    return Sample(
        messages=found["messages_per_s"],
        deliveries=found["deliveries_per_s"],
        marks=found.get("reads_per_s", 0.0),
        commits=found["messages_per_s"] / together,
        packets=packets / seconds,
        nodes=used.nodes / seconds,
        postgresql=used.postgresql / seconds,
        valkey=used.valkey / seconds,
        p50_ms=found["ms_p50"],
        p99_ms=found["ms_p99"],
    )


def measure(probes: tuple[Probe, ...], seconds: float, rounds: int) -> dict[str, Sample]:
    """Each probe's mean of so many rounds. Raises CannotMeasure where a probe has none."""
    samples: dict[str, list[Sample]] = {probe.name: [] for probe in probes}
    with Databases() as databases:
        for turn in range(rounds):
            for probe in probes:
                try:
                    samples[probe.name].append(run(databases, probe, seconds))
                    say(f"round {turn + 1}, {probe.name}: {samples[probe.name][-1]}")
                except CannotMeasure as error:
                    say(f"round {turn + 1}, {error}")
    failed = [name for name, some in samples.items() if not some]
    if failed:
        raise CannotMeasure(f"no round was measured of {', '.join(failed)}")
    return {name: mean(some) for name, some in samples.items()}


def mean(samples: list[Sample]) -> Sample:
    """Figure by figure: unlike a median's, these still belong together."""
    return Sample(**{one.name: sum(getattr(it, one.name) for it in samples) / len(samples) for one in fields(Sample)})
