"""From rounds to what they say: medians, ratios of the same round, bars."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.workloads.base import Bar, Workload

Round = Mapping[str, Any]
"""What one measurement of one server gave; empty where it failed."""

Rounds = Mapping[str, Sequence[Round]]
"""By contender, one entry a round."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the rounds."""

    median: float
    lowest: float
    highest: float

    @property
    def noise(self) -> float:
        """Half of what lies between the lowest and the highest, as a share of the median."""
        return (self.highest - self.lowest) / 2 / self.median if self.median else 0.0


def spread(values: Sequence[float]) -> Spread | None:
    """The values' median and ends; None where there are none."""
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def of(rounds: Rounds, contender: str, metric: str) -> Spread | None:
    """One figure of one contender."""
    return spread([float(one[metric]) for one in rounds.get(contender, ()) if metric in one])


def ratio(rounds: Rounds, metric: str, contender: str, against: str) -> Spread | None:
    """The contender's figure divided by the other's of the same round; None where no round has both."""
    both = zip(rounds.get(contender, ()), rounds.get(against, ()), strict=False)
    return spread([one[metric] / other[metric] for one, other in both if metric in one and other.get(metric)])


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar, what was measured for it (None: nothing), and whether that is good enough."""

    bar: Bar
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether the bar holds; None where it was not measured."""
        return None if self.value is None else self.bar.holds(self.value)


def judge(workload: Workload, rounds: Rounds) -> list[Verdict]:
    """The verdict on each bar of the workload: on the median, and on the worst round where the bar is `==`."""
    return [Verdict(bar, _value(bar, rounds)) for bar in workload.bars]


def _value(bar: Bar, rounds: Rounds) -> float | None:
    if bar.against is None:
        found = of(rounds, bar.contender, bar.metric)
    else:
        found = ratio(rounds, bar.metric, bar.contender, bar.against)
    if found is None:
        return None
    return found.highest if bar.rule == "==" else found.median
