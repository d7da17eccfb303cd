"""A client that lost its connection comes back to another node, and has its session there."""

from __future__ import annotations

import pytest
import requests

from tests.clients.page import Page
from tests.clients.proxy import Proxy
from tests.nodes.conftest import Cluster, People, eventually
from tests.nodes.test_socketio import Programmable, do
from tests.support.api import User
from tests.support.flask import service_token
from tests.support.server import ServerProcess

pytestmark = pytest.mark.engine

Nodes = list[ServerProcess]

MANY = {"autoJoin": True}


class Roaming(Proxy):
    """A proxy that can go over to another server."""

    def move(self, node: ServerProcess) -> None:
        """New connections are to this one."""
        self._target = (node.host, node.port)

    def refuse_newcomers(self) -> None:
        """Reset every new connection; those that there are stay. `refuse(False)` ends it."""
        self._refusing = True


def emit(node: ServerProcess, token: str, number: int, to: dict[str, object]) -> None:
    answer = requests.post(
        f"{node.url}/api/relay/emit",
        json={"event": "app:thing", "data": number, "to": to},
        headers={"Authorization": f"Bearer {token}"},
        timeout=5,
    )
    assert answer.status_code == 202, answer.text


def test_a_session_goes_along_with_its_client(nodes: Nodes, people: People) -> None:
    """To and fro, with messages, events of an application and a new conversation while it is away."""
    first, second, _ = nodes
    anna, ben, carl = people.user(first, "anna"), people.user(first, "ben"), people.user(second, "carl")
    group = anna.group(ben, carl)
    token = service_token(first, "recovery")
    with Roaming(first.url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        began = page.connected()
        anna.say(group, "start")
        page.wait("message:new")
        said, emitted, made = ["start"], [], []
        for visit, node in enumerate((second, first, second), 2):
            proxy.refuse()
            for number in range(10):
                said.append(f"{visit} {number}")
                (anna, carl)[number % 2].say(group, said[-1])
                eventually(lambda: anna.answer("GET", f"/conversations/{group['id']}")["seq"] == len(said))
                emitted.append(100 * visit + number)
                emit(nodes[number % 2], token, emitted[-1], {"userId": ben.id})
            made.append(carl.group(ben, title=str(visit))["id"])
            proxy.move(node)
            proxy.refuse(False)
            again = page.connected(visit)
            assert (again["recovered"], again["id"], again["pid"]) == (True, began["id"], began["pid"])
            said.append(f"live {visit}")
            anna.say(group, said[-1])
            page.wait("message:new", len(said))
            page.wait("conversation:new", len(made))
            assert page.ask("send-message", {"conversationId": made[-1], "content": f"mine {visit}"})["ok"]
        page.wait("message:new", len(said) + len(made))
        page.wait("app:thing", len(emitted))
        page.settle()
        assert [one for one in page.contents() if not one.startswith("mine")] == said
        assert [one for one in page.contents() if one.startswith("mine")] == ["mine 2", "mine 3", "mine 4"]
        assert sorted(page.events("app:thing")) == emitted
        assert [one["id"] for one in page.events("conversation:new")] == made


def test_nothing_is_lost_or_told_twice_while_it_moves(nodes: Nodes, people: People) -> None:
    """Messages without a pause while the client hurries from node to node."""
    anna, ben = people.user(nodes[0], "anna"), people.user(nodes[0], "ben")
    direct = anna.direct(ben)
    hers = people.sock(nodes[1], people.at(nodes[1], anna))
    with Roaming(nodes[0].url) as proxy, Page(proxy.url, ben.token) as page:
        page.connected()
        assert page.ask("join-room", {"conversationId": direct["id"]})["ok"]
        sent = 0
        for visit in range(2, 8):
            for _ in range(40):
                hers.emit("send-message", {"conversationId": direct["id"], "content": str(sent)})
                sent += 1
                if sent % 40 == 20:
                    proxy.move(nodes[visit % 2])
                    proxy.cut()
            page.connected(visit)
        page.wait("message:new", sent, timeout=20)
        page.settle()
        assert page.contents() == [str(number) for number in range(sent)]
        recovered = [line["recovered"] for line in page.lines() if "connected" in line]
        assert recovered == [False, *[True] * 6]


def test_only_its_own_user_is_given_a_session(nodes: Nodes, people: People) -> None:
    ben, thief = people.user(nodes[0], "ben"), people.user(nodes[1], "thief")
    with Proxy(nodes[0].url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        first = page.connected()
        stolen = {"pid": first["pid"], "offset": "", **MANY}
        forged = {"pid": first["pid"][:-1] + ("1" if first["pid"][-1] == "0" else "0"), "offset": "", **MANY}
        for user, auth in ((thief, stolen), (ben, forged)):
            with Page(nodes[1].url, user.token, auth) as other:
                assert other.connected()["id"] != first["id"]
                assert other.ask("echo", 1) is not None
        proxy.cut()
        assert page.connected(2)["recovered"] is True


def test_put_out_on_the_way(nodes: Nodes, people: People) -> None:
    first, second, _ = nodes
    anna, ben = people.user(first, "anna"), people.user(first, "ben")
    group = anna.group(ben)
    with Roaming(first.url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        page.connected()
        anna.say(group, "hello")
        page.wait("message:new")
        proxy.refuse()
        proxy.move(second)
        anna.answer("DELETE", f"/conversations/{group['id']}/participants/{ben.id}", status=204)
        anna.say(group, "not for ben")
        proxy.refuse(False)
        assert page.connected(2)["recovered"] is True
        page.wait("conversation:participant-removed")
        anna.say(group, "neither")
        page.settle()
        assert page.contents() == ["hello"]
        assert page.names().count("conversation:participant-removed") == 1


def test_whatever_flask_socketio_sends_is_not_missed(fresh_cluster: Cluster, people: People) -> None:
    """Events without data, with several arguments, with bytes; to all, to a room, to one socket, and not to one."""
    node = fresh_cluster.add(kind=Programmable)
    ben = people.user(node, "ben")
    with (
        Proxy(node.url) as proxy,
        Page(proxy.url, ben.token) as page,
        Page(node.url, ben.token) as other,
        Page(node.url, ben.token, {"recovery": False}) as declined,
    ):
        sid = page.connected()["id"]
        others = [one.connected()["id"] for one in (other, declined)]
        do(node, "room", change="enter_room", args=[sid, "club"])
        data = {"bytes": [0, 255]}
        for number in range(2):
            if number:
                proxy.refuse()
            do(node, "emit", event="nothing", to=sid)
            do(node, "emit", event="several", args=[number, None, {"deep": [True]}])
            do(node, "emit", event="binary", args=[number, data, "text"])
            do(node, "emit", event="club", args=[number], to="club")
            do(node, "emit", event="huge", args=[10**30 + number])
            do(node, "emit", event="not-for-it", args=[number], skip_sid=sid)
            do(node, "emit", event="for-others", args=[number], to=others[0])
        proxy.refuse(False)
        again = page.connected(2)
        assert (again["recovered"], again["id"]) == (True, sid)
        do(node, "emit", event="end")
        for one in (page, other, declined):
            one.wait("end")
        each = ["nothing", "several", "binary", "club", "huge"]
        assert page.names() == [*each, *each, "end"]
        assert [args[:-1] for args in page.arguments("nothing")] == [[], []]
        assert [args[:-1] for args in page.arguments("several")] == [[n, None, {"deep": [True]}] for n in range(2)]
        assert [args[:-1] for args in page.arguments("binary")] == [[n, data, "text"] for n in range(2)]
        assert declined.arguments("binary") == [[n, data, "text"] for n in range(2)]
        assert declined.arguments("end") == [[]]
        everybodys = ["several", "binary", "huge", "not-for-it"]
        assert declined.names() == [*everybodys, *everybodys, "end"]
        offsets = [args[-1] for args in (line["args"] for line in page.lines() if "event" in line)]
        assert len(set(offsets)) == len(offsets)


def _away(cluster: Cluster, people: People) -> tuple[Nodes, User, User]:
    nodes = [cluster.add(), cluster.add()]
    return nodes, people.user(nodes[0], "anna"), people.user(nodes[0], "ben")


def test_a_planned_restart_loses_no_session(fresh_cluster: Cluster, people: People) -> None:
    """Its node is gone when the client comes to the other one, and has left word."""
    (first, second), anna, ben = _away(fresh_cluster, people)
    direct = anna.direct(ben)
    theirs = people.at(second, anna)
    with Roaming(first.url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        began = page.connected()
        anna.say(direct, "before")
        page.wait("message:new")
        proxy.move(second)
        proxy.refuse_newcomers()
        assert first.stop() == 0
        theirs.say(direct, "missed")
        proxy.refuse(False)
        again = page.connected(2)
        assert (again["recovered"], again["id"]) == (True, began["id"])
        theirs.say(direct, "after")
        page.wait("message:new", 3)
        page.settle()
        assert page.contents() == ["before", "missed", "after"]
        assert "io server disconnect" not in [line.get("disconnected") for line in page.lines()]


def test_who_comes_while_its_node_ends_is_handed_over(fresh_cluster: Cluster, people: People) -> None:
    (first, second), anna, ben = _away(fresh_cluster, people)
    direct = anna.direct(ben)
    theirs = people.at(second, anna)
    with Roaming(first.url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        began = page.connected()
        anna.say(direct, "before")
        page.wait("message:new")
        proxy.move(second)
        assert first.stop() == 0
        again = page.connected(2)
        assert (again["recovered"], again["id"]) == (True, began["id"])
        theirs.say(direct, "after")
        page.wait("message:new", 2)
        page.settle()
        assert page.contents() == ["before", "after"]


def test_the_clients_of_a_node_that_died_begin_anew(fresh_cluster: Cluster, people: People) -> None:
    (first, second), anna, ben = _away(fresh_cluster, people)
    direct = anna.direct(ben)
    theirs = people.at(second, anna)
    with Roaming(first.url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        began = page.connected()
        proxy.move(second)
        first.kill()
        again = page.connected(2)
        assert again["recovered"] is False
        assert again["id"] != began["id"]
        theirs.say(direct, "after")
        page.wait("message:new")
        assert page.contents() == ["after"]
