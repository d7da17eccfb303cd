"""All that is measured, in the order of the table."""

from __future__ import annotations

from benchmarks.workloads.base import Bar, Curve, Measurement, Workload, with_relay
from benchmarks.workloads.crowd import CROWDS
from benchmarks.workloads.curves import CURVES
from benchmarks.workloads.talk import FAN_OUT, PAIRS, ROOM_TRAFFIC

RELAYED = ("fanout-1", "fanout-20", "pairs-100", "pairs-1000", "pairs-open", "pairs-postgresql", "receipts", "connects")
"""What a relay could make slower."""

WORKLOADS: tuple[Workload, ...] = tuple(
    with_relay(workload) if workload.name in RELAYED else workload
    for workload in (*FAN_OUT, *PAIRS, *ROOM_TRAFFIC, *CROWDS)
)

__all__ = ["CURVES", "WORKLOADS", "Bar", "Curve", "Measurement", "Workload"]
