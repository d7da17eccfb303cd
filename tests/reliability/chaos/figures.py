"""The figures of a run, out of its log: how soon clients were back, and how much was acknowledged."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.reliability.chaos.log import Record

DRAIN_GRACE = 0.05
"""What was sent less than this before a SIGTERM may not have reached the server; seconds."""


@dataclass(slots=True, frozen=True)
class Figures:
    """Times in seconds. `share` is of what was offered while the server was up: acknowledged before it next was not."""

    seconds: float
    offered: int
    acknowledged: int
    offered_per_second: float
    share: float
    outages: int
    absences: int
    back_median: float
    back_95: float
    back_longest: float
    ack_median: float
    ack_99: float
    duplicates: int
    duplicates_after_absence: int
    refused: dict[str, int]
    unanswered_at_drain: int
    slowest_recovery: float
    slowest_answer: float
    deliveries: int
    resets: int
    holes: int
    told_99: float
    told_last: float
    ack_99_without_relay: float


def figures(records: Sequence[Record]) -> Figures:
    """Everything that can be counted. The log must have an `up` and a `stop`."""
    begun = next(record["t"] for record in records if record["kind"] == "up")
    ended = next(record["t"] for record in records if record["kind"] == "stop")
    kinds = Counter(record["kind"] for record in records)
    absences = sorted(_absences(records))
    offers, first_acks = _first(records, "offer"), _first(records, "ack")
    latencies = sorted(latency for _, latency in _latencies(records))
    told = sorted(_telling(records))
    acks = [record for record in records if record["kind"] == "ack" and record["duplicate"]]
    return Figures(
        seconds=ended - begun,
        offered=len(offers),
        acknowledged=len(first_acks),
        offered_per_second=len(offers) / (ended - begun),
        share=_share(records, offers, first_acks),
        outages=kinds["down"],
        absences=len(absences),
        back_median=_quantile(absences, 0.5),
        back_95=_quantile(absences, 0.95),
        back_longest=_quantile(absences, 1.0),
        ack_median=_quantile(latencies, 0.5),
        ack_99=_quantile(latencies, 0.99),
        duplicates=len(acks),
        duplicates_after_absence=sum(ack["again"] for ack in acks),
        refused=dict(Counter(record["error"] for record in records if record["kind"] == "refused")),
        unanswered_at_drain=_unanswered(records),
        slowest_recovery=max(_recoveries(records), default=0.0),
        slowest_answer=max(_answers(records), default=0.0),
        deliveries=kinds["new"],
        resets=sum(record["kind"] == "changes" and record["outcome"] == "reset" for record in records),
        holes=kinds["hole"],
        told_99=_quantile(told, 0.99),
        told_last=_quantile(told, 1.0),
        ack_99_without_relay=_quantile(sorted(_latencies_without_relay(records)), 0.99),
    )


Name = tuple[int, str]


def _first(records: Sequence[Record], kind: str) -> dict[Name, float]:
    found: dict[Name, float] = {}
    for record in records:
        if record["kind"] == kind:
            found.setdefault((record["client"], record["temp_id"]), record["t"])
    return found


def windows(records: Sequence[Record]) -> Iterator[tuple[float, float]]:
    """From when to when the server was expected to serve, and clients wrote."""
    since: float | None = None
    for record in records:
        if record["kind"] == "up" and since is None:
            since = record["t"]
        elif record["kind"] in ("down", "stop") and since is not None:
            yield since, record["t"]
            since = None


def _share(records: Sequence[Record], offers: dict[Name, float], acks: dict[Name, float]) -> float:
    offered = acknowledged = 0
    for since, until in windows(records):
        wanted = [name for name, at in offers.items() if since <= at < until]
        offered += len(wanted)
        acknowledged += sum(acks.get(name, math.inf) <= until for name in wanted)
    return acknowledged / offered if offered else 0.0


def _absences(records: Sequence[Record]) -> Iterator[float]:
    """From the loss of a connection until all rooms are joined again, without what the server asked to wait."""
    dropped: dict[int, float] = {}
    for record in records:
        if record["kind"] == "drop":
            dropped.setdefault(record["client"], record["t"] + record["told"])
        elif record["kind"] == "back" and record["client"] in dropped:
            yield max(0.0, record["t"] - dropped.pop(record["client"]))


def _latencies(records: Sequence[Record]) -> Iterator[tuple[float, float]]:
    """When a message was acknowledged, and how long after its send, where one send was enough."""
    sent: dict[Name, float] = {}
    tries: Counter[Name] = Counter()
    for record in records:
        if record["kind"] == "send":
            name = record["client"], record["temp_id"]
            tries[name] += 1
            sent.setdefault(name, record["t"])
        elif record["kind"] == "ack":
            name = record["client"], record["temp_id"]
            if tries[name] == 1 and name in sent:
                yield record["t"], record["t"] - sent.pop(name)


def _latencies_without_relay(records: Sequence[Record]) -> Iterator[float]:
    """The same, of those that were acknowledged while the relay was away."""
    spells = list(_spells(records, "relay-down", "relay-up"))
    for at, latency in _latencies(records):
        if any(since <= at <= until for since, until in spells):
            yield latency


def _spells(records: Sequence[Record], begin: str, end: str) -> Iterator[tuple[float, float]]:
    since: float | None = None
    for record in records:
        if record["kind"] == begin:
            since = record["t"]
        elif record["kind"] == end and since is not None:
            yield since, record["t"]
            since = None


def _telling(records: Sequence[Record]) -> Iterator[float]:
    """From the first that anybody knew of a message to each client's live event of it."""
    known: dict[str, float] = {}
    for record in records:
        if record["kind"] in ("ack", "new"):
            first = known.setdefault(record["id"], record["t"])
            if record["kind"] == "new":
                yield record["t"] - first


