"""How the cost grows: with the members of a room, with the rooms, with the connections."""

from __future__ import annotations

from benchmarks.generator import Figures
from benchmarks.servers import NODE, NODE_GROUP, OURS
from benchmarks.workloads.base import Curve, Workload
from benchmarks.workloads.talk import talking
from benchmarks.world import Place, Rooms

MEMBERS = (50, 100, 250, 500, 1000, 2000)
PAIRS = (10, 100, 500, 1000, 2000)
IDLE = (100, 1000, 2500, 5000, 9800)
TALKING = 100


def _point(name: str, place: Place, metric: str, unit: str) -> Workload:
    return Workload(
        name=name,
        title=name,
        what="A point of a curve.",
        place=place,
        measure=talking("-c 200"),
        metric=metric,
        unit=unit,
        contenders=(OURS, NODE, NODE_GROUP),
        seconds=2.0,
    )


def cpu_a_delivery(figures: Figures) -> float:
    """Microseconds of the server's CPU for each message that reached a member."""
    return float(figures["cpu_s"] / (figures["deliveries_per_s"] * figures["seconds"]) * 1e6)


def messages(figures: Figures) -> float:
    """Messages a second."""
    return float(figures["messages_per_s"])


CURVES = (
    Curve(
        name="members",
        title="One sender in a room: the server's CPU time for a delivery",
        x_label="members of the room",
        y_label="µs of CPU a delivery",
        figure=cpu_a_delivery,
        points=tuple(
            (count, _point(f"members-{count}", (Rooms(1, count),), "deliveries_per_s", "deliveries/s"))
            for count in MEMBERS
        ),
    ),
    Curve(
        name="rooms",
        title="Conversations of two, all busy: messages a second",
        x_label="conversations",
        y_label="messages/s",
        figure=messages,
        points=tuple(
            (count, _point(f"rooms-{count}", (Rooms(count, 2),), "messages_per_s", "messages/s")) for count in PAIRS
        ),
    ),
    Curve(
        name="connections",
        title=f"{TALKING} busy pairs beside idle connections: messages a second",
        x_label="connections in all",
        y_label="messages/s",
        figure=messages,
        points=tuple(
            (
                2 * TALKING + idle,
                _point(
                    f"connections-{idle}",
                    (Rooms(TALKING, 2), Rooms(idle // 100, 100)),
                    "messages_per_s",
                    "messages/s",
                ),
            )
            for idle in IDLE
        ),
    ),
)
