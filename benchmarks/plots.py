"""The plots of a page: what is drawn of the results, in which colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import figures
from benchmarks.results import Drawn, Outcome, Results
from benchmarks.servers import NODE, NODE_GROUP, OURS, STOCK, Contender
from benchmarks.svg import Group, Series, bar_chart, line_chart
from benchmarks.table import number

COLOURS = {OURS.name: "#0b6bcb", NODE.name: "#d4600a", NODE_GROUP.name: "#8a5cc2", STOCK.name: "#8b98a5"}
SHOWN: tuple[Contender, ...] = (OURS, NODE, NODE_GROUP, STOCK)


def curve_plot(drawn: Drawn) -> str:
    """A curve's lines."""
    curve = drawn.curve
    series = [
        Series(one.label, COLOURS[one.name], {float(x): y for x, y in drawn.points[one.name].items()})
        for one in SHOWN
        if drawn.points.get(one.name)
    ]
    return line_chart(curve.title, curve.x_label, curve.y_label, series)


def bar_plot(title: str, note: str, outcomes: list[Outcome]) -> str:
    """A row for each workload, a bar for each server."""
    groups = []
    for outcome in outcomes:
        found = [figures.of(outcome.rounds, one.name, outcome.workload.metric) for one in SHOWN]
        values = [None if one is None else one.median for one in found]
        unit = outcome.workload.unit.partition(" ")[0] if outcome.workload.better == "lower" else ""
        shown = ["" if value is None else f"{number(value)} {unit}".strip() for value in values]
        groups.append(Group(outcome.workload.title, values, shown))
    return bar_chart(title, note, [(one.label, COLOURS[one.name]) for one in SHOWN], groups)


def plots(results: Results) -> Iterator[tuple[str, str, str]]:
    """Each plot's file name, its title, and the SVG."""
    against_node = [one for one in results.outcomes.values() if one.workload.baseline == NODE.name]
    rates = [one for one in against_node if one.workload.better == "higher"]
    costs = [one for one in against_node if one.workload.better == "lower"]
    if rates:
        title = "What each server does in a second"
        yield "rates.svg", title, bar_plot(title, "More is better; each row has its own scale.", rates)
    if costs:
        title = "What each server takes"
        yield "costs.svg", title, bar_plot(title, "Less is better; each row has its own scale.", costs)
    for name, drawn in results.curves.items():
        if drawn.points:
            yield f"{name}.svg", drawn.curve.title, curve_plot(drawn)


def write(results: Results, folder: Path) -> list[tuple[str, str]]:
    """Draw all; the file names with their titles."""
    made = []
    for name, title, svg in plots(results):
        (folder / name).write_text(svg)
        made.append((name, title))
    return made
