"""What a workload is: who is there, what they do, what counts, and what is asked of it."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from benchmarks import generator
from benchmarks.databases import Storage
from benchmarks.generator import Figures
from benchmarks.paths import CannotMeasure
from benchmarks.servers import NODE, NODE_GROUP, OURS, OURS_RELAY, STOCK, Contender, Running
from benchmarks.world import Place, users_in, write_plan

FILES_BESIDES = 200
"""Files that a process has open besides its connections, at most."""

ALL = (OURS, STOCK, NODE, NODE_GROUP)


@dataclass(frozen=True, slots=True)
class Bar:
    """What is asked: `metric` of `contender` (divided by `against`'s of the same round) is `rule` `limit`."""

    metric: str
    rule: Literal[">=", "<=", "<", "=="]
    limit: float
    against: str | None = "node"
    contender: str = "ours"
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Whether the value is good enough."""
        if self.rule == ">=":
            return value >= self.limit
        if self.rule == "<=":
            return value <= self.limit
        return value < self.limit if self.rule == "<" else value == self.limit


@dataclass(frozen=True, slots=True)
class Measurement:
    """One server that runs, and what is to be done with it. `seconds` is how long to measure."""

    server: Running
    place: Place
    folder: Path
    seconds: float

    def plan(self, senders: int = 1, join: bool = True) -> Path:
        """The generator's plan for the place."""
        return write_plan(self.folder / "plan", self.place, senders, join)

    def load(self, options: str, senders: int = 1) -> Figures:
        """One run of the generator with these options; its last line's figures."""
        plan = self.plan(senders)
        return generator.run(plan, self.server.port, self.server.pid, f"-t {self.seconds} {options}")


Measure = Callable[[Measurement], Figures]


@dataclass(frozen=True, slots=True)
class Workload:
    """One line of the table. `metric` is the figure that counts, `better` whether much or little of it is good."""

    name: str
    title: str
    what: str
    place: Place
    measure: Measure
    metric: str
    unit: str
    better: Literal["higher", "lower"] = "higher"
    bars: tuple[Bar, ...] = ()
    contenders: tuple[Contender, ...] = ALL
    storage: Storage = "sqlite"
    baseline: str = "node"
    seconds: float = 3.0
    places: dict[str, Place] = field(default_factory=dict)
    """Another place for the contender of this name."""

    def place_of(self, contender: Contender) -> Place:
        """Who is there, for this contender."""
        return self.places.get(contender.name, self.place)


def with_relay(workload: Workload) -> Workload:
    """The same, in which Parley also runs with a relay; the same is asked of it there."""
    first, *others = workload.contenders
    bars = [replace(bar, contender=OURS_RELAY.name) for bar in workload.bars if bar.contender == OURS.name]
    return replace(workload, contenders=(first, OURS_RELAY, *others), bars=(*workload.bars, *bars))


@dataclass(frozen=True, slots=True)
class Curve:
    """How a figure changes with a size: a workload for each size. `figure` is made of what is measured there."""

    name: str
    title: str
    x_label: str
    y_label: str
    figure: Callable[[Figures], float]
    points: tuple[tuple[int, Workload], ...]


def allow_files(place: Place) -> None:
    """Let this process's children open enough files for everybody. Raises CannotMeasure."""
    needed = users_in(place) + FILES_BESIDES
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < needed:
        raise CannotMeasure(f"{needed} open files are needed in a process, and {most} are allowed (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
