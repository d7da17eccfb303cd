"""The short form of `bin/chaos`: three kills, and one or a few of each other fault."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.reliability.chaos import disk
from tests.reliability.chaos.options import Options
from tests.reliability.chaos.report import AFTER_ABSENCE, BACK, SHARE, Report
from tests.reliability.chaos.run import run

NEED_A_LONG_RUN = {AFTER_ABSENCE, BACK, SHARE}
"""These bars are shares, percentiles and luck: a short run beside other work says little of them."""

CLIENTS = 12
BACK_SECONDS = 20.0


def _run(fault: str, kills: int, database: str = "sqlite", **more: Any) -> Report:
    """A small run; nothing may be lost, doubled, out of order or missing."""
    sizes = {"clients": CLIENTS, "conversations": 3, "rate": 60.0, "gap": (0.5, 1.5), "seed": 1}
    with ThreadPoolExecutor(1) as own:  # the browser's tests leave an event loop in this thread
        options = Options(fault=fault, database=database, kills=kills, **{**sizes, **more})
        report = own.submit(run, options).result()
    missed = [bar for bar in report.bars() if not bar.met and bar.what not in NEED_A_LONG_RUN]
    assert missed == [], report.markdown()
    assert report.figures.back_95 < BACK_SECONDS, report.markdown()
    return report


def test_three_kills() -> None:
    assert _run("kill", 3).figures.absences > 2 * CLIENTS  # who is not back yet is not away once more


def test_killed_between_commit_and_publish() -> None:
    """What was committed and never published is there; its sender, who heard nothing, sends it again in vain."""
    assert _run("commit-publish", 1).figures.duplicates_after_absence > 0


def test_an_orderly_end() -> None:
    _run("term", 1)


def test_a_bad_network() -> None:
    """One strike of each: connections reset, blackholed, and cut between commit and acknowledgement."""
    report = _run("proxy", 3)
    assert report.done["connections reset"] > 0
    assert report.done["connections blackholed"] > 0
    assert report.done["connections cut at an acknowledgement"] > 0
    assert report.figures.duplicates_after_absence > 0


def test_a_full_disk() -> None:
    reason = disk.missing()
    if reason:
        pytest.skip(f"no small disk without root here: {reason}")
    _run("disk", 1)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_database_that_is_away(database: str) -> None:
    _run("database", 1, database)
