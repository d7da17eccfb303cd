"""All that is measured, in the order of the table."""

from __future__ import annotations

from benchmarks.workloads.base import Bar, Curve, Measurement, Workload
from benchmarks.workloads.crowd import CROWDS
from benchmarks.workloads.curves import CURVES
from benchmarks.workloads.talk import FAN_OUT, PAIRS, ROOM_TRAFFIC

WORKLOADS: tuple[Workload, ...] = (*FAN_OUT, *PAIRS, *ROOM_TRAFFIC, *CROWDS)

__all__ = ["CURVES", "WORKLOADS", "Bar", "Curve", "Measurement", "Workload"]
