"""The command line of `bin/bench`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import generator, machine, node, page, results
from benchmarks.databases import Databases
from benchmarks.figures import judge
from benchmarks.paths import RESULTS, CannotMeasure, say
from benchmarks.results import Results
from benchmarks.rounds import Asked, Runner, steps
from benchmarks.servers import SERVERS
from benchmarks.table import costs_table, curve_table, main_table
from benchmarks.workloads import CURVES, WORKLOADS, Curve, Workload

QUICK_SECONDS = 1.0

EPILOG = """A name may be the beginning of several: `pairs` is pairs-100, pairs-1000, pairs-open and pairs-postgresql,
`fanout` both fan-outs. The curves are called members, rooms and connections. A run of a part writes nothing, unless
--out or --merge says where to."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `out` None: nothing is written."""

    workloads: tuple[Workload, ...]
    curves: tuple[Curve, ...]
    asked: Asked
    curve_rounds: int
    out: Path | None
    merge: bool


def select(names: str) -> set[str]:
    """The workloads and curves of a comma-separated list of names, or of beginnings of several. Raises ValueError."""
    known = [workload.name for workload in WORKLOADS] + [curve.name for curve in CURVES]
    wanted: set[str] = set()
    for name in filter(None, map(str.strip, names.split(","))):
        found = {name} if name in known else {one for one in known if one.startswith(name)}
        if not found:
            raise ValueError(f"no workload is called {name!r}; there are {', '.join(known)}")
        wanted |= found
    return wanted


def server_names(text: str) -> tuple[str, ...]:
    """The servers of a comma-separated list. Raises ValueError."""
    names = tuple(filter(None, map(str.strip, text.split(","))))
    unknown = [name for name in names if name not in SERVERS]
    if unknown or not names:
        raise ValueError(f"servers are {', '.join(SERVERS)}, not {text!r}")
    return names


def parser() -> argparse.ArgumentParser:
    """The options, with what each means."""
    options = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measure Parley beside the guide's Node server.",
        epilog=EPILOG,
    )
    options.add_argument("--only", default="", metavar="NAME,...", help="only these workloads and curves")
    options.add_argument("--servers", default=",".join(SERVERS), metavar="NAME,...", help="of %(default)s")
    options.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts (default: 5)")
    options.add_argument("--curve-rounds", type=int, default=1, help="rounds of the curves (default: 1)")
    options.add_argument("--seconds", type=float, help="measure for so long each time (default: 2 to 5, by workload)")
    options.add_argument("--quick", action="store_true", help="one round, one second each, no curves")
    options.add_argument("--out", type=Path, help=f"write page, plots and figures here (default: {RESULTS.name})")
    options.add_argument("--merge", action="store_true", help="keep what is there of workloads that were not measured")
    options.add_argument("--no-write", action="store_true", help="print the tables only")
    return options


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; leaves with a usage message where they make no sense."""
    options = parser()
    given = options.parse_args(arguments)
    try:
        only, servers = select(given.only), server_names(given.servers)
    except ValueError as error:
        options.error(str(error))
    if given.rounds < 1 or given.curve_rounds < 1 or (given.seconds is not None and given.seconds <= 0):
        options.error("at least one round, and more than 0 seconds")
    whole = not only and servers == SERVERS and not given.quick
    out = given.out or (RESULTS if whole or given.merge else None)
    seconds = given.seconds or (QUICK_SECONDS if given.quick else None)
    curves = [curve for curve in CURVES if curve.name in only or (not only and not given.quick)]
    return Options(
        workloads=tuple(workload for workload in WORKLOADS if not only or workload.name in only),
        curves=tuple(curves),
        asked=Asked(servers, 1 if given.quick else given.rounds, seconds),
        curve_rounds=given.curve_rounds,
        out=None if given.no_write else out,
        merge=given.merge,
    )


def measure(options: Options, when: str) -> Results:
    """Everything that was asked for. Raises CannotMeasure where nothing can be measured at all."""
    generator.program()
    asked = options.asked
    count = len(list(steps(options.workloads, asked.servers, asked.rounds)))
    for curve in options.curves:
        points = [workload for _, workload in curve.points]
        count += len(list(steps(points, asked.servers, options.curve_rounds)))
    found = Results()
    with Databases() as databases:
        runner = Runner(databases, asked, count)
        found.outcomes = runner.workloads(options.workloads, asked.rounds)
        found.curves = {curve.name: runner.curve(curve, options.curve_rounds) for curve in options.curves}
    for outcome in found.outcomes.values():
        outcome.run = when
    for drawn in found.curves.values():
        drawn.run = when
    found.runs[when] = {
        "machine": machine.describe(),
        "rounds": asked.rounds,
        "curve_rounds": options.curve_rounds,
        "steady": runner.steady,
    }
    return found


def keep(found: Results, options: Options) -> None:
    """Write what was found, where that was asked for."""
    if options.out is None:
        return
    kept = results.read(options.out) if options.merge else Results()
    kept.take(found)
    page.write(kept, options.out)
    say(f"written: {options.out}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says; 1 where a bar was missed, 2 where nothing could be measured."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and folders go too
    try:
        if any(server.startswith("node") for server in options.asked.servers):
            node.packages()
        found = measure(options, f"{datetime.now(UTC):%Y-%m-%d %H:%M}")
    except CannotMeasure as error:
        say(f"bin/bench: {error}")
        return 2
    except KeyboardInterrupt:
        say("bin/bench: stopped; nothing is written")
        return 130
    outcomes = list(found.outcomes.values())
    tables = [main_table(outcomes), costs_table(outcomes)] if outcomes else []
    sys.stdout.write("\n".join([*tables, *(curve_table(drawn) for drawn in found.curves.values())]))
    keep(found, options)
    missed = [verdict for one in outcomes for verdict in judge(one.workload, one.rounds) if verdict.met is False]
    return 1 if missed else 0
