"""Presence and typing over nodes: a user is where any of their sockets is, and a dead node takes its users with it."""

from __future__ import annotations

import signal
import time

import pytest

from tests.nodes.conftest import GRACE, LEASE, Cluster, People
from tests.support.server import ServerProcess
from tests.support.sockets import Sock

Nodes = list[ServerProcess]


def statuses(sock: Sock, user_id: str) -> list[str]:
    """What was told of a user, in order."""
    return [data["status"] for data in sock.events("user:status") if data["userId"] == user_id]


def test_coming_and_going_is_told_across_nodes(nodes: Nodes, people: People) -> None:
    anna, ben, other = people.user(nodes[0]), people.user(nodes[1]), people.user(nodes[1])
    anna.direct(ben)
    his, strangers = people.sock(nodes[1], ben), people.sock(nodes[1], other)
    hers = people.sock(nodes[0], anna)
    assert his.wait_for("user:status")["status"] == "online"
    asked = people.sock(nodes[2], ben).ok("presence", {"userIds": [anna.id]})
    assert asked["users"][anna.id]["status"] == "online"
    hers.close()
    closed = time.monotonic()
    told = his.wait_for("user:status", lambda data: data["status"] == "offline")
    assert time.monotonic() - closed >= GRACE
    his.settle()
    strangers.settle()
    assert statuses(his, anna.id) == ["online", "offline"]
    assert statuses(strangers, anna.id) == []
    asked = people.sock(nodes[2], ben).ok("presence", {"userIds": [anna.id]})
    assert asked["users"][anna.id] == {"status": "offline", "lastSeen": told["lastSeen"]}


def test_a_user_on_two_nodes_is_online_until_the_last_socket_goes(nodes: Nodes, people: People) -> None:
    anna, ben, other = people.user(nodes[0]), people.user(nodes[1]), people.user(nodes[1])
    anna.direct(ben)
    ben.direct(other)
    his = people.sock(nodes[1], ben)
    first, second = people.sock(nodes[0], anna), people.sock(nodes[2], anna)
    others = people.sock(nodes[0], other)
    his.wait_for("user:status", lambda data: data["userId"] == other.id)
    first.close()
    others.close()
    his.wait_for("user:status", lambda data: data["userId"] == other.id and data["status"] == "offline")
    his.settle()
    assert statuses(his, anna.id) == ["online"], "the grace has passed, and one socket is left"
    assert his.ok("presence", {"userIds": [anna.id]})["users"][anna.id]["status"] == "online"
    second.close()
    his.wait_for("user:status", lambda data: data["userId"] == anna.id and data["status"] == "offline")


def test_a_move_to_another_node_within_the_grace_is_told_to_nobody(nodes: Nodes, people: People) -> None:
    anna, ben, other = people.user(nodes[0]), people.user(nodes[1]), people.user(nodes[1])
    anna.direct(ben)
    ben.direct(other)
    his, hers, others = people.sock(nodes[1], ben), people.sock(nodes[0], anna), people.sock(nodes[0], other)
    his.wait_for("user:status", lambda data: data["userId"] == other.id)
    his.wait_for("user:status", lambda data: data["userId"] == anna.id)
    for number in range(6):
        hers.close()
        hers = people.sock(nodes[(number + 1) % 3], anna)
    others.close()
    his.wait_for("user:status", lambda data: data["userId"] == other.id and data["status"] == "offline")
    his.settle()
    assert statuses(his, anna.id) == ["online"]


def test_a_herd_is_told_across_nodes_once_and_to_nobody_of_themselves(nodes: Nodes, people: People) -> None:
    anna, *herd = [people.user(nodes[0]) for _ in range(6)]
    anna.group(*herd)
    hers, his = people.sock(nodes[0], anna), people.sock(nodes[0], herd[0])
    theirs = [people.sock(nodes[1], one) for one in herd]
    hers.wait_count("user:status", len(herd))
    for sock in theirs:
        sock.close()
    gone = {one.id for one in herd[1:]}
    hers.wait_count("user:status", len(herd) + len(gone))
    for sock in (hers, his):
        sock.settle()
    assert statuses(hers, herd[0].id) == ["online"]
    for user_id in gone:
        assert statuses(hers, user_id) == statuses(his, user_id) == ["online", "offline"]
    assert statuses(his, herd[0].id) == statuses(hers, anna.id) == []


