"""What is taken back on one node counts on all: tokens, logins, accounts; and guesses are counted together."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.nodes.conftest import Cluster, People
from tests.support.api import Api
from tests.support.processes import PROJECT
from tests.support.server import ServerProcess
from tests.support.valkey import Valkey

Nodes = list[ServerProcess]

AT_ONCE = 2.0
"""Seconds; without the relay it would take the five of the regular check."""


def test_a_logout_closes_sockets_and_caches_on_other_nodes(nodes: Nodes, people: People) -> None:
    anna = people.user(nodes[0])
    away = people.at(nodes[1], anna)
    away.answer("GET", "/users/me")
    sock = people.sock(nodes[2], anna)
    anna.answer("POST", "/auth/logout", {"everywhere": True}, status=204)
    ended = time.monotonic()
    sock.wait_closed(AT_ONCE)
    while away.get("/users/me").status_code != 401:
        assert time.monotonic() - ended < AT_ONCE
    away.refused("GET", "/users/me", status=401, error="token_invalid")


def test_another_password_ends_all_other_sessions_everywhere(nodes: Nodes, people: People) -> None:
    anna = people.user(nodes[0])
    stays = people.sock(nodes[1], anna)
    other = Api(nodes[1]).login(anna.username)
    goes = people.sock(nodes[2], other)
    body = {"currentPassword": anna.password, "newPassword": "another long password"}
    anna.answer("POST", "/users/me/password", body, status=204)
    goes.wait_closed(AT_ONCE)
    stays.settle()
    assert stays.closed_by is None


def test_a_command_reaches_the_servers_through_the_relay(nodes: Nodes, people: People) -> None:
    """`flask user disable` is a process of its own, which holds no socket and ends at once."""
    anna = people.user(nodes[0])
    socks = [people.sock(node, anna) for node in nodes]
    env = {**nodes[0].env, "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "flask", "user", "disable", anna.username]
    done = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for sock in socks:
        sock.wait_closed(AT_ONCE)


@pytest.fixture
def strict(fresh_cluster: Cluster) -> Cluster:
    """Two servers that count guesses."""
    for _ in range(2):
        fresh_cluster.add(RATE_LIMITS="on")
    return fresh_cluster


def test_guesses_are_counted_on_all_nodes_together(strict: Cluster, people: People) -> None:
    anna = people.user(strict.nodes[0])
    apis = [people.at(node, anna) for node in strict.nodes]
    body = {"username": anna.username, "password": "not this one"}
    statuses = [apis[number % 2].post("/auth/login", body).status_code for number in range(14)]
    allowed = statuses.index(429)
    assert statuses == [401] * allowed + [429] * (14 - allowed)
    assert allowed == 10
    answer = apis[0].refused("POST", "/auth/login", body, status=429, error="rate_limited")
    assert 0 < answer["retryAfter"] <= 60 * 15


def test_guesses_are_counted_by_each_node_while_the_relay_is_away(
    strict: Cluster, people: People, valkey: Valkey
) -> None:
    anna = people.user(strict.nodes[0])
    body = {"username": anna.username, "password": "not this one"}
    valkey.freeze()
    try:
        for node in strict.nodes:
            api = people.at(node, anna)
            begun = time.monotonic()
            statuses = [api.post("/auth/login", body).status_code for _ in range(12)]
            assert statuses == [401] * 10 + [429] * 2
            assert time.monotonic() - begun < 12
    finally:
        valkey.thaw()
