"""Every event of the protocol crosses nodes: once, in order, and only to those whom it is for."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from tests.nodes.conftest import People, eventually
from tests.support.api import User
from tests.support.server import ServerProcess
from tests.support.sockets import Sock
from tests.support.wire import UNASKED

Nodes = list[ServerProcess]

DURABLE = {
    "message:new",
    "message:updated",
    "message:deleted",
    "message:status",
    "message:pinned",
    "reaction:update",
    "receipt:update",
    "conversation:new",
    "conversation:updated",
    "conversation:deleted",
    "conversation:participant-added",
    "conversation:participant-updated",
    "conversation:participant-removed",
}


def heard(sock: Sock) -> list[tuple[str, Any]]:
    """What came, but for presence."""
    return [(one.name, one.data) for one in sock.history() if one.name not in (*UNASKED, "room-joined")]


def alike(*socks: Sock) -> list[str]:
    """All of them have been told the same in the same order: the names of it."""
    eventually(lambda: len({len(heard(sock)) for sock in socks}) == 1)
    first = heard(socks[0])
    for sock in socks[1:]:
        assert heard(sock) == first
    return [name for name, _ in first]


@pytest.fixture
def trio(nodes: Nodes, people: People) -> tuple[list[User], list[Sock], dict[str, Any]]:
    """Three people, each on a node of their own, in the room of one group."""
    users = [people.user(node, name) for node, name in zip(nodes, ("anna", "ben", "cleo"), strict=True)]
    group = users[0].group(*users[1:])
    socks = [people.sock(node, user, group) for node, user in zip(nodes, users, strict=True)]
    for sock in socks:
        sock.clear()
    return users, socks, group


def test_what_happens_in_a_room_is_told_on_every_node_once_and_in_order(
    trio: tuple[list[User], list[Sock], dict[str, Any]],
) -> None:
    (anna, ben, _), socks, group = trio
    room = group["id"]
    sent = socks[0].ok("send-message", {"conversationId": room, "content": "one", "temp_id": "1"})["message"]
    ben.say(group, "two")
    anna.answer("PUT", f"/messages/{sent['id']}", {"content": "changed"})
    socks[1].ok("react", {"messageId": sent["id"], "emoji": "👍"})
    ben.answer("PUT", f"/messages/{sent['id']}/pin")
    anna.answer("PATCH", f"/conversations/{room}", {"title": "another"})
    anna.answer("PATCH", f"/conversations/{room}/participants/{ben.id}", {"role": "admin"})
    socks[2].ok("read", {"conversationId": room, "seq": 2})
    socks[1].ok("read", {"conversationId": room, "seq": 2})
    anna.answer("DELETE", f"/messages/{sent['id']}")
    for sock in socks:
        sock.wait_for("message:deleted")
        sock.settle()
    names = Counter(alike(*socks))
    expected = DURABLE - {
        "conversation:new",
        "conversation:deleted",
        "conversation:participant-added",
        "conversation:participant-removed",
    }
    assert set(names) == expected
    assert (names["message:new"], names["message:updated"], names["message:deleted"]) == (2, 1, 1)
    revs = [data["rev"] for name, data in heard(socks[2]) if "rev" in data]
    assert revs == sorted(revs)


def test_many_senders_on_three_nodes_are_heard_in_one_order(
    trio: tuple[list[User], list[Sock], dict[str, Any]],
) -> None:
    _, socks, group = trio
    count = 60
    for number in range(count):
        for index, sock in enumerate(socks):
            text = f"{index}-{number}"
            sock.emit("send-message", {"conversationId": group["id"], "content": text, "temp_id": text})
    for sock in socks:
        messages = sock.wait_count("message:new", 3 * count, timeout=20)
        assert [message["seq"] for message in messages] == list(range(1, 3 * count + 1))
        sock.settle()
        assert sock.count("message:new") == 3 * count
        told = [(one.data["prevRev"], one.data["rev"]) for one in sock.history() if one.name == "message:new"]
        assert all(before[1] == after[0] for before, after in itertools.pairwise(told))
    alike(*socks)


def test_newcomers_are_told_wherever_they_are(nodes: Nodes, people: People) -> None:
    """`conversation:new` and `participant-added` once to each socket, in the room or not, and nothing to strangers."""
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[1], "ben")
    stranger = people.user(nodes[1], "stranger")
    his, his_other, strangers = (
        people.sock(nodes[1], ben),
        people.sock(nodes[2], ben, auto_join=True),
        people.sock(nodes[1], stranger),
    )
    group = anna.group()
    hers = people.sock(nodes[0], anna, group)
    anna.answer("POST", f"/conversations/{group['id']}/participants", {"userId": ben.id}, status=201)
    for sock in (his, his_other):
        sock.wait_for("conversation:new", lambda data: data["id"] == group["id"])
        sock.wait_for("conversation:participant-added")
        sock.settle()
        assert [name for name, _ in heard(sock)] == ["conversation:participant-added", "conversation:new"]
    hers.wait_for("conversation:participant-added")
    message = anna.say(group, "welcome")
    his_other.wait_for("message:new", lambda data: data["id"] == message["id"])
    his.settle()
    assert his.count("message:new") == 0, "he has joined with the other socket only"
    strangers.settle()
    assert heard(strangers) == []


def test_a_direct_conversation_is_told_to_both_sides(nodes: Nodes, people: People) -> None:
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[1], "ben")
    hers, his = people.sock(nodes[2], anna), people.sock(nodes[1], ben, auto_join=True)
    direct = anna.direct(ben)
    for sock in (hers, his):
        assert sock.wait_for("conversation:new")["id"] == direct["id"]
    ben.say(direct, "hello")
    assert his.wait_for("message:new")["content"] == "hello"
    hers.settle()
    assert [name for name, _ in heard(hers)] == ["conversation:new"]


def test_whoever_is_removed_leaves_at_once_on_every_node(nodes: Nodes, people: People) -> None:
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[1], "ben")
    group = anna.group(ben)
    inside = [people.sock(node, ben, group) for node in nodes]
    outside = [people.sock(node, ben) for node in nodes]
    hers = people.sock(nodes[0], anna, group)
    for number in range(5):
        anna.say(group, f"before {number}")
    anna.answer("DELETE", f"/conversations/{group['id']}/participants/{ben.id}", status=204)
    anna.say(group, "after")
    hers.wait_for("message:new", lambda data: data["content"] == "after")
    for sock in (*inside, *outside):
        sock.wait_for("conversation:participant-removed")
    for sock in inside:
        sock.settle()
        assert [name for name, _ in heard(sock)] == ["message:new"] * 5 + ["conversation:participant-removed"]
        sock.refused("join-room", {"conversationId": group["id"]}, "not_a_participant")
        sock.refused("typing", {"conversationId": group["id"], "isTyping": True}, "not_a_participant")
    for sock in outside:
        sock.settle()
        assert [name for name, _ in heard(sock)] == ["conversation:participant-removed"]


def test_a_conversation_that_ends_ends_everywhere(nodes: Nodes, people: People) -> None:
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[1], "ben")
    group = anna.group(ben)
    socks = [people.sock(node, ben, group) for node in nodes] + [people.sock(nodes[2], ben)]
    anna.answer("DELETE", f"/conversations/{group['id']}", status=204)
    for sock in socks:
        sock.wait_for("conversation:deleted")
        sock.settle()
        assert [name for name, _ in heard(sock)] == ["conversation:deleted"]


def test_notices_reach_users_on_other_nodes(nodes: Nodes, people: People) -> None:
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[1], "ben")
    anna.direct(ben)
    his, hers = people.sock(nodes[1], ben), people.sock(nodes[2], anna)
    anna.answer("PATCH", "/users/me", {"displayName": "Anna II"})
    assert his.wait_for("user:updated")["displayName"] == "Anna II"
    files = {"file": ("a.txt", b"text" * 1000)}
    anna.answer("POST", "/upload", status=201, files=files, headers={"X-Upload-Id": "up"})
    assert hers.wait_for("upload:complete")["uploadId"] == "up"
    assert hers.count("upload:progress") > 0
    for sock in (his, hers):
        sock.settle()
        assert (sock.count("user:updated"), sock.count("upload:complete")) == (1, 1 if sock is hers else 0)


def test_a_join_misses_nothing_while_others_send(nodes: Nodes, people: People) -> None:
    """Snapshot and live events join without a hole and without an overlap, however often one comes and goes."""
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[1], "ben")
    group = anna.group(ben)
    hers, his = people.sock(nodes[0], anna, group), people.sock(nodes[1], ben)
    since, seen, number = 0, list[int](), 0
    for _ in range(15):
        for _ in range(8):
            number += 1
            body = {"conversationId": group["id"], "content": str(number), "temp_id": str(number)}
            hers.emit("send-message", body)
        his.clear()
        answer = his.ok("join-room", {"conversationId": group["id"], "since": since})
        seen += [message["seq"] for message in answer["changes"]["messages"]]
        his.ok("leave-room", {"conversationId": group["id"]})
        live = his.events("message:new")
        seen += [message["seq"] for message in live]
        since = max([answer["rev"], *(message["rev"] for message in live)])
    eventually(lambda: hers.count("message:new") == number)
    answer = his.ok("join-room", {"conversationId": group["id"], "since": since})
    seen += [message["seq"] for message in answer["changes"]["messages"]]
    assert seen == list(range(1, number + 1))
