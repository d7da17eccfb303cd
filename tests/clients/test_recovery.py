"""Connection state recovery (promise 7): the stock client, without our library, loses nothing."""

from __future__ import annotations

import threading

import pytest
import requests

from tests.clients.page import Page
from tests.clients.proxy import Proxy
from tests.conftest import ServerFactory
from tests.support.api import Api, User
from tests.support.flask import service_token
from tests.support.server import ServerProcess

pytestmark = pytest.mark.engine

MANY = {"autoJoin": True}


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
def test_what_was_missed_comes_once_and_in_order(
    proxy: Proxy, alice: User, bob: User, carol: User, transports: list[str]
) -> None:
    group, direct = alice.group(bob, carol), bob.direct(carol)
    with Page(proxy.url, bob.token, MANY, transports=transports, upgrade=len(transports) > 1) as page:
        first = page.connected()
        assert first["recovered"] is False
        assert first["pid"]
        alice.say(group, "before")
        page.wait("message:new")
        proxy.refuse()
        for number in range(20):
            (alice, carol)[number % 2].say(group, f"group {number}")
            if number % 5 == 0:
                carol.say(direct, f"direct {number}")
        later = carol.group(bob, title="Later")
        proxy.refuse(False)
        second = page.connected(2)
        assert (second["recovered"], second["id"], second["pid"]) == (True, first["id"], first["pid"])
        alice.say(group, "after")
        page.wait("message:new", 26)
        page.settle()
        expected = ["before"]
        for number in range(20):
            expected += [f"group {number}", *([f"direct {number}"] if number % 5 == 0 else [])]
        assert page.contents() == [*expected, "after"]
        assert [one["id"] for one in page.events("conversation:new")] == [later["id"]]
        assert page.ask("send-message", {"conversationId": later["id"], "content": "here"})["ok"]
        page.wait("message:new", 27)
        assert page.names().count("message:new") == 27


