"""The tables, as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks import figures
from benchmarks.figures import Spread, Verdict
from benchmarks.results import Drawn, Outcome
from benchmarks.servers import NODE, NODE_GROUP, OURS, STOCK, Contender
from benchmarks.workloads.base import Workload

NAMES = {
    "ms_p99": "p99",
    "ms_longest": "longest",
    "lost": "lost",
}
"""What a bar calls a figure; the ratio bars name none."""


def number(value: float) -> str:
    """Three figures or more: `123,457`, `45.6`, `0.079`."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def cell(found: Spread | None) -> str:
    """A figure's median, or a dash."""
    return "-" if found is None else number(found.median)


def ratio_cell(found: Spread | None) -> str:
    """A ratio's median and its ends."""
    if found is None:
        return "-"
    ends = f"({number(found.lowest)} to {number(found.highest)})" if found.lowest < found.highest else ""
    return f"{number(found.median)} {ends}".strip()


def bar_cell(verdicts: Sequence[Verdict]) -> str:
    """What is asked, and whether it is so."""
    return "; ".join(f"{asked(verdict)}: {outcome(verdict)}" for verdict in verdicts)


def asked(verdict: Verdict) -> str:
    """The bar in words: `≥ 1.5`, `p99 < 250 ms`."""
    bar = verdict.bar
    sign = {">=": "≥", "<=": "≤", "<": "<", "==": "="}[bar.rule]
    if bar.against is not None:
        return f"{sign} {bar.limit:g}"
    return f"{NAMES.get(bar.metric, bar.metric)} {sign} {bar.limit:g} {bar.unit}".replace(" lost", "")


def outcome(verdict: Verdict) -> str:
    """`ok`, `missed`, or that nobody looked."""
    if verdict.met is None:
        return "not measured"
    return "ok" if verdict.met else "**missed**"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first stand to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def leading(workload: Workload) -> Iterator[tuple[Contender, str]]:
    """The contenders that have a line: Parley in each of its settings, but not as the others' measure.

    With each, what its line adds to the workload's name.
    """
    others = {NODE.name, NODE_GROUP.name, STOCK.name, workload.baseline}
    lines = (one for one in workload.contenders if one.name not in others)
    return ((one, f", {one.label}" if position else "") for position, one in enumerate(lines))


HEAD = (
    "workload",
    "unit",
    "Parley",
    "Node",
    "Parley ÷ Node",
    "bar",
    "Node, group commit",
    "Parley ÷ that",
    "`ENGINE=stock`",
)


def main_rows(outcomes: Iterable[Outcome]) -> Iterator[list[str]]:
    """A line for each workload and each setting of Parley."""
    for one in outcomes:
        workload, rounds = one.workload, one.rounds
        less = " (less is better)" if workload.better == "lower" else ""
        for contender, setting in leading(workload):
            if contender.name not in rounds:
                continue
            grouped = figures.ratio(rounds, workload.metric, contender.name, NODE_GROUP.name)
            verdicts = [one for one in figures.judge(workload, rounds) if one.bar.contender == contender.name]
            yield [
                f"{workload.title}{setting} (`{workload.name}`)",
                f"{workload.unit}{less}",
                cell(figures.of(rounds, contender.name, workload.metric)),
                baseline_cell(one),
                ratio_cell(figures.ratio(rounds, workload.metric, contender.name, workload.baseline)),
                bar_cell(verdicts),
                cell(figures.of(rounds, NODE_GROUP.name, workload.metric)),
                ratio_cell(grouped),
                cell(figures.of(rounds, STOCK.name, workload.metric)),
            ]


def baseline_cell(one: Outcome) -> str:
    """Node's figure; or whoever's it is that Parley is compared with."""
    found = cell(figures.of(one.rounds, one.workload.baseline, one.workload.metric))
    return found if one.workload.baseline == NODE.name else f"{found} (Parley, empty)"


def main_table(outcomes: Iterable[Outcome]) -> str:
    """What each server does, and the bars."""
    return markdown(HEAD, main_rows(outcomes))


def costs_table(outcomes: Iterable[Outcome]) -> str:
    """What it took: the server's CPU, its memory, the latencies, and how much the rounds differed."""
    head = (
        "workload",
        "server",
        "result",
        "± rounds",
        "CPU",
        "CPU µs each",
        "generator's CPU",
        "p50 ms",
        "p99 ms",
        "RSS MB",
    )
    rows = []
    for one in outcomes:
        for contender in one.workload.contenders:
            found = figures.of(one.rounds, contender.name, one.workload.metric)
            if found is not None:
                rows.append(
                    [one.workload.name, contender.label, cell(found), f"{found.noise:.0%}", *_costs(one, contender)]
                )
    return markdown(head, rows)


def _costs(one: Outcome, contender: Contender) -> list[str]:
    rounds = one.rounds.get(contender.name, [])
    server, generator = (_a_second(rounds, name) for name in ("cpu_s", "generator_cpu_s"))
    result = figures.of(one.rounds, contender.name, one.workload.metric)
    each = ""
    if one.workload.better == "higher" and server and result and result.median:
        each = number(server.median / result.median * 1e6)
    others = [figures.of(one.rounds, contender.name, name) for name in ("ms_p50", "ms_p99", "rss_mb")]
    used = ["-" if found is None else f"{found.median:.2f}" for found in (server, generator)]
    return [used[0], each or "-", used[1], *map(cell, others)]


def _a_second(rounds: Sequence[figures.Round], name: str) -> Spread | None:
    """A figure that counts seconds, for each second that was measured."""
    return figures.spread([one[name] / one["seconds"] for one in rounds if name in one and one["seconds"]])


def curve_table(drawn: Drawn) -> str:
    """A curve's values, a line for each size."""
    contenders = [one for one in (OURS, NODE, NODE_GROUP) if one.name in drawn.points]

    def row(x: int) -> list[str]:
        values = [drawn.points[one.name].get(x) for one in contenders]
        return [f"{x:,}", *("-" if value is None else number(value) for value in values)]

    head = (drawn.curve.x_label, *(f"{one.label}, {drawn.curve.y_label}" for one in contenders))
    return markdown(head, map(row, (x for x, _ in drawn.curve.points)))