def _answers(records: Sequence[Record]) -> Iterator[float]:
    """From a send to the first answer after it, whatever that says, where the connection did not end between them."""
    sent: dict[int, dict[str, float]] = defaultdict(dict)
    for record in records:
        if record["kind"] == "send" and record["attempt"]:
            sent[record["client"]].setdefault(record["temp_id"], record["t"])
        elif record["kind"] in ("ack", "refused"):
            begun = sent[record["client"]].pop(record["temp_id"], None)
            if begun is not None:
                yield record["t"] - begun
        elif record["kind"] == "drop":
            sent.pop(record["client"], None)


def _unanswered(records: Sequence[Record]) -> int:
    """Sends that were under way at a SIGTERM, and whose connection ended without an answer to them."""
    under_way: dict[int, dict[str, float]] = defaultdict(dict)
    term, unanswered = 0.0, 0
    for record in records:
        if record["kind"] == "term":
            term = record["t"]
        elif record["kind"] == "send" and record["attempt"]:
            under_way[record["client"]][record["temp_id"]] = record["t"]
        elif record["kind"] in ("ack", "refused"):
            under_way[record["client"]].pop(record["temp_id"], None)
        elif record["kind"] == "drop":
            sends = under_way.pop(record["client"], {}).values()
            unanswered += sum(at < term - DRAIN_GRACE for at in sends) if record["t"] - term < 30 and term else 0
    return unanswered


def _recoveries(records: Sequence[Record]) -> Iterator[float]:
    """From `up` to the next acknowledgement."""
    since: float | None = None
    for record in records:
        if record["kind"] in ("down", "stop"):
            since = None
        elif record["kind"] == "up":
            since = record["t"]
        elif record["kind"] == "ack" and since is not None:
            yield record["t"] - since
            since = None


def _quantile(values: Sequence[float], share: float) -> float:
    """The least value that `share` of the sorted values do not exceed; 0 where there are none."""
    return values[max(0, math.ceil(len(values) * share) - 1)] if values else 0.0
