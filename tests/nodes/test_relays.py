"""The same on every kind of relay: a cluster, one that a sentinel watches, one behind TLS; and on a single disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes.conftest import Cluster, People, wait_ready
from tests.support.postgres import Postgres
from tests.support.server import ServerProcess
from tests.support.valkey import Valkey
from tests.support.valkeys import TlsFront, ValkeyCluster, WatchedValkey

Pair = tuple[ServerProcess, ServerProcess]

SOON = 0.8
"""Seconds: sooner than the comparison with the database, so that it was the relay."""


@pytest.fixture
def make_cluster() -> Iterator[list[Cluster]]:
    """Where a test puts its servers, stopped before their relay is."""
    made: list[Cluster] = []
    yield made
    for cluster in made:
        cluster.stop()


def two(made: list[Cluster], folder: Path, database_url: str, redis_url: str, **env: str) -> Pair:
    """Two servers."""
    cluster = Cluster(folder, database_url, redis_url)
    made.append(cluster)
    return cluster.add(start=True, kind=ServerProcess, **env), cluster.add(start=True, kind=ServerProcess, **env)


def talk(first: ServerProcess, second: ServerProcess, people: People) -> None:
    """Messages, presence, typing, notices and forced leaving cross, and soon."""
    anna, ben = people.user(first), people.user(second)
    group = anna.group(ben)
    hers, his, outside = people.sock(first, anna, group), people.sock(second, ben, group), people.sock(second, ben)
    assert hers.wait_for("user:status", timeout=SOON + 1)["userId"] == ben.id
    begun = time.monotonic()
    for number in range(10):
        anna.say(group, str(number))
        his.wait_count("message:new", number + 1)
    assert time.monotonic() - begun < 5 * SOON
    his.ok("typing", {"conversationId": group["id"], "isTyping": True})
    hers.wait_for("typing:update", timeout=SOON)
    anna.answer("PATCH", "/users/me", {"displayName": "Another"})
    outside.wait_for("user:updated", timeout=SOON)
    anna.answer("DELETE", f"/conversations/{group['id']}/participants/{ben.id}", status=204)
    for sock in (his, outside):
        sock.wait_for("conversation:participant-removed", timeout=SOON)
        sock.settle()
        assert sock.count("conversation:participant-removed") == 1


def test_a_cluster(make_cluster: list[Cluster], tmp_path: Path, postgres: Postgres, people: People) -> None:
    valkeys = ValkeyCluster()
    try:
        nodes = two(make_cluster, tmp_path, postgres.database(), valkeys.url)
        talk(*nodes, people)
        people.close()
        make_cluster.pop().stop()
    finally:
        valkeys.stop()


def test_a_sentinel(make_cluster: list[Cluster], tmp_path: Path, postgres: Postgres, people: People) -> None:
    valkeys = WatchedValkey()
    try:
        nodes = two(make_cluster, tmp_path, postgres.database(), valkeys.url)
        talk(*nodes, people)
        valkeys.servers[0].kill()
        for node in nodes:
            node.wait_for_log("the relay is away")
            wait_ready(node, 30)
        talk(*nodes, people)
        people.close()
        make_cluster.pop().stop()
    finally:
        valkeys.stop()


def test_tls(make_cluster: list[Cluster], tmp_path: Path, postgres: Postgres, people: People, valkey: Valkey) -> None:
    """A certificate that nobody vouches for, as Heroku's."""
    front = TlsFront(valkey.port)
    try:
        url = f"rediss://127.0.0.1:{front.port}/0"
        nodes = two(make_cluster, tmp_path, postgres.database(), url, REDIS_TLS_VERIFY="off")
        talk(*nodes, people)
        people.close()
        make_cluster.pop().stop()
    finally:
        front.stop()


def test_sqlite_on_one_disk(make_cluster: list[Cluster], tmp_path: Path, people: People, valkey: Valkey) -> None:
    """Several processes with one `DATA_DIR` share its database, its files and its secret."""
    shared = tmp_path / "shared"
    shared.mkdir()
    nodes = two(make_cluster, tmp_path, "", valkey.url, DATA_DIR=str(shared))
    talk(*nodes, people)
