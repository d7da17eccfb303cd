"""Small measurements of Parley, and the command from end to end."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.databases import Databases
from benchmarks.figures import Round
from benchmarks.rounds import Step, measure
from benchmarks.servers import OURS
from benchmarks.workloads.talk import talking
from benchmarks.world import Rooms, rooms_in, users_in, write_plan
from tests.benchmarks.made import workload
from tests.support.processes import PROJECT

COMPILER = any(shutil.which(name) for name in ("cc", "gcc", "clang"))


needs_compiler = pytest.mark.skipif(not COMPILER, reason="the load generator is C, and there is no compiler here")


def test_everybody_is_in_one_room_and_the_plan_has_a_line_for_each(tmp_path: Path) -> None:
    place = (Rooms(2, 3), Rooms(1, 2))
    rooms = list(rooms_in(place))
    assert [list(room.members) for room in rooms] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert users_in(place) == 8
    lines = [line.split() for line in write_plan(tmp_path / "plan", place, senders=2).read_text().splitlines()]
    assert [line[1] for line in lines] == [rooms[0].id] * 3 + [rooms[1].id] * 3 + [rooms[2].id] * 2
    assert "".join(line[2] for line in lines) == "11011000", "the first two of each active room send"
    assert len({line[0] for line in lines}) == 8


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    """Databases for the measurements of this file."""
    with Databases() as made:
        yield made


def _small(databases: Databases, place: tuple[Rooms, ...], options: str, senders: int = 1) -> Round:
    """A small measurement of Parley, half a second long."""
    tiny = replace(workload("fanout-1"), place=place, measure=talking(f"-w 0.2 {options}", senders))
    return measure(databases, Step(0, tiny, OURS), 0.5)


@needs_compiler
def test_messages_are_counted_and_none_is_missing(databases: Databases) -> None:
    found = _small(databases, (Rooms(5, 2, messages=4),), "")
    assert (found["connected"], found["failed"], found["errors"], found["missing"]) == (10, 0, 0, 0), found
    assert found["messages_per_s"] > 0
    assert found["deliveries_per_s"] == pytest.approx(2 * found["messages_per_s"], rel=0.2)
    assert 0 < found["cpu_s"] < 5
    assert 0 < found["ms_p50"] <= found["ms_p99"] <= found["ms_longest"] + 0.02


@needs_compiler
def test_a_read_counts_once_for_each_message_and_reader(databases: Databases) -> None:
    found = _small(databases, (Rooms(1, 5),), "-R -r 40")
    assert (found["failed"], found["errors"], found["missing"]) == (0, 0, 0), found
    assert 0 < found["reads"] <= 4 * (found["sent"] + 8), "four readers, and at most the warm-up's messages besides"


@needs_compiler
def test_typing_reaches_all_others(databases: Databases) -> None:
    found = _small(databases, (Rooms(1, 4),), "-T")
    assert (found["failed"], found["errors"]) == (0, 0), found
    assert found["deliveries_per_s"] == pytest.approx(3 * found["messages_per_s"], rel=0.2), "three others hear of each"


@needs_compiler
def test_the_command_measures_and_writes(tmp_path: Path) -> None:
    arguments = ["--quick", "--only", "typing", "--servers", "ours", "--seconds", "0.5", "--out", str(tmp_path)]
    done = subprocess.run([str(PROJECT / "bin" / "bench"), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| Typing (`typing`) | updates/s |" in done.stdout
    assert "[1/1] round 1, typing, Parley: " in done.stderr
    rounds = json.loads((tmp_path / "results.json").read_text())["workloads"]["typing"]["rounds"]
    assert set(rounds) == {"ours"}
    assert rounds["ours"][0]["deliveries_per_s"] > 0
    assert rounds["ours"][0]["connected"] == 100
    assert "Fan-out" not in (tmp_path / "README.md").read_text()
