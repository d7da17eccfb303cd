"""What of `bin/bench` could be wrong without anybody noticing: its bars, its arithmetic, its turns, its options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import command
from benchmarks.figures import Rounds, Spread, judge, ratio, spread
from benchmarks.paths import RESULTS
from benchmarks.rounds import steps
from benchmarks.workloads import CURVES, WORKLOADS
from benchmarks.workloads.base import Bar
from tests.benchmarks.made import outcome, workload

PAIRS = [
    "ours messages_per_s/node >= 2",
    "ours-full messages_per_s/node >= 1.8",
    "ours-relay messages_per_s/node >= 2",
]
BARS = {
    "fanout-1": ["ours deliveries_per_s/node >= 1.5", "ours-relay deliveries_per_s/node >= 1.5"],
    "fanout-20": ["ours deliveries_per_s/node >= 10", "ours-relay deliveries_per_s/node >= 10"],
    "pairs-100": PAIRS,
    "pairs-1000": PAIRS,
    "pairs-open": ["ours ms_p99/node <= 1", "ours-relay ms_p99/node <= 1"],
    "pairs-postgresql": ["ours messages_per_s/node >= 2.5", "ours-relay messages_per_s/node >= 2.5"],
    "million": ["ours-million messages_per_s/ours >= 0.9"],
    "receipts": ["ours reads_per_s/node >= 1.5", "ours-relay reads_per_s/node >= 1.5"],
    "connects": ["ours connects_per_s/node >= 2", "ours-relay connects_per_s/node >= 2"],
    "memory": ["ours kb_a_connection/node <= 0.25"],
    "ten-thousand": ["ours ms_p99 < 250", "ours lost == 0"],
    "leave": ["ours ms_longest < 150"],
}
"""What was promised; to ask for less is a decision, not an edit."""


def test_the_bars_are_those_that_were_promised() -> None:
    said = {
        one.name: [
            f"{bar.contender} {bar.metric}{f'/{bar.against}' if bar.against else ''} {bar.rule} {bar.limit:g}"
            for bar in one.bars
        ]
        for one in WORKLOADS
        if one.bars
    }
    assert said == BARS


def test_every_bar_and_baseline_is_measured() -> None:
    names = [one.name for one in WORKLOADS] + [one.name for one in CURVES]
    assert len(set(names)) == len(names)
    for one in WORKLOADS:
        measured = {contender.name for contender in one.contenders}
        assert {one.baseline, *one.places} <= measured, one.name
        assert {bar.contender for bar in one.bars} | {bar.against for bar in one.bars} <= measured | {None}, one.name


def test_a_median_has_its_ends_and_its_noise() -> None:
    found = spread([3.0, 1.0, 2.0, 10.0])
    assert found == Spread(2.5, 1.0, 10.0)
    assert found.noise == pytest.approx(4.5 / 2.5)
    assert spread([]) is None


def test_a_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_the_medians() -> None:
    rounds: Rounds = {"ours": [{"x": 10.0}, {"x": 30.0}, {"x": 100.0}], "node": [{"x": 5.0}, {"x": 30.0}, {"x": 10.0}]}
    assert ratio(rounds, "x", "ours", "node") == Spread(2.0, 1.0, 10.0)


def test_a_round_that_failed_on_either_side_counts_for_none() -> None:
    rounds: Rounds = {"ours": [{"x": 9.0}, {}, {"x": 4.0}], "node": [{"x": 0.0}, {"x": 1.0}, {"x": 2.0}]}
    assert ratio(rounds, "x", "ours", "node") == Spread(2.0, 2.0, 2.0)
    assert ratio(rounds, "x", "ours", "nobody") is None


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (">=", [False, True, True]),
        ("<=", [True, True, False]),
        ("<", [True, False, False]),
        ("==", [False, True, False]),
    ],
)
def test_a_bar_holds_at_its_edge_as_its_rule_says(rule: str, holds: list[bool]) -> None:
    bar = replace(Bar("x", ">=", 2.0), rule=rule)  # type: ignore[arg-type]
    assert [bar.holds(value) for value in (1.9, 2.0, 2.1)] == holds


def test_verdicts() -> None:
    both = outcome("pairs-100", ours=[20.0, 30.0, 40.0], ours_full=[17.0], node=[10.0, 10.0, 10.0])
    assert [(verdict.value, verdict.met) for verdict in judge(both.workload, both.rounds)] == [
        (3.0, True),
        (1.7, False),
        (None, None),
    ]
    alone = outcome("pairs-100", ours=[20.0])
    assert [verdict.met for verdict in judge(alone.workload, alone.rounds)] == [None, None, None]


def test_one_round_with_a_loss_is_a_loss() -> None:
    rounds: Rounds = {"ours": [{"ms_p99": 5.0, "lost": lost} for lost in (0, 0, 1)]}
    assert [verdict.met for verdict in judge(workload("ten-thousand"), rounds)] == [True, False]


def test_all_servers_take_turns_and_each_round_begins_with_another() -> None:
    one, other = workload("fanout-1"), workload("leave")
    order = [(step.round, step.workload.name, step.contender.name) for step in steps([one, other], ["ours", "node"], 2)]
    assert order == [
        (0, "fanout-1", "ours"),
        (0, "fanout-1", "node"),
        (0, "leave", "ours"),
        (0, "leave", "node"),
        (1, "fanout-1", "node"),
        (1, "fanout-1", "ours"),
        (1, "leave", "node"),
        (1, "leave", "ours"),
    ]


def test_a_name_may_be_the_beginning_of_several() -> None:
    assert command.select("pairs") == {"pairs-100", "pairs-1000", "pairs-open", "pairs-postgresql"}
    assert command.select("pairs-100,members") == {"pairs-100", "members"}
    with pytest.raises(ValueError, match="no workload is called 'nothing'"):
        command.select("pairs,nothing")


def test_only_a_whole_run_takes_the_place_of_the_results() -> None:
    whole = command.parse([])
    assert (whole.out, whole.curves, whole.workloads) == (RESULTS, CURVES, WORKLOADS)
    assert command.parse(["--no-write"]).out is None
    assert command.parse(["--only", "pairs"]).out is None
    assert command.parse(["--quick"]).out is None
    assert command.parse(["--only", "pairs", "--merge"]).out == RESULTS
    assert command.parse(["--servers", "ours", "--out", "x"]).out == Path("x")


@pytest.mark.parametrize(
    "arguments", [["--only", "nothing"], ["--servers", "apache"], ["--rounds", "0"], ["--seconds", "0"]]
)
def test_an_option_that_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse(arguments)
    assert "usage: bin/bench" in capsys.readouterr().err
