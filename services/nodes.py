"""One server among several: what is tied together where `REDIS_URL` names the relay between them."""

from __future__ import annotations

from typing import Any

import runtime
from engine.remote import FastRemote, Remote, StockRemote
from realtime import shared_limits
from realtime.handover import handover
from realtime.incoming import incoming
from realtime.nodes import nodes
from realtime.presence import presence
from services.members import members
from services.memberships import CHECK_SECONDS, memberships
from services.tokens import standing
from settings import settings

FAREWELL_SECONDS = 0.5
"""How long a server that ends gives the relay to take what is still on its way."""


def limits_uri() -> str:
    """Where rate limits are counted: on all nodes together, or here."""
    return f"{shared_limits.SCHEME}://" if nodes.bus is not None else "memory://"


def socket_options(fast: bool) -> dict[str, Any]:
    """What Flask-SocketIO needs to reach clients of other nodes; `fast` where our own engine serves."""
    if nodes.bus is None:
        return {}
    manager: Remote = FastRemote() if fast else StockRemote()
    manager.connect_nodes(nodes.bus.node, nodes.send_socketio)
    incoming.socketio = manager.take
    return {"client_manager": manager}


def start() -> None:
    """This process serves: hear the others, and be counted among them."""
    incoming.forget_members, incoming.forget_logins = members.forget, standing.forget
    incoming.fetched, incoming.given = handover.take_question, handover.take_answer
    incoming.listen()
    presence.start()
    if nodes.bus is not None or settings.database_url:
        runtime.every(CHECK_SECONDS, memberships.recheck)


def stop() -> None:
    """It is about to end."""
    presence.stop()
    if nodes.bus is not None:
        nodes.bus.flush(FAREWELL_SECONDS)
