"""Results as a file: what was measured, by whom and when. Page and plots are drawn from it alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.workloads import CURVES, WORKLOADS
from benchmarks.workloads.base import Curve, Workload

FILE = "results.json"
Figures = dict[str, Any]
Run = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """A workload's figures: by contender, an entry a round, empty where it failed; why it failed; in which run."""

    workload: Workload
    rounds: dict[str, list[Figures]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    run: str = ""

    def json(self) -> dict[str, Any]:
        """As the file has it."""
        about = {name: getattr(self.workload, name) for name in ("title", "what", "metric", "unit", "better")}
        return {**about, "run": self.run, "rounds": self.rounds, "problems": self.problems}


@dataclass(slots=True)
class Drawn:
    """A curve's values: by contender, the figure at each x."""

    curve: Curve
    points: dict[str, dict[int, float]] = field(default_factory=dict)
    run: str = ""

    def json(self) -> dict[str, Any]:
        """As the file has it."""
        about = {"title": self.curve.title, "x": self.curve.x_label, "y": self.curve.y_label}
        return {**about, "run": self.run, "points": self.points}


@dataclass(slots=True)
class Results:
    """Everything. `runs` are the runs of `bin/bench` that it came of, by when they began."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    curves: dict[str, Drawn] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    def take(self, newer: Results) -> None:
        """Put newer results in the place of those of the same name; forget runs of which nothing is left."""
        outcomes, curves = self.outcomes | newer.outcomes, self.curves | newer.curves
        self.outcomes = {one.name: outcomes[one.name] for one in WORKLOADS if one.name in outcomes}
        self.curves = {one.name: curves[one.name] for one in CURVES if one.name in curves}
        self.runs |= newer.runs
        used = {one.run for one in self.outcomes.values()} | {one.run for one in self.curves.values()}
        self.runs = {when: run for when, run in self.runs.items() if when in used}

    def write(self, folder: Path) -> None:
        """Keep them."""
        text = {
            "runs": self.runs,
            "workloads": {name: outcome.json() for name, outcome in self.outcomes.items()},
            "curves": {name: drawn.json() for name, drawn in self.curves.items()},
        }
        (folder / FILE).write_text(json.dumps(text, indent=1) + "\n")


def read(folder: Path) -> Results:
    """What was kept there, as far as the workloads still exist; nothing where there is no file."""
    path = folder / FILE
    if not path.is_file():
        return Results()
    text = json.loads(path.read_text())
    results = Results(runs=text["runs"])
    for workload in WORKLOADS:
        if workload.name in text["workloads"]:
            kept = text["workloads"][workload.name]
            results.outcomes[workload.name] = Outcome(workload, kept["rounds"], kept["problems"], kept["run"])
    for curve in CURVES:
        if curve.name in text["curves"]:
            kept = text["curves"][curve.name]
            points = {name: {int(x): y for x, y in some.items()} for name, some in kept["points"].items()}
            results.curves[curve.name] = Drawn(curve, points, kept["run"])
    return results
