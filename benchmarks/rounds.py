"""The rounds: every server fresh for every measurement, all of them in turn, so that a busy minute meets all alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import figures as figure
from benchmarks.databases import Databases
from benchmarks.generator import Figures
from benchmarks.machine import steadiness
from benchmarks.paths import say
from benchmarks.results import Drawn, Outcome
from benchmarks.servers import Contender, running
from benchmarks.table import number
from benchmarks.workloads.base import Curve, Measurement, Workload, allow_files


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is to be measured. `seconds` None: each workload's own."""

    servers: Sequence[str]
    rounds: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement to come."""

    round: int
    workload: Workload
    contender: Contender


class Runner:
    """Measures one step after another, and says how far it is. `steady` has the machine's state, an entry a round."""

    def __init__(self, databases: Databases, asked: Asked, steps_in_all: int) -> None:
        self._databases = databases
        self._asked = asked
        self._steps = steps_in_all
        self._done = 0
        self._begun = time.monotonic()
        self.steady: list[dict[str, float]] = []

    def workloads(self, workloads: Sequence[Workload], rounds: int) -> dict[str, Outcome]:
        """Measure these; by their names."""
        outcomes = {workload.name: Outcome(workload) for workload in workloads}
        seen = -1
        for step in steps(workloads, self._asked.servers, rounds):
            if step.round != seen:
                seen = step.round
                self.steady.append(steadiness())
            outcome = outcomes[step.workload.name]
            outcome.rounds.setdefault(step.contender.name, []).append(self._measure(step, outcome))
        return outcomes

    def curve(self, curve: Curve, rounds: int) -> Drawn:
        """Measure a curve's points; each is the median of the rounds."""
        outcomes = self.workloads([workload for _, workload in curve.points], rounds)
        drawn = Drawn(curve)
        for x, workload in curve.points:
            for contender, some in outcomes[workload.name].rounds.items():
                found = figure.spread([curve.figure(one) for one in some if one.get(workload.metric)])
                if found is not None:
                    drawn.points.setdefault(contender, {})[x] = found.median
        return drawn

    def _measure(self, step: Step, outcome: Outcome) -> Figures:
        """The step's figures; where it fails, none, and the reason is kept."""
        self._done += 1
        where = f"[{self._done}/{self._steps}] round {step.round + 1}, {step.workload.name}, {step.contender.label}"
        try:
            figures = measure(self._databases, step, self._asked.seconds)
        except Exception as error:  # noqa: BLE001 (whatever breaks one measurement must not cost the others)
            outcome.problems.append(f"{step.contender.label}: {error}")
            say(f"{where}: not measured. {error}")
            return {}
        if figures["failed"] or figures["errors"]:
            outcome.problems.append(f"{step.contender.label}: {troubles(figures)}")
        say(f"{where}: {describe(step.workload, figures)}{self._left()}")
        return figures

    def _left(self) -> str:
        minutes = (time.monotonic() - self._begun) / self._done * (self._steps - self._done) / 60
        return f" (about {minutes:.0f} min left)" if minutes >= 1 else ""


def chosen(workload: Workload, servers: Sequence[str]) -> list[Contender]:
    """The workload's contenders that were asked for."""
    return [contender for contender in workload.contenders if contender.server in servers]


def steps(workloads: Sequence[Workload], servers: Sequence[str], rounds: int) -> Iterator[Step]:
    """Everything that is to be measured, in order: each round begins with another contender."""
    for turn in range(rounds):
        for workload in workloads:
            contenders = chosen(workload, servers)
            first = turn % max(1, len(contenders))
            for contender in contenders[first:] + contenders[:first]:
                yield Step(turn, workload, contender)


def measure(databases: Databases, step: Step, seconds: float | None) -> Figures:
    """One measurement of a fresh server. Raises CannotMeasure."""
    workload, contender = step.workload, step.contender
    place = workload.place_of(contender)
    allow_files(place)
    with (
        databases.fresh(contender.kind, workload.storage, place) as database,
        running(contender, database) as server,
    ):
        return workload.measure(Measurement(server, place, database.folder, seconds or workload.seconds))


def describe(workload: Workload, figures: Figures) -> str:
    """The figure that counts, the server's CPU seconds beside it, and what was not as it should be."""
    text = f"{number(figures[workload.metric])} {workload.unit}"
    if figures.get("seconds"):
        text += f", {figures['cpu_s'] / figures['seconds']:.2f} CPU s/s"
    trouble = troubles(figures)
    return f"{text}; {trouble}" if trouble else text


def troubles(figures: Figures) -> str:
    """What went wrong among the clients; empty where nothing did."""
    if not figures["failed"] and not figures["errors"]:
        return ""
    return f"{figures['failed']} connections failed, {figures['errors']} errors: {figures['first_error']}"
