"""What is too small to be seen beside everything else, done again and again: the comparison, and Redis's part."""

from __future__ import annotations

import time
from dataclasses import dataclass

import redis
from sqlalchemy import create_engine, select

from benchmarks.databases import Databases
from benchmarks.scaling.cluster import family_seconds, processor_seconds
from benchmarks.world import Rooms, rooms_in
from models import Conversation
from models.store import Store
from tests.support.valkey import Valkey

ROOMS = (Rooms(5000, 2),)
CHUNK = 500
"""Rooms of one query, as in `realtime/catchup.py`."""

TIMES = 20
PACKETS = 5000
TOGETHER = 50
"""Packets that are sent in one piece, as those of a commit are: one at a time, Redis wakes up for each, and where that
is dear (a small virtual machine) it is all that one would see."""

FEW, MANY = 1, 9
"""Connections that follow a channel."""

PACKET = b"x" * 600
"""About as long as a message's."""


@dataclass(frozen=True, slots=True)
class Small:
    """CPU seconds: for comparing a room once, of the node and of PostgreSQL; of Redis for a packet in, and out once."""

    compare: float
    compared_room: float
    publish: float
    push: float


def measure() -> Small:
    """All of it, in a few seconds."""
    compare, compared_room = comparison()
    few, many = publishing(FEW), publishing(MANY)
    push = (many - few) / (MANY - FEW)
    return Small(compare, compared_room, few - FEW * push, push)


def comparison() -> tuple[float, float]:
    """The rooms' revs, read as each node does every second; for one room, of this process and of PostgreSQL."""
    ids = [room.id for room in rooms_in(ROOMS)]
    with Databases() as databases, databases.fresh("ours", "postgresql", ROOMS) as database:
        store = Store()
        store.bind(create_engine(database.url.replace("://", "+psycopg2://", 1), pool_pre_ping=True))
        try:
            compared(store, ids)
            begun, before = time.process_time(), family_seconds(databases.postgres.pid)
            for _ in range(TIMES):
                compared(store, ids)
            ended, after = time.process_time(), family_seconds(databases.postgres.pid)
        finally:
            store.close()
    done = TIMES * len(ids)
    return (ended - begun) / done, (after - before) / done


def compared(store: Store, ids: list[str]) -> None:
    """Once, in the pieces that a node reads."""
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        with store.read() as session:
            found = session.execute(select(Conversation.id, Conversation.rev).where(Conversation.id.in_(wanted)))
            assert len(dict(found.tuples().all())) == len(wanted)


def publishing(followers: int, packets: int = PACKETS) -> float:
    """Redis's CPU seconds for a packet that goes to so many connections, `TOGETHER` at a time."""
    valkey = Valkey()
    clients = [redis.Redis(port=valkey.port, socket_timeout=10) for _ in range(followers + 1)]
    try:
        publisher, hearing = clients[0], [client.pubsub() for client in clients[1:]]  # type: ignore[no-untyped-call]
        for one in hearing:
            one.subscribe("room")
            assert one.get_message(timeout=5)
        before = processor_seconds(valkey.pid)
        for start in range(0, packets, TOGETHER):
            with publisher.pipeline(transaction=False) as together:
                for _ in range(min(TOGETHER, packets - start)):
                    together.publish("room", PACKET)
                together.execute()
        for one in hearing:
            assert all(one.get_message(timeout=5) for _ in range(packets))
        return (processor_seconds(valkey.pid) - before) / packets
    finally:
        for client in clients:
            client.close()
        valkey.stop()
