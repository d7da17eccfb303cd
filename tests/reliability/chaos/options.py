"""What a run is like, and its command line."""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

FAULTS = ("kill", "term", "proxy", "disk", "commit-publish", "database", "valkey-kill", "valkey-stop")
RELAY_FAULTS = ("valkey-kill", "valkey-stop")

AWAY = {"valkey-kill": 3.0, "valkey-stop": 10.0}
"""Seconds that the relay is gone, unless said otherwise."""

GAP = (3.0, 8.0)
ORDERLY_GAP = (6.0, 11.0)
"""A server that ends in order asks its clients to stay away for up to 5 s."""


@dataclass(frozen=True, slots=True)
class Options:
    """One run. `rate` is messages a second of all clients together; `kills` how often the fault strikes.

    `gap` is the least and the most seconds between the end of one strike and the next. Several `nodes` share the
    database and a Valkey, which a relay fault takes `away` for so many seconds.
    """

    fault: str = "kill"
    database: str = "sqlite"
    clients: int = 50
    conversations: int = 10
    rate: float = 100.0
    kills: int = 30
    seed: int = 1
    seconds: float = 0.0
    gap: tuple[float, float] = GAP
    nodes: int = 1
    away: float = 0.0
    log: Path | None = None
    out: Path | None = None


def parse(arguments: list[str] | None = None) -> Options:
    """The options of a command line; leaves with a usage message where they make no sense."""
    parser = argparse.ArgumentParser(prog="bin/chaos", description="Break Parley under load, and count what got lost.")
    parser.add_argument("--fault", choices=FAULTS, default="kill", help="how it is broken (default: kill)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--conversations", type=int, default=10)
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second, of all clients together")
    parser.add_argument("--kills", type=int, default=30, help="how often the fault strikes")
    parser.add_argument("--seed", type=int, default=None, help="of everything that is random; printed, so as to repeat")
    parser.add_argument("--nodes", type=int, default=1, help="servers, on one database and one Valkey")
    parser.add_argument("--away", type=float, default=None, help="seconds that a relay fault lasts")
    parser.add_argument("--seconds", type=float, default=0.0, help="go on for at least this long")
    parser.add_argument("--gap", type=float, nargs=2, metavar=("LEAST", "MOST"), help="seconds between two strikes")
    parser.add_argument("--log", type=Path, help="keep the clients' log (JSONL) here")
    parser.add_argument("--out", type=Path, help="write the figures here (JSON)")
    given = parser.parse_args(arguments)
    if given.clients < given.conversations or given.conversations < 1 or given.rate <= 0 or given.kills < 0:
        parser.error("at least one client a conversation, a rate above 0, and no fewer than 0 kills")
    if given.fault == "disk" and given.database != "sqlite":
        parser.error("the small disk is the embedded database's: --fault disk needs --database sqlite")
    if given.fault in RELAY_FAULTS and given.nodes < 2:
        parser.error("a relay is between servers: --nodes 2 or more")
    if given.fault in ("disk", "proxy") and given.nodes > 1:
        parser.error(f"--fault {given.fault} is for one server")
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(2**32)
    gap = tuple(given.gap) if given.gap else ORDERLY_GAP if given.fault == "term" else GAP
    away = given.away if given.away is not None else AWAY.get(given.fault, 0.0)
    values = {**vars(given), "seed": seed, "gap": gap, "away": away}
    return Options(**values)
