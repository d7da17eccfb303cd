"""What `bin/bench` writes: tables, drawings, the page, and the file that they are made of."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import page, results, svg, table
from benchmarks.paths import PROJECT, RESULTS
from benchmarks.results import Drawn, Outcome, Results
from benchmarks.servers import NODE_GROUP
from benchmarks.workloads import CURVES, WORKLOADS
from tests.benchmarks.made import outcome


def test_the_table_says_what_was_asked_and_what_came() -> None:
    measured = [
        outcome("fanout-1", ours=[300.0, 200.0], node=[100.0, 100.0], node_group=[150.0, 100.0], stock=[50.0, 50.0]),
        outcome("million", ours=[1000.0], ours_million=[800.0]),
        outcome("ten-thousand", ours=[12.0]),
    ]
    lines = table.main_table(measured).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(line) for line in cells} == {len(table.HEAD)}
    assert cells[2][:6] == ["Fan-out, 1 sender (`fanout-1`)", "deliveries/s", "250", "100", "2.5 (2 to 3)", "≥ 1.5: ok"]
    assert cells[2][6:] == ["125", "2", "50.0"]
    assert cells[3][2:6] == ["800", "1,000 (Parley, empty)", "0.8", "≥ 0.9: **missed**"]
    assert cells[4][5] == "p99 < 250 ms: ok; lost = 0: not measured"


@pytest.mark.parametrize(
    ("value", "shown"), [(123456.7, "123,457"), (99.96, "100.0"), (45.61, "45.6"), (0.0789, "0.0789")]
)
def test_numbers_are_shown_as_exactly_as_they_are_known(value: float, shown: str) -> None:
    assert table.number(value) == shown


@pytest.mark.parametrize("highest", [0.003, 0.9, 1, 7, 99, 100, 101, 123_456])
def test_an_axis_has_room_for_the_highest_value(highest: float) -> None:
    steps_of_axis = svg.ticks(highest)
    assert steps_of_axis[0] == 0
    assert steps_of_axis[-2] < highest <= steps_of_axis[-1] * 1.000001
    assert 3 <= len(steps_of_axis) <= 7


def _inside(drawing: str) -> ET.Element:
    """The drawing, parsed; all that has a place is on the sheet."""
    root = ET.fromstring(drawing)  # noqa: S314 (our own)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for part in root:
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(part.attrib.get(name, 0)) <= width, part.attrib
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(part.attrib.get(name, 0)) <= height, part.attrib
    return root


def test_a_line_goes_through_its_points_and_names_do_not_overlap() -> None:
    lines = [
        svg.Series("A & <B>", "#123456", {10: 5.0, 100: 10.0, 1000: 20.0}),
        svg.Series("other", "#654321", {10: 20.0, 1000: 20.0}),
    ]
    root = _inside(svg.line_chart("Title & more", "size", "µs", lines))
    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in root.iter() if dot.tag.endswith("circle")]
    assert len(dots) == 5
    assert dots[0][1] > dots[1][1] > dots[2][1], "more is higher up"
    assert dots[1][0] - dots[0][0] == pytest.approx(dots[2][0] - dots[1][0], abs=0.2), "ten times as much is as far"
    names = {text.text: float(text.attrib["y"]) for text in root.iter() if text.text in ("A & <B>", "other")}
    assert abs(names["A & <B>"] - names["other"]) >= 16


def test_bars_are_as_long_as_their_values() -> None:
    groups = [svg.Group("row", [50.0, 100.0, None], ["50", "100", ""])]
    root = _inside(svg.bar_chart("Bars", "note", [("a", "#000001"), ("b", "#000002"), ("c", "#000003")], groups))
    lengths = {part.attrib["fill"]: float(part.attrib["width"]) for part in root if part.attrib.get("height") == "12.0"}
    assert set(lengths) == {"#000001", "#000002"}
    assert lengths["#000002"] == pytest.approx(2 * lengths["#000001"], abs=0.2)


def _results(when: str, *outcomes: Outcome) -> Results:
    """As a run at that time leaves them, with one curve."""
    machine = {
        "cores": 2,
        "cpu": "A CPU",
        "memory_gb": 4,
        "kernel": "Linux 6",
        "python": "3",
        "node": "v24",
        "commit": "c",
    }
    steady = [{"load": 0.1, "spin_s": 0.1, "spin_longest_s": 0.2}]
    found = Results(runs={when: {"machine": machine, "rounds": 2, "curve_rounds": 1, "steady": steady}})
    for one in outcomes:
        one.run = when
        found.outcomes[one.workload.name] = one
    points = {"ours": {50: 4.0, 500: 3.0}, "node": {50: 5.0, 500: 6.0}}
    found.curves["members"] = Drawn(CURVES[0], points, when)
    return found


def test_what_is_written_can_be_read_again_and_drawn_anew(tmp_path: Path) -> None:
    first = _results(
        "then", outcome("fanout-1", ours=[300.0], node=[100.0]), outcome("leave", ours=[10.0], node=[20.0])
    )
    page.write(first, tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(files) == {"README.md", "results.json", "rates.svg", "costs.svg", "members.svg"}
    page.write(results.read(tmp_path), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    for name in files:
        if name.endswith(".svg"):
            _inside((tmp_path / name).read_text())


def test_a_merge_keeps_what_was_not_measured_and_forgets_runs_of_which_nothing_is_left(tmp_path: Path) -> None:
    page.write(_results("then", outcome("fanout-1", ours=[300.0]), outcome("leave", ours=[10.0])), tmp_path)
    kept = results.read(tmp_path)
    kept.take(_results("now", outcome("leave", ours=[9.0]), outcome("fanout-20", ours=[2.0])))
    assert list(kept.outcomes) == ["fanout-1", "fanout-20", "leave"], "in the table's order"
    assert (set(kept.runs), kept.outcomes["leave"].rounds) == ({"then", "now"}, {"ours": [{"ms_longest": 9.0}]})
    kept.take(_results("later", *(outcome(name, ours=[1.0]) for name in kept.outcomes)))
    assert set(kept.runs) == {"later"}


def test_the_page_links_to_what_was_drawn_and_says_what_each_workload_is(tmp_path: Path) -> None:
    page.write(_results("then", *(outcome(one.name, ours=[1.0], node=[1.0]) for one in WORKLOADS)), tmp_path)
    text = (tmp_path / "README.md").read_text()
    drawn = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert drawn
    assert [name for name in drawn if not (tmp_path / name).is_file()] == []
    assert [one.name for one in WORKLOADS if f"- `{one.name}`: {one.what}" not in text] == []


@pytest.mark.parametrize(
    ("grouped", "says"),
    [(50.0, "ahead of Node with group commit in everything"), (900.0, "behind in `fanout-1` (0.333)")],
)
def test_the_page_says_how_it_stands_against_the_better_node(grouped: float, says: str) -> None:
    one = outcome("fanout-1", ours=[300.0], node=[100.0])
    one.rounds[NODE_GROUP.name] = [{one.workload.metric: grouped}]
    assert says in page.sentence(_results("then", one))


def test_it_says_it_of_a_server_with_a_relay_too() -> None:
    one = outcome("fanout-1", ours=[300.0], ours_relay=[200.0], node_group=[250.0])
    assert "behind in `fanout-1`, Parley, relay (0.8); and" in page.sentence(_results("then", one))


def test_the_readme_has_the_kept_results() -> None:
    text = (PROJECT / "README.md").read_text()
    assert page.with_results(text, results.read(RESULTS)) == text
