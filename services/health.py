"""Whether the server can do its work, and figures of how much it does."""

from __future__ import annotations

import os

from prometheus_client import Counter, Gauge, Info
from sqlalchemy import text

import runtime
from realtime.connections import connections
from realtime.nodes import nodes
from schemas.errors import ChatError
from services.access import reading

CONNECTIONS = Gauge("parley_connections", "Connected sockets of this process")
AWAY = Gauge("parley_connections_away", "Sockets of this process that lost their connection and may come back")
USERS = Gauge("parley_connected_users", "Users with a socket in this process")
MESSAGES = Counter("parley_messages_sent", "Messages stored by this process")
PROCESS = Info("parley_process", "Which process these figures are of: its number of WEB_CONCURRENCY, and its id")
PROCESS.info({"number": str(runtime.place.number), "pid": str(os.getpid())})


def problems() -> list[str]:
    """Why the server is not ready; empty where it is."""
    found = []
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except ChatError:
        found.append("the database cannot be reached")
    relay = nodes.problem()
    return [*found, relay] if relay else found


def measure() -> None:
    """Bring the gauges up to date."""
    present = connections.present()
    CONNECTIONS.set(len(present))
    AWAY.set(len(connections.all()) - len(present))
    USERS.set(len({connection.user_id for connection in present}))
