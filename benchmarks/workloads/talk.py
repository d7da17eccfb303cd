"""Messages, typing and receipts: what people do who are there."""

from __future__ import annotations

from benchmarks.generator import Figures
from benchmarks.servers import NODE, NODE_GROUP, OURS, OURS_FULL, OURS_MILLION, STOCK
from benchmarks.workloads.base import Bar, Measure, Measurement, Workload
from benchmarks.world import Rooms

WINDOW = 20
"""Messages of a room that may wait for readers at once: a lively room does not wait until all have read the last.

Parley writes a reader's receipts of 250 ms together (design.md), so it acknowledges this many messages four times a
second at most. 10 measured no more than that: it then used a twentieth of a core.
"""


def talking(options: str = "", senders: int = 1) -> Measure:
    """The generator's messages, measured; the server's memory at the end."""

    def measure(run: Measurement) -> Figures:
        figures = run.load(options, senders)
        rss, _ = run.server.memory()
        return {**figures, "rss_mb": rss / 1e6}

    return measure


FAN_OUT = (
    Workload(
        name="fanout-1",
        title="Fan-out, 1 sender",
        what="A room of 500. One member sends; the next message leaves when the sender has the last one back.",
        place=(Rooms(1, 500),),
        measure=talking(),
        metric="deliveries_per_s",
        unit="deliveries/s",
        bars=(Bar("deliveries_per_s", ">=", 1.5),),
    ),
    Workload(
        name="fanout-20",
        title="Fan-out, 20 senders",
        what="The same room, and 20 of its members send in that way.",
        place=(Rooms(1, 500),),
        measure=talking(senders=20),
        metric="deliveries_per_s",
        unit="deliveries/s",
        bars=(Bar("deliveries_per_s", ">=", 10),),
    ),
)

PAIR_BARS = (
    Bar("messages_per_s", ">=", 2.0),
    Bar("messages_per_s", ">=", 1.8, contender="ours-full"),
)
WITHOUT_STOCK = (OURS, NODE, NODE_GROUP)
PAIR_CONTENDERS = (OURS, OURS_FULL, STOCK, NODE, NODE_GROUP)
PAIR_WHAT = "conversations of two. One of each sends; the next message leaves when the sender has the last one back."


def pairs(count: int) -> Workload:
    """So many conversations of two, each as fast as it goes."""
    return Workload(
        name=f"pairs-{count}",
        title=f"{count:,} pairs",
        what=f"{count:,} {PAIR_WHAT} SQLite with synchronous=NORMAL; Parley also with FULL.",
        place=(Rooms(count, 2),),
        measure=talking(),
        metric="messages_per_s",
        unit="messages/s",
        bars=PAIR_BARS,
        contenders=PAIR_CONTENDERS,
    )


PAIRS = (
    pairs(100),
    pairs(1000),
    Workload(
        name="pairs-open",
        title="1,000 pairs, 4,000 messages/s",
        what="1,000 conversations of two. Messages leave on schedule, and latency counts from when each was due.",
        place=(Rooms(1000, 2),),
        measure=talking("-r 4000"),
        metric="ms_p99",
        unit="ms (p99)",
        better="lower",
        bars=(Bar("ms_p99", "<=", 1.0),),
        contenders=WITHOUT_STOCK,
    ),
    Workload(
        name="pairs-postgresql",
        title="100 pairs, PostgreSQL",
        what=f"100 {PAIR_WHAT} Both on one PostgreSQL with its own defaults (fsync, synchronous_commit=on).",
        place=(Rooms(100, 2),),
        measure=talking(),
        metric="messages_per_s",
        unit="messages/s",
        bars=(Bar("messages_per_s", ">=", 2.5),),
        contenders=WITHOUT_STOCK,
        storage="postgresql",
    ),
    Workload(
        name="million",
        title="100 pairs, 1,000,000 messages there",
        what="As `pairs-100`, with 10,000 earlier messages in each conversation, against an empty database.",
        place=(Rooms(100, 2),),
        measure=talking(),
        metric="messages_per_s",
        unit="messages/s",
        bars=(Bar("messages_per_s", ">=", 0.9, against="ours", contender="ours-million"),),
        contenders=(OURS, OURS_MILLION),
        baseline="ours",
        places={"ours-million": (Rooms(100, 2, messages=10_000),)},
    ),
)

ROOM_TRAFFIC = (
    Workload(
        name="receipts",
        title="Receipts, all read all",
        what=(
            "A room of 100; one sends, and each of the 99 others sends `read` for each message as it comes. "
            f"{WINDOW} messages at most wait for their readers; the next leaves when one was read by all."
        ),
        place=(Rooms(1, 100),),
        measure=talking(f"-R -W {WINDOW}"),
        metric="reads_per_s",
        unit="reads/s",
        bars=(Bar("reads_per_s", ">=", 1.5),),
        seconds=4.0,
    ),
    Workload(
        name="receipts-delivered",
        title="Receipts, delivered and read",
        what="As `receipts`, and each reader sends `delivered-ack` too, just before `read`; the reads are counted.",
        place=(Rooms(1, 100),),
        measure=talking(f"-R -A -W {WINDOW}"),
        metric="reads_per_s",
        unit="reads/s",
        contenders=(OURS, NODE),
        seconds=4.0,
    ),
    Workload(
        name="receipts-open",
        title="Receipts, 5 messages/s",
        what="The same room at 5 messages a second, 495 reads: how long until a read was told, and for how much CPU.",
        place=(Rooms(1, 100),),
        measure=talking("-R -r 5"),
        metric="read_ms_p99",
        unit="ms (p99)",
        better="lower",
        contenders=WITHOUT_STOCK,
        seconds=4.0,
    ),
    Workload(
        name="typing",
        title="Typing",
        what=(
            "A room of 100 in which everybody says that they type, and that they stopped, on and on; "
            "the next is sent when the next member of the room was told of the last."
        ),
        place=(Rooms(1, 100),),
        measure=talking("-T"),
        metric="deliveries_per_s",
        unit="updates/s",
    ),
)
