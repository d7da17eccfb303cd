"""Several processes on one port: they are one server to its clients, and to whoever starts and stops it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients.driven import Driver
from tests.nodes.conftest import Cluster, People, eventually
from tests.nodes.several import SEVERAL, Several, end_without_trace, lives
from tests.support.postgres import Postgres
from tests.support.processes import PROJECT, Child
from tests.support.server import ServerProcess
from tests.support.valkey import Valkey
from tests.support.wire import RawSocket


def several(cluster: Cluster, **env: str) -> Several:
    """A server with several processes, ready."""
    settings: dict[str, Any] = {**SEVERAL, **env}
    server = cluster.add(kind=Several, **settings)
    assert isinstance(server, Several)
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, relay: Valkey) -> Iterator[Several]:
    """One with two processes, which the tests share that end none of them."""
    url = postgres.database()
    cluster = Cluster(tmp_path_factory.mktemp("several"), url, relay.url)
    try:
        yield several(cluster)
    finally:
        cluster.stop()
        postgres.drop(url)


def test_they_share_the_port_and_its_clients(server: Several, people: People) -> None:
    count = int(SEVERAL["WEB_CONCURRENCY"])
    greeting, *more = [line for line in server.child.out.lines() if "is listening" in line]
    assert re.fullmatch(rf"Parley is listening on {server.url} with {count} processes \(ready in [0-9.]+ s\)", greeting)
    assert more == []
    assert sorted(server.pids()) == list(range(1, count + 1))
    assert server.pid not in server.pids().values()
    user = people.user(server)
    socks = [RawSocket(server, user.token) for _ in range(40 * count)]
    shares = server.connections()
    assert sum(shares.values()) == 40 * count, "this test comes first: nobody else is there"
    assert all(share > 10 for share in shares.values()), "one in a million times by chance"
    for sock in socks:
        sock.close()
    for figures in server.figures().values():
        assert figures["process_resident_memory_bytes"] > 1e7 or sys.platform != "linux"
    for _ in range(4 * count):
        assert requests.get(f"{server.url}/readyz", timeout=10).json() == {"status": "ok"}


def test_an_event_reaches_the_sockets_of_every_process_once_and_in_order(server: Several, people: People) -> None:
    anna, ben = people.user(server, "anna"), people.user(server, "ben")
    group = anna.group(ben)
    hers = [people.sock(server, anna, group) for _ in range(4)]
    his = [people.sock(server, ben, group) for _ in range(8)]
    eventually(lambda: all(server.connections().values()))
    for number in range(40):
        sender = hers[number % 4]
        sender.ok("send-message", {"conversationId": group["id"], "content": str(number), "temp_id": f"t{number}"})
        if number % 10 == 0:
            ben.say(group, f"over REST {number}")
    for sock in (*hers, *his):
        messages = sock.wait_count("message:new", 44)
        assert [message["seq"] for message in messages] == list(range(1, 45))


def insist(pids: list[int]) -> None:
    """SIGTERM to each of them, again and again, until they are gone."""
    while living := [pid for pid in pids if lives(pid)]:
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(0.002)


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "SIGTERM to all"])
def test_a_signal_drains_them_all(fresh_cluster: Cluster, people: People, way: str) -> None:
    """`SIGTERM to all`: as dyno hosts do it, and worse; it must not count as the second signal, which kills."""
    server = several(fresh_cluster)
    anna, ben = people.user(server), people.user(server)
    direct = anna.direct(ben)
    socks = [people.sock(server, user, direct) for user in (anna, ben) for _ in range(6)]
    answered: list[str] = []
    for number in range(200):
        socks[number % 6].client.emit(
            "send-message",
            {"conversationId": direct["id"], "content": str(number)},
            callback=lambda answer: answered.append(answer["message"]["id"]) if answer["ok"] else None,
        )
    eventually(lambda: len(answered) >= 10)
    pids = list(server.pids().values())
    if way == "SIGTERM to all":
        threading.Thread(target=insist, args=(pids,)).start()
    assert server.stop(signal.SIGINT if way == "SIGINT" else signal.SIGTERM) == 0
    assert [pid for pid in pids if lives(pid)] == []
    for sock in socks:
        sock.wait_for("server:draining")
        sock.wait_closed()
        assert sock.count("server:draining") == 1
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)
    server.env["WEB_CONCURRENCY"] = "1"  # who is asked what was stored does not matter
    server.restart()
    path = f"/conversations/{direct['id']}/messages?limit=100&after="
    stored = [message["id"] for after in (0, 100) for message in anna.answer("GET", path + str(after))["items"]]
    assert set(answered) <= set(stored)


def test_one_that_is_killed_is_replaced_and_its_clients_lose_nothing(fresh_cluster: Cluster, people: People) -> None:
    server = several(fresh_cluster)
    anna, ben = people.user(server, "anna"), people.user(server, "ben")
    group = anna.group(ben)
    with Driver() as driver:
        clients = [driver.client(ben, name=f"ben {number}").online() for number in range(10)]
        hers = driver.client(anna, name="anna").online()
        eventually(lambda: all(server.connections().values()))
        victim = server.connections().most_common(1)[0][0]
        number = next(number for number, pid in server.pids().items() if pid == victim)
        sent = 0
        for kill_at in (40, 80, 120):
            while sent < kill_at:
                sent += 1
                hers.say(group, str(sent))
                if sent == 20:
                    server.send(number, signal.SIGKILL)
        eventually(lambda: len(server.started()) == 3, 20)
        for client in clients:
            eventually(lambda client=client: client.count("message") >= sent, 20)  # type: ignore[misc]
            assert client.seqs() == list(range(1, sent + 1))
            assert client.contents() == [str(each) for each in range(1, sent + 1)]
    assert sum(client.count("synced") for client in clients) > len(clients), "nobody was cut off"
    (ended,) = server.events("a process ended and is started again")
    assert (ended["number"], ended["status"]) == (str(number), "killed by SIGKILL")


def test_one_that_keeps_dying_is_started_after_longer_pauses_while_the_others_serve(fresh_cluster: Cluster) -> None:
    server = several(fresh_cluster)
    ended = "a process ended and is started again"
    for times in range(1, 4):
        server.send(2, signal.SIGKILL)
        eventually(lambda times=times: len(server.events(ended)) == times)  # type: ignore[misc]
        for _ in range(20):
            assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
        eventually(lambda times=times: len(server.started()) == 2 + times, 20)  # type: ignore[misc]
    assert [float(line["pause_seconds"]) for line in server.events(ended)] == [0, 0.25, 0.5]


def test_one_that_is_asked_to_end_drains_and_is_replaced(fresh_cluster: Cluster, people: People) -> None:
    server = several(fresh_cluster)
    user = people.user(server)
    socks = [people.sock(server, user) for _ in range(12)]
    eventually(lambda: all(server.connections().values()))
    server.send(1, signal.SIGTERM)
    eventually(lambda: len(server.started()) == 3, 20)
    told = [sock for sock in socks if sock.count("server:draining")]
    assert 0 < len(told) < len(socks)
    assert server.events("a process ended and is started again")[0]["status"] == "status 0"


def run(folder: Path, **env: str) -> Child:
    """`python app.py` with these settings, to its end or its greeting."""
    template = ServerProcess(folder, {"PORT": "0", **SEVERAL, **env})
    return Child([sys.executable, PROJECT / "app.py"], env=template.env)


NOWHERE = {"DATABASE_URL": "postgres://u:p@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}
"""Port 1 of the loopback has no listener."""


def test_one_that_cannot_start_ends_the_whole_with_a_sentence(tmp_path: Path) -> None:
    child = run(tmp_path, WEB_CONCURRENCY="3", **NOWHERE)
    assert child.wait(timeout=30) == 1
    first, second = child.err.lines()
    assert first.startswith("Parley cannot start: the database cannot be opened: ")
    assert second == "Parley cannot start: process 1 of 3 ended before it served (status 1)."
    assert child.out.lines() == []


def test_one_that_dies_before_all_serve_ends_the_whole(tmp_path: Path, postgres: Postgres, valkey: Valkey) -> None:
    child = run(tmp_path, DATABASE_URL=postgres.database(), REDIS_URL=valkey.url)
    pids: list[int] = []

    def two_children() -> bool:
        found = subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True)
        pids[:] = [int(word) for word in found.stdout.split()]
        return len(pids) == 2

    eventually(two_children)
    os.kill(max(pids), signal.SIGKILL)
    assert child.wait(timeout=30) == 1
    assert re.search(r"process \d of 2 ended before it served \(killed by SIGKILL\)\.", child.err.text())
    end_without_trace(pids)


def test_a_port_that_is_taken_is_told_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        child = run(tmp_path, **{**NOWHERE, "PORT": str(port)})
        assert child.wait(timeout=30) == 1
    told = f"Parley cannot start: cannot listen on 127.0.0.1, port {port}: Address already in use."
    assert child.err.lines() == [told]


def test_when_the_parent_is_killed_the_others_end_by_themselves(fresh_cluster: Cluster, people: People) -> None:
    server = several(fresh_cluster)
    sock = people.sock(server, people.user(server))
    pids = list(server.pids().values())
    server.kill()
    end_without_trace(pids)
    sock.wait_for("server:draining")
    server.start()


@pytest.mark.parametrize("second", [True, False])
def test_one_that_hangs_is_killed_in_the_end(fresh_cluster: Cluster, second: bool) -> None:
    """At a second signal, or after `DRAIN_SECONDS` and the 4 s of a farewell; the others have drained by then."""
    server = several(fresh_cluster, DRAIN_SECONDS="20" if second else "0")
    pids = server.pids()
    frozen = server.send(1, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        server.child.signal(signal.SIGTERM)
        eventually(lambda: not lives(pids[2]))
        assert server.running
        assert lives(frozen)
        if second:
            server.child.signal(signal.SIGTERM)
        assert server.child.wait(15) == 1
        assert (time.monotonic() - begun < 4) == second
        assert not lives(frozen)
    finally:
        if lives(frozen):
            os.kill(frozen, signal.SIGKILL)


def test_they_are_one_server_to_revocations_and_presence(server: Several, people: People) -> None:
    """What has to be known by all: who is online, that a session ended, who was thrown out."""
    anna, ben = people.user(server, "anna"), people.user(server, "ben")
    anna.direct(ben)
    socks = [people.sock(server, anna) for _ in range(16)]
    eventually(lambda: all(server.connections().values()))
    watching = people.sock(server, ben)
    socks[0].close()
    for sock in socks[1:]:
        assert sock.ok("presence", {"userIds": [anna.id]})["users"][anna.id]["status"] == "online"
    anna.answer("POST", "/auth/logout", {"everywhere": True}, status=204)
    for sock in socks[1:]:
        sock.wait_closed()
    assert watching.wait_for("user:status", lambda data: data["status"] == "offline")["userId"] == anna.id