@pytest.mark.alone
def test_a_killed_node_takes_its_users_with_it(fresh_cluster: Cluster, people: People) -> None:
    """Those who have a socket elsewhere stay; the others are offline once the lease has ended."""
    first, second = fresh_cluster.add(), fresh_cluster.add()
    anna, ben, cleo = people.user(first), people.user(first), people.user(first)
    anna.direct(ben)
    cleo.direct(ben)
    his = people.sock(first, ben)
    people.sock(second, anna)
    people.sock(second, cleo)
    people.sock(first, cleo)
    his.wait_count("user:status", 2)
    killed = time.monotonic()
    second.kill()
    told = his.wait_for("user:status", lambda data: data["status"] == "offline", timeout=3 * LEASE)
    assert told["userId"] == anna.id
    assert time.monotonic() - killed < 1.5 * LEASE + 1.5, "1.5 leases and what gathers for a second: 30 s of 20"
    assert his.ok("presence", {"userIds": [anna.id, cleo.id]})["users"][cleo.id]["status"] == "online"
    his.settle()
    assert statuses(his, cleo.id) == ["online"]
    second.start()
    people.sock(second, anna)
    his.wait_count("user:status", 4)
    assert statuses(his, anna.id) == ["online", "offline", "online"]


def test_a_node_that_is_cut_off_tells_who_is_still_there(fresh_cluster: Cluster, people: People) -> None:
    """Frozen for longer than its lease it is taken for dead; once it goes on, its users are online again."""
    first, second = fresh_cluster.add(), fresh_cluster.add(PING_INTERVAL="60")
    anna, ben = people.user(first), people.user(first)
    anna.direct(ben)
    his = people.sock(first, ben)
    people.sock(second, anna)
    his.wait_for("user:status")
    second.child.signal(signal.SIGSTOP)
    try:
        his.wait_for("user:status", lambda data: data["status"] == "offline", timeout=3 * LEASE)
    finally:
        second.child.signal(signal.SIGCONT)
    his.wait_count("user:status", 3, timeout=3 * LEASE)
    assert statuses(his, anna.id) == ["online", "offline", "online"]


def test_typing_crosses_nodes(nodes: Nodes, people: People) -> None:
    anna, ben = people.user(nodes[0]), people.user(nodes[1])
    direct = anna.direct(ben)
    hers, his, third = (
        people.sock(nodes[0], anna),
        people.sock(nodes[1], ben, direct),
        people.sock(nodes[2], ben, direct),
    )
    body = {"conversationId": direct["id"], "isTyping": True}
    hers.ok("typing", body)
    for sock in (his, third):
        told = sock.wait_for("typing:update")
        assert told == {**body, "userId": anna.id, "userName": anna.username}
    hers.ok("send-message", {"conversationId": direct["id"], "content": "there", "temp_id": "1"})
    for sock in (his, third):
        sock.wait_for("message:new")
        sock.settle()
        assert [data["isTyping"] for data in sock.events("typing:update")] == [True, False]
        names = [name for name in sock.names() if name in ("typing:update", "message:new")]
        assert names == ["typing:update", "typing:update", "message:new"]


def test_typing_of_a_node_that_dies_ends_by_itself(fresh_cluster: Cluster, people: People) -> None:
    first, second = fresh_cluster.add(), fresh_cluster.add()
    anna, ben = people.user(first), people.user(first)
    direct = anna.direct(ben)
    his = people.sock(first, ben, direct)
    people.sock(second, anna).ok("typing", {"conversationId": direct["id"], "isTyping": True})
    his.wait_for("typing:update")
    second.kill()
    his.wait_for("typing:update", lambda data: data["isTyping"] is False, timeout=9)
