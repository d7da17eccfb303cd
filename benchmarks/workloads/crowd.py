"""Connections: coming, coming back, staying, leaving."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.generator import Figures, Load, run
from benchmarks.servers import NODE, OURS, STOCK
from benchmarks.workloads.base import Bar, Measurement, Workload
from benchmarks.world import Rooms

FIRST = 100
"""Clients that come and go before memory is looked at: what the first ones load is not counted for the others."""

SETTLE_SECONDS = 2.0
"""Until a server has put away what connecting needed."""

PROBE_MS = 5
PROBE_BEFORE = 1.0
PROBE_AFTER = 7.0
"""Seconds of the probe before and after the crowd leaves. Parley tells who is offline after 5 s: it sees that too."""


def connects(measured: Measurement) -> Figures:
    """Everybody connects, 100 at a time."""
    plan = measured.plan(join=False)
    return run(plan, measured.server.port, measured.server.pid, "-c 100 -t 0", event="connected")


def herd(measured: Measurement) -> Figures:
    """Everybody is cut, and comes back at once."""
    return run(measured.plan(), measured.server.port, measured.server.pid, "-c 200 -i 1 -t 0 -B", event="back")


def memory(measured: Measurement) -> Figures:
    """What a connection that is quiet costs, in resident memory."""
    server, plan = measured.server, measured.plan()
    run(_lines(plan, "first", slice(FIRST)), server.port, server.pid, "-t 0", event="connected")
    time.sleep(SETTLE_SECONDS)
    rss, pss = server.memory()
    with Load(plan, server.port, server.pid, "-c 100 -t 0 -k") as load:
        figures = load.event("connected", 180)
        time.sleep(SETTLE_SECONDS)
        rss_after, pss_after = server.memory()
        load.release()
        load.end()
    count = figures["connected"]
    grown = {
        "kb_a_connection": (rss_after - rss) / count / 1024,
        "pss_kb_a_connection": (pss_after - pss) / count / 1024,
    }
    return {**figures, **grown, "rss_mb": rss_after / 1e6, "rss_before_mb": rss / 1e6}


def quiet_crowd(measured: Measurement) -> Figures:
    """Everybody is there, and a little is said."""
    figures = measured.load("-c 200 -i 1 -r 100")
    rss, _ = measured.server.memory()
    return {**figures, "lost": figures["failed"] + figures["missing"], "rss_mb": rss / 1e6}


def leave(measured: Measurement) -> Figures:
    """Everybody but one goes at once; the longest that the one waited for an answer."""
    server, plan = measured.server, measured.plan()
    crowd, one = _lines(plan, "crowd", slice(None, -1)), _lines(plan, "one", slice(-1, None))
    probe_options = f"-w 0.5 -t {PROBE_BEFORE + PROBE_AFTER} -E {PROBE_MS}"
    with Load(crowd, server.port, server.pid, "-c 200 -t 0 -k") as load:
        connected = load.event("connected", 180)
        with Load(one, server.port, server.pid, probe_options) as probe:
            probe.event("connected", 30)
            time.sleep(0.5 + PROBE_BEFORE)
            load.release()
            figures = probe.event("measured", 60)
            probe.end()
        load.end()
    return {**figures, "left": connected["connected"]}


def _lines(plan: Path, name: str, which: slice) -> Path:
    """Some lines of a plan, as a plan of their own."""
    part = plan.with_name(name)
    part.write_text("".join(plan.read_text().splitlines(keepends=True)[which]))
    return part


CROWDS = (
    Workload(
        name="connects",
        title="Connects",
        what="2,000 clients connect over WebSocket, each with its own token, 100 at a time; they join nothing.",
        place=(Rooms(20, 100),),
        measure=connects,
        metric="connects_per_s",
        unit="connects/s",
        bars=(Bar("connects_per_s", ">=", 2.0),),
    ),
    Workload(
        name="herd",
        title="Reconnect herd of 2,000",
        what="2,000 clients in 20 rooms are cut and come back all at once: until the last has joined its room again.",
        place=(Rooms(20, 100),),
        measure=herd,
        metric="seconds",
        unit="s until all are back",
        better="lower",
    ),
    Workload(
        name="memory",
        title="Memory of an idle connection",
        what="5,000 clients connect and join rooms of 100; the growth of the resident set, a connection.",
        place=(Rooms(50, 100),),
        measure=memory,
        metric="kb_a_connection",
        unit="KiB",
        better="lower",
        bars=(Bar("kb_a_connection", "<=", 0.25),),
        contenders=(OURS, STOCK, NODE),
    ),
    Workload(
        name="ten-thousand",
        title="10,000 connections",
        what="100 rooms of 100, and 100 messages a second among them on schedule: 10,000 deliveries a second.",
        place=(Rooms(100, 100),),
        measure=quiet_crowd,
        metric="ms_p99",
        unit="ms (p99)",
        better="lower",
        bars=(
            Bar("ms_p99", "<", 250, against=None, unit="ms"),
            Bar("lost", "==", 0, against=None, unit="lost"),
        ),
        contenders=(OURS, NODE),
        seconds=5.0,
    ),
    Workload(
        name="leave",
        title="5,000 leave at once",
        what=(
            "5,000 clients in rooms of 100 are cut at once. "
            f"One more sends `echo` every {PROBE_MS} ms, before and for {PROBE_AFTER:g} s after: its longest wait."
        ),
        place=(Rooms(50, 100), Rooms(1, 1)),
        measure=leave,
        metric="ms_longest",
        unit="ms (longest)",
        better="lower",
        bars=(Bar("ms_longest", "<", 150, against=None, unit="ms"),),
        contenders=(OURS, NODE),
    ),
)
