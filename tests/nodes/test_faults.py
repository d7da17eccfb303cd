"""The relay and the database away, frozen and back, under load; nodes that die. The long form is `bin/chaos`."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.nodes.conftest import Cluster, People, eventually, wait_ready
from tests.reliability.chaos.options import Options
from tests.reliability.chaos.report import ACKS_WITHOUT_RELAY, AFTER_ABSENCE, BACK, SHARE
from tests.reliability.chaos.run import run
from tests.support.api import Api
from tests.support.server import ServerProcess
from tests.support.sockets import Sock
from tests.support.valkey import Valkey

NEED_A_LONG_RUN = {ACKS_WITHOUT_RELAY, AFTER_ABSENCE, BACK, SHARE}
"""As in tests/reliability/test_chaos.py: the machine has other work beside this."""

ACKNOWLEDGED_SECONDS = 1.5
"""The 99th percentile while the relay is away, beside other work; a wait for the relay would be 2 or 3 s."""

TOLD_SECONDS = 5.0


def chaos(fault: str, kills: int, **more: Any) -> None:
    """A small run on two servers; nothing may be lost, doubled, out of order, missing or late."""
    sizes = {"clients": 12, "conversations": 3, "rate": 60.0, "gap": (0.5, 1.5), "seed": 1}
    with ThreadPoolExecutor(1) as own:  # the browser's tests leave an event loop in this thread
        options = Options(fault=fault, kills=kills, nodes=2, **{"database": "postgresql", **sizes, **more})
        report = own.submit(run, options).result()
    missed = [bar for bar in report.bars() if not bar.met and bar.what not in NEED_A_LONG_RUN]
    assert missed == [], report.markdown()
    assert report.figures.ack_99_without_relay < ACKNOWLEDGED_SECONDS, report.markdown()


@pytest.mark.alone
def test_a_relay_that_is_killed() -> None:
    chaos("valkey-kill", 1, away=3.0)


@pytest.mark.alone
def test_a_relay_that_is_frozen() -> None:
    chaos("valkey-stop", 1, away=6.0)


@pytest.mark.alone
def test_nodes_that_are_killed() -> None:
    chaos("kill", 2)


@pytest.mark.alone
def test_a_node_killed_between_commit_and_publish() -> None:
    chaos("commit-publish", 1, rate=100.0)


@pytest.mark.alone
def test_a_database_that_restarts() -> None:
    """Killed, and shut down fast and immediately."""
    chaos("database", 3)


@pytest.mark.alone
def test_processes_on_one_disk_share_sqlite_too() -> None:
    chaos("valkey-kill", 1, away=2.0, database="sqlite")


def reasons(node: ServerProcess) -> list[str]:
    """What `/readyz` complains about."""
    api = Api(node)
    try:
        answer = api.root("/readyz")
        assert answer.status_code == (503 if answer.json().get("reasons") else 200)
        return list(answer.json().get("reasons", []))
    finally:
        api.close()


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_readyz_says_that_the_relay_is_away(fresh_cluster: Cluster, valkey: Valkey, fault: str) -> None:
    node = fresh_cluster.add()
    if fault == "kill":
        valkey.kill()
    else:
        valkey.freeze()
    eventually(lambda: any("the relay (Redis)" in reason for reason in reasons(node)), 8)
    if fault == "kill":
        valkey.start()
    else:
        valkey.thaw()
    wait_ready(node, TOLD_SECONDS)
    metrics = Api(node).root("/metrics").text
    assert "parley_relay_up 1.0" in metrics
    assert float(metrics.split('parley_relay_connects_total{lane="commands"} ')[1].split("\n")[0]) >= 2


@pytest.mark.alone
def test_a_server_starts_and_serves_without_its_relay(fresh_cluster: Cluster, valkey: Valkey, people: People) -> None:
    """What two servers store meanwhile reaches the other's rooms by their comparison with the database."""
    valkey.kill()
    first, second = fresh_cluster.add(start=False).start(), fresh_cluster.add(start=False).start()
    anna, ben = people.user(first), people.user(second)
    group = anna.group(ben)
    his = people.sock(second, ben, group)
    anna.say(group, "without a relay")
    assert his.wait_for("message:new", timeout=TOLD_SECONDS)["content"] == "without a relay"
    valkey.start()
    for node in (first, second):
        wait_ready(node)
    begun = time.monotonic()
    anna.say(group, "with one")
    his.wait_for("message:new", lambda data: data["content"] == "with one")
    assert time.monotonic() - begun < 0.8, "sooner than the comparison"


def test_memberships_of_users_outside_the_room_are_late_and_not_lost(
    fresh_cluster: Cluster, valkey: Valkey, people: People
) -> None:
    first, second = fresh_cluster.add(), fresh_cluster.add()
    anna, ben = people.user(first), people.user(second)
    kept, ended = anna.group(ben, title="kept"), anna.group(ben, title="ended")
    his, joins = people.sock(second, ben), people.sock(second, ben, auto_join=True)
    valkey.kill()
    new = anna.group(ben, title="new")
    anna.answer("DELETE", f"/conversations/{kept['id']}/participants/{ben.id}", status=204)
    anna.answer("DELETE", f"/conversations/{ended['id']}", status=204)
    for sock in (his, joins):
        _hear_of(sock, "conversation:new", new["id"])
        _hear_of(sock, "conversation:participant-removed", kept["id"])
        _hear_of(sock, "conversation:deleted", ended["id"])
    message = anna.say(new, "in the new one")
    joins.wait_for("message:new", lambda data: data["id"] == message["id"], timeout=TOLD_SECONDS)
    valkey.start()
    for node in (first, second):
        wait_ready(node)
    third = anna.group(ben, title="third")
    for sock in (his, joins):
        _hear_of(sock, "conversation:new", third["id"])
    time.sleep(4)  # one round of the comparison, which must find nothing more to tell
    for sock in (his, joins):
        sock.settle()
        told = [name for name in sock.names() if name.startswith("conversation:")]
        expected = ["conversation:deleted", *["conversation:new"] * 2, "conversation:participant-removed"]
        assert sorted(told) == expected


def _hear_of(sock: Sock, event: str, conversation_id: str) -> None:
    sock.wait_for(event, lambda data: conversation_id in (data.get("id"), data.get("conversationId")), TOLD_SECONDS)


def test_a_server_that_ends_in_order_hands_on_what_it_had(fresh_cluster: Cluster, people: People) -> None:
    """Its last messages reach the others, and its users are offline after the grace, not after the lease."""
    first, second = fresh_cluster.add(), fresh_cluster.add(PRESENCE_LEASE="60")
    anna, ben = people.user(first), people.user(second)
    group = anna.group(ben)
    hers, his = people.sock(first, anna, group), people.sock(second, ben, group)
    hers.wait_for("user:status")
    for number in range(20):
        his.emit("send-message", {"conversationId": group["id"], "content": str(number), "temp_id": str(number)})
    his.settle()
    second.child.signal(signal.SIGTERM)
    hers.wait_count("message:new", 20)
    hers.wait_for("user:status", lambda data: data["status"] == "offline")
    assert second.child.wait(15) == 0
