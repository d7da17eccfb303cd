"""docs/benchmarks/README.md: the tables, the plots, the machine, and how to repeat it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import figures
from benchmarks.paths import PROJECT, RESULTS
from benchmarks.plots import write as write_plots
from benchmarks.results import Results, Run
from benchmarks.servers import NODE_GROUP
from benchmarks.table import costs_table, curve_table, leading, main_table, markdown, number

FILE = "README.md"

BEGIN, END = "<!-- bin/bench -->", "<!-- /bin/bench -->"
"""Where the README has the results."""

HEAD = """# Benchmarks

Made by `bin/bench`; do not edit. [results.json](results.json) has every figure of every round.

Parley is measured beside the guide's own Node server ([benchmarks/peer](../../benchmarks/peer/server.mjs): Express,
socket.io, jsonwebtoken, and its `db` filled in), on the same machine, with the same clients, messages and database
engine. So that nobody need call that a straw man, there is a second Node server: the same, with what the guide does
not do, group commit and remembered reads. `ENGINE=stock` is Parley on python-socketio and eventlet as they come.

Every measurement has a server of its own, started fresh with a fresh database; within a round all servers take their
turn, and each round begins with another one. A figure is the median of the rounds. A ratio is the median of the ratios
within the rounds, with the least and the greatest of them in brackets.
"""

WHAT_IS_COUNTED = """## How it is counted

- The load comes from [benchmarks/loadgen](../../benchmarks/loadgen/main.c), one thread in C, over plain WebSocket. It
  sends every server the same bytes. On two cores it has the one, the server the other; where its own CPU nears 1.00,
  it may be what was measured, and the server is faster than it says.
- CPU is the server process's, user and system, its threads and ended children with it (`/proc/PID/stat`), for each
  second that was measured; 1.00 is one core. PostgreSQL's own CPU is not in it. "CPU µs each" is what one of the things
  counted took, and the figure that a busy machine changes least.
- A delivery is one `message:new` (or `typing:update`) that reached one client. A message counts when its own sender
  has it back, which Node and Parley both send after their commit. Latency counts from the moment at which the message
  was due, so that a server that falls behind shows it. One sender keeps one message under way.
- SQLite is in WAL mode with `synchronous=NORMAL` on both sides; where it says FULL, Parley flushes each commit to disk
  before it answers (its default), and Node still does not. PostgreSQL has its own defaults, flushes included.
- A read is acknowledged when the room was told of it: when the sender of the message has heard that this reader
  read it. The guide's server says so with a `message:status` for each message and reader. Parley says it with
  `receipt:update`, a watermark that covers all messages up to it. A message and a reader count once on either side.
- Memory is the growth of the resident set, after the first 100 clients came and went, divided by the connections.
- The guide's handlers are as the guide has them; the `db` that it leaves open keeps its statements prepared.
- Where it says relay, Parley has a Valkey of its own beside it (`REDIS_URL`): it follows its rooms' channels there and
  says who is online. It is its only node, and so publishes no messages; what that takes, and what two and three nodes
  carry, is in [docs/scaling.md](../scaling.md). Node stands alone. Connection state recovery is on in all lines of
  Parley's, but for `ENGINE=stock`, which has none.
- Parley runs with `ENVIRONMENT=production`, `LOG_LEVEL=warning` and `RATE_LIMITS=off`; Node with
  `NODE_ENV=production`. Everything else is each one's default.
"""

NOISE = """A loop that always does the same runs before each round, and tells what others took of the machine. How
much the rounds of one measurement differed ("± rounds") is half of what lies between the least and the greatest.
"""

REPEAT = """## How to repeat it

```sh
bin/bench                                 # everything, five rounds: about 40 minutes on two cores
bin/bench --quick                         # one short round, without the curves; writes nothing
bin/bench --only pairs --servers ours,node
bin/bench --only receipts --merge         # measure some again, and keep the rest of the results
```

It needs Linux, a C compiler and Python 3.11; PostgreSQL comes out of a wheel, and Node too where the machine's is
older than 22.5. The last workloads open 10,000 connections: `ulimit -Hn` must be 10,200 or more. Let nothing else run
meanwhile.
"""


def write(results: Results, folder: Path) -> None:
    """Write page, plots and figures into the folder, and, where it is the one of the documents, the README's table."""
    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder)
    (folder / FILE).write_text(page(results, write_plots(results, folder)))
    if folder == RESULTS:
        readme = PROJECT / "README.md"
        readme.write_text(with_results(readme.read_text(), results))


def with_results(readme: str, results: Results) -> str:
    """The README with these results between its marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{main_table(results.outcomes.values())}\n{sentence(results)}\n{END}{after}"


def page(results: Results, plots: Sequence[tuple[str, str]]) -> str:
    """The whole page."""
    outcomes = results.outcomes.values()
    parts = [HEAD, "## Results\n", main_table(outcomes), sentence(results)]
    parts += [f"![{title}]({name})\n" for name, title in plots]
    parts += [curve_table(drawn) for drawn in results.curves.values() if drawn.points]
    parts += ["## What it took\n", costs_table(outcomes), WHAT_IS_COUNTED]
    parts += ["## The workloads\n", "".join(f"- `{one.workload.name}`: {one.workload.what}\n" for one in outcomes)]
    parts += [
        "## The machine\n",
        machine_table(results),
        NOISE,
        "".join(trouble(results)),
        REPEAT,
    ]
    return "\n".join(part for part in parts if part)


def sentence(results: Results) -> str:
    """How it stands against the better of the Node servers, in each of its settings."""
    behind = []
    for one in results.outcomes.values():
        for contender, setting in leading(one.workload):
            found = figures.ratio(one.rounds, one.workload.metric, contender.name, NODE_GROUP.name)
            if found is not None and (found.median < 1) == (one.workload.better == "higher"):
                behind.append(f"`{one.workload.name}`{setting} ({number(found.median)})")
    if not any(NODE_GROUP.name in one.rounds for one in results.outcomes.values()):
        return ""
    if not behind:
        return "Parley is ahead of Node with group commit in everything that both were asked to do.\n"
    return f"Against Node with group commit Parley is behind in {'; '.join(behind)}; and ahead in the rest.\n"


def machine_table(results: Results) -> str:
    """What each run was made on, and how steady it was."""
    head = ("run", "commit", "machine", "rounds", "load average before", "slowest loop ÷ median")
    return markdown(head, [_run_row(when, run) for when, run in sorted(results.runs.items())])


def _run_row(when: str, run: Run) -> list[str]:
    machine, steady = run["machine"], run["steady"]
    what = f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']} GB, {machine['kernel']}"
    versions = f"Python {machine['python']}, Node {machine['node'].removeprefix('v')}"
    loop = statistics.median(one["spin_s"] for one in steady)
    slowest = f"{max(one['spin_longest_s'] for one in steady) / loop:.2f}"
    rounds = f"{run['rounds']} (curves: {run['curve_rounds']})"
    return [when, machine["commit"], f"{what}, {versions}", rounds, f"{steady[0]['load']:.2f}", slowest]


def trouble(results: Results) -> Iterator[str]:
    """What did not go as it should."""
    for name, one in results.outcomes.items():
        for problem in dict.fromkeys(one.problems):
            yield f"- `{name}`: {problem}\n"