def test_events_in_flight_at_the_moment_of_the_cut(proxy: Proxy, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    said, enough = ["first"], threading.Event()

    def talk() -> None:
        while not enough.is_set():
            alice.say(conversation, str(len(said)))
            said.append(str(len(said)))

    with Page(proxy.url, bob.token, MANY) as page:
        page.connected()
        alice.say(conversation, "first")
        page.wait("message:new")
        talking = threading.Thread(target=talk)
        talking.start()
        try:
            for cuts in range(1, 6):
                page.wait("message:new", len(page.contents()) + 20)
                proxy.cut()
                page.connected(cuts + 1)
        finally:
            enough.set()
            talking.join()
        page.wait("message:new", len(said))
        page.settle()
        assert page.contents() == said
        assert all(line["recovered"] for line in page.lines() if line.get("connected", 0) > 1)


def test_a_reconnect_with_nothing_missed(proxy: Proxy, alice: User, bob: User) -> None:
    """Also of a client that has never been sent an event, and so has no offset."""
    conversation = alice.direct(bob)
    with Page(proxy.url, bob.token) as page:
        first = page.connected()
        for number in range(2, 4):
            proxy.cut()
            again = page.connected(number)
            assert (again["recovered"], again["id"], again["offset"]) == (True, first["id"], None)
        assert page.ask("join-room", {"conversationId": conversation["id"]})["ok"]
        proxy.refuse()
        alice.say(conversation, "missed")
        proxy.refuse(False)
        assert page.connected(4)["recovered"] is True
        assert page.wait("message:new")[0]["content"] == "missed"
        page.settle()
        assert page.names() == ["room-joined", "message:new", "echo-response"]


def test_what_was_said_in_a_room_before_one_entered_it_was_not_missed(
    server: ServerProcess, proxy: Proxy, alice: User, bob: User, carol: User
) -> None:
    group, direct = alice.group(carol), alice.direct(bob)
    carols = {"autoJoin": True}
    with Page(proxy.url, bob.token, MANY) as page, Page(server.url, carol.token, carols) as other:
        page.connected()
        other.connected()
        alice.say(direct, "hello")
        page.wait("message:new")
        proxy.refuse()
        alice.say(group, "not for bob")
        other.wait("message:new")
        alice.answer("POST", f"/conversations/{group['id']}/participants", {"userId": bob.id}, status=201)
        alice.say(group, "for bob, too")
        proxy.refuse(False)
        assert page.connected(2)["recovered"] is True
        page.wait("message:new", 2)
        page.settle()
        assert page.contents() == ["hello", "for bob, too"]


def test_put_out_while_away(proxy: Proxy, alice: User, bob: User, carol: User) -> None:
    group = alice.group(bob, carol)
    with Page(proxy.url, bob.token, MANY) as page:
        page.connected()
        alice.say(group, "hello")
        page.wait("message:new")
        proxy.refuse()
        alice.answer("DELETE", f"/conversations/{group['id']}/participants/{bob.id}", status=204)
        alice.say(group, "not for bob")
        proxy.refuse(False)
        assert page.connected(2)["recovered"] is True
        page.wait("conversation:participant-removed")
        alice.say(group, "neither")
        page.settle()
        assert page.contents() == ["hello"]
        assert page.names().count("conversation:participant-removed") == 1


def test_a_client_that_comes_back_before_its_end_was_noticed(proxy: Proxy, alice: User, bob: User) -> None:
    """A network that changed: the old connection is silent, and the server takes it for alive."""
    conversation = alice.direct(bob)
    with Page(proxy.url, bob.token, MANY) as page:
        first = page.connected()
        alice.say(conversation, "hello")
        page.wait("message:new")
        proxy.silence(up=True, down=True)
        alice.say(conversation, "into the void")
        page.close_transport()
        proxy.silence()
        page.open()
        second = page.connected(2)
        assert (second["recovered"], second["id"]) == (True, first["id"])
        alice.say(conversation, "back")
        page.wait("message:new", 3)
        page.settle()
        assert page.contents() == ["hello", "into the void", "back"]


def test_who_is_away_is_seen_to_be(fresh_server: ServerFactory) -> None:
    server = fresh_server(PRESENCE_GRACE="0.2")
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    with Proxy(server.url) as proxy, Page(proxy.url, ben.token, MANY) as bens, Page(server.url, anna.token) as annas:
        annas.connected()
        bens.connected()
        assert annas.ask("join-room", {"conversationId": conversation["id"]})["ok"]
        bens.ask("typing", {"conversationId": conversation["id"], "isTyping": True})
        annas.wait("typing:update")
        proxy.refuse()
        annas.wait("typing:update", 2)
        assert [one["isTyping"] for one in annas.events("typing:update")] == [True, False]
        seen = annas.events("user:status")
        annas.wait("user:status", len(seen) + 1)
        assert annas.events("user:status")[-1]["status"] == "offline"
        proxy.refuse(False)
        assert bens.connected(2)["recovered"] is True
        annas.wait("user:status", len(seen) + 2)
        assert annas.events("user:status")[-1]["status"] == "online"
    api.close()


def test_an_applications_own_events_are_not_missed(server: ServerProcess, proxy: Proxy, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    token = service_token(server, "recovery")
    targets: list[dict[str, object]] = [{"userId": bob.id}, {"conversationId": conversation["id"]}, {"all": True}]

    def emit(number: int, to: dict[str, object]) -> None:
        answer = requests.post(
            f"{server.url}/api/relay/emit",
            json={"event": "app:thing", "data": number, "to": to},
            headers={"Authorization": f"Bearer {token}"},
            timeout=5,
        )
        assert answer.status_code == 202, answer.text

    with Page(proxy.url, bob.token, MANY) as page:
        page.connected()
        emit(0, targets[0])
        page.wait("app:thing")
        proxy.refuse()
        for number in range(1, 10):
            emit(number, targets[number % 3])
        proxy.refuse(False)
        assert page.connected(2)["recovered"] is True
        page.wait("app:thing", 10)
        page.settle()
        assert page.events("app:thing") == list(range(10))


def test_a_large_backlog_comes_in_pieces_and_whole(proxy: Proxy, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    with Page(proxy.url, bob.token, MANY) as page:
        page.connected()
        alice.say(conversation, "hello")
        page.wait("message:new")
        proxy.refuse()
        for number in range(150):
            alice.say(conversation, f"{number} " + "x" * 7000)
        proxy.refuse(False)
        assert page.connected(2)["recovered"] is True
        alice.say(conversation, "live")
        page.wait("message:new", 152)
        page.settle()
        told = [content.partition(" ")[0] for content in page.contents()]
        assert told == ["hello", *map(str, range(150)), "live"]
