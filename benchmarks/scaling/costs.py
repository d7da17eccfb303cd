"""What each thing costs, as the measurements show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.scaling.loops import Small
from benchmarks.scaling.probes import Sample


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds. A node's: a transaction (`commit`), a message in it, a message to one socket, a packet of another
    node, one member's `read` with all that it sets off (its transaction too), a room compared once.

    PostgreSQL's are called `stored_…` and `compared_room`; Redis's `publish`, a packet that comes, and `push`, one that
    goes to one node. `mark_packets` is how many packets a mark makes, since some travel together.
    """

    commit: float
    send: float
    deliver: float
    receive: float
    mark: float
    compare: float
    stored_commit: float
    stored_message: float
    stored_mark: float
    compared_room: float
    publish: float
    push: float
    mark_packets: float


def derive(samples: Mapping[str, Sample], small: Small) -> Costs:
    """The costs that the samples of `COSTS` show.

    `lone`, `many` and `crowd` differ in commits, messages and deliveries: three equations with three unknowns.
    The others do one more thing, whose cost is what these three leave unexplained.
    """
    still, lone, many, crowd, apart, marked = (
        samples[one] for one in ("still", "lone", "many", "crowd", "apart", "marked")
    )
    three = [[one.commits, one.messages, one.deliveries] for one in (lone, many, crowd)]
    commit, send, deliver = solve(three, [one.nodes - still.nodes for one in (lone, many, crowd)])
    two = [row[:2] for row in three[:2]]
    stored_commit, stored_message = solve(two, [one.postgresql - still.postgresql for one in (lone, many)])

    def left(sample: Sample, nodes: int) -> float:
        known = sample.commits * commit + sample.messages * send + sample.deliveries * deliver
        return sample.nodes - nodes * still.nodes - known

    stored = marked.commits * stored_commit + marked.messages * stored_message
    return Costs(
        commit=commit,
        send=send,
        deliver=deliver,
        receive=max(0.0, left(apart, 2) / apart.messages),
        mark=left(marked, 1) / marked.marks,
        compare=small.compare,
        stored_commit=stored_commit,
        stored_message=stored_message,
        stored_mark=(marked.postgresql - still.postgresql - stored) / marked.marks,
        compared_room=small.compared_room,
        publish=small.publish,
        push=small.push,
        mark_packets=(marked.packets - marked.messages) / marked.marks,
    )


def solve(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """The x for which each row times x is its value (Gauss and Jordan)."""
    table = [[*row, value] for row, value in zip(rows, values, strict=True)]
    for place in range(len(table)):
        best = max(range(place, len(table)), key=lambda row: abs(table[row][place]))
        table[place], table[best] = table[best], table[place]
        head = [value / table[place][place] for value in table[place]]
        table = [
            head if row == place else [a - line[place] * b for a, b in zip(line, head, strict=True)]
            for row, line in enumerate(table)
        ]
    return [line[-1] for line in table]
