"""Made-up results."""

from __future__ import annotations

from benchmarks.results import Outcome
from benchmarks.workloads import WORKLOADS, Workload


def workload(name: str) -> Workload:
    """One of those that are measured."""
    return next(one for one in WORKLOADS if one.name == name)


def outcome(name: str, **rounds: list[float]) -> Outcome:
    """Made-up rounds of the workload's own figure; contenders with `_` for `-`."""
    one = workload(name)
    return Outcome(
        one, {key.replace("_", "-"): [{one.metric: value} for value in some] for key, some in rounds.items()}
    )
