"""The command line of `bin/scaling`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import generator, machine
from benchmarks.paths import FOLDER, PROJECT, CannotMeasure, say
from benchmarks.scaling import loops, tables
from benchmarks.scaling.loops import Small
from benchmarks.scaling.probes import COSTS, THROUGHPUT, Sample, measure

MEASURED = FOLDER / "scaling" / "measured.json"
PAGE = PROJECT / "docs" / "scaling.md"
PARTS = {"throughput": THROUGHPUT, "costs": COSTS}
Measured = dict[str, Any]


def parser() -> argparse.ArgumentParser:
    """The options, with what each means."""
    options = argparse.ArgumentParser(
        prog="bin/scaling",
        description="Measure 1, 2 and 3 nodes, and what each thing costs; calculate what up to 1,000 would need.",
    )
    options.add_argument("--only", choices=PARTS, help="measure this part, and take the other as it was")
    options.add_argument("--calculate", action="store_true", help="measure nothing: the tables of what was measured")
    options.add_argument("--seconds", type=float, default=4.0, help="measure for so long each time (default: 4)")
    options.add_argument("--rounds", type=int, default=1, help="rounds, of which the mean counts (default: 1)")
    options.add_argument("--write", action="store_true", help=f"keep it, and put the tables into {PAGE.name}")
    return options


def read(path: Path = MEASURED) -> Measured:
    """What was measured and kept."""
    measured: Measured = json.loads(path.read_text())
    return measured


def samples(measured: Measured, part: str) -> dict[str, Sample]:
    """A part of it. Raises CannotMeasure where it is not there."""
    if part not in measured:
        raise CannotMeasure(f"nothing was measured of the {part} yet")
    return {name: Sample(**figures) for name, figures in measured[part]["samples"].items()}


def all_tables(measured: Measured) -> dict[str, str]:
    """The page's tables by their names. Raises CannotMeasure where a part is missing."""
    costs = samples(measured, "costs")
    return tables.of_run(samples(measured, "throughput"), costs, Small(**measured["costs"]["small"]))


def with_tables(page: str, found: dict[str, str]) -> str:
    """The page with these tables in their places, which are marked there."""
    for name, table in found.items():
        before, start, rest = page.partition(f"<!-- bin/scaling: {name} -->\n\n")
        _, end, after = rest.partition("\n<!-- end -->")
        if not start or not end:
            raise CannotMeasure(f"the page has no place for the table {name!r}")
        page = f"{before}{start}{table}{end}{after}"
    return page


def measure_part(part: str, seconds: float, rounds: int) -> Measured:
    """Measure it, and say on what. Raises CannotMeasure."""
    found = {name: asdict(sample) for name, sample in measure(PARTS[part], seconds, rounds).items()}
    small = {"small": asdict(loops.measure())} if part == "costs" else {}
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    run = {"when": when, "machine": machine.describe(), "seconds": seconds, "rounds": rounds}
    return {**run, "samples": found, **small}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says; 2 where it cannot be measured."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and folders go too
    try:
        measured = read() if MEASURED.is_file() else {}
        if not options.calculate:
            generator.program()
            for part in [options.only] if options.only else PARTS:
                measured[part] = measure_part(part, options.seconds, options.rounds)
        if options.write:
            MEASURED.write_text(json.dumps(measured, indent=1) + "\n")
        found_tables = all_tables(measured)
        sys.stdout.write("\n".join(f"{name}\n\n{table}" for name, table in found_tables.items()))
        if options.write:
            PAGE.write_text(with_tables(PAGE.read_text(), found_tables))
    except CannotMeasure as error:
        say(f"bin/scaling: {error}")
        return 2
    except KeyboardInterrupt:
        say("bin/scaling: stopped; nothing is written")
        return 130
    return 0
