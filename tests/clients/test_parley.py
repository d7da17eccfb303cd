"""web/parley.js against a real server: every change once and in order, whatever happens to the line."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

from tests.clients.driven import Driver
from tests.clients.proxy import Proxy
from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api, User
from tests.support.processes import PROJECT
from tests.support.server import ServerProcess

QUICK: dict[str, Any] = {"ackTimeout": 700, "connectTimeout": 3000, "longestBackoff": 500}
"""A client that gives up a silent line soon."""


def flask(server: ServerProcess, *words: str) -> None:
    """An administrator's command, with the server's settings."""
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    env = {**server.env, "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True, timeout=60)


def test_a_message_is_told_once_to_each_and_its_promise_holds_it(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    hers, his = driver.client(alice).online(), driver.client(bob).online()
    temp_id = hers.say(conversation, "hello")
    sent = hers.wait("sent")
    assert (sent["temp_id"], sent["duplicate"], sent["message"]["seq"]) == (temp_id, False, 1)
    assert his.wait("message")["id"] == hers.wait("message")["id"] == sent["message"]["id"]
    assert [change["state"] for change in hers.events("outbox")] == ["waiting", "sent"]
    assert hers.drafts() == []
    assert hers.wait_where("receipt", userId=bob.id)["deliveredSeq"] == 1, "the library acknowledges the delivery"
    assert his.events("state") == ["connecting", "online"]
    assert his.state() == "online"


def test_nothing_is_lost_doubled_or_disordered_while_the_line_is_cut(
    driver: Driver, proxy: Proxy, alice: User, bob: User
) -> None:
    conversation = alice.direct(bob)
    hers = driver.client(alice, proxy.url, **QUICK).online()
    his = driver.client(bob, proxy.url, **QUICK).online()
    expected: list[str] = []
    for turn in range(6):
        before = len(expected)
        expected += [f"{turn}.{number}" for number in range(16)]
        for content in expected[before:]:
            hers.say(conversation, content)
        his.wait("message", before + 4)
        if turn % 3 == 2:
            # The server hears her and she does not hear it, until she doubts the line herself.
            proxy.silence(down=True)
            seen = hers.count("state")
            expected.append("into the silence")
            hers.say(conversation, expected[-1])
            hers.wait_state("reconnecting", seen)
            proxy.silence()
        proxy.cut()
    for client in (hers, his):
        client.wait("message", len(expected))
        assert client.seqs() == list(range(1, len(expected) + 1))
        assert client.contents() == expected
    hers.wait("sent", len(expected))
    stored = bob.answer("GET", f"/conversations/{conversation['id']}/messages", params={"limit": 100})["items"]
    assert len({message["temp_id"] for message in stored}) == len(stored) == 98 == len(expected)
    assert hers.count("wire:send-message") > len(expected), "nothing was sent twice, so nothing was tested"
    assert his.count("synced") > 2


def test_everything_missed_comes_as_one_delta(
    driver: Driver, proxy: Proxy, alice: User, bob: User, carol: User
) -> None:
    conversation = alice.group(bob, title="Before")
    edited, deleted, loved = (alice.say(conversation, f"message {number}") for number in range(3))
    his = driver.client(bob, proxy.url, **QUICK).online()
    proxy.refuse()
    his.wait_state("reconnecting")
    alice.answer("PUT", f"/messages/{edited['id']}", {"content": "edited"})
    alice.answer("DELETE", f"/messages/{deleted['id']}")
    alice.answer("PATCH", f"/conversations/{conversation['id']}", {"title": "After"})
    alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": carol.id}, status=201)
    new = alice.say(conversation, "new")
    hers = driver.client(alice).online()
    hers.react(loved["id"], "👍")
    hers.read(conversation["id"], 4)
    hers.wait_where("receipt", userId=alice.id, readSeq=4)
    proxy.refuse(False)
    his.wait("synced", 2)
    assert [message["id"] for message in his.events("message")] == [new["id"]]
    assert {message["id"] for message in his.events("updated")} == {edited["id"], loved["id"]}
    assert his.events("updated")[1]["reactions"]["👍"]["users"] == [alice.id]
    assert [message["messageId"] for message in his.events("deleted")] == [deleted["id"]]
    assert his.events("conversation")[-1]["title"] == "After"
    assert [(one["change"], one["userId"]) for one in his.events("participant")] == [("added", carol.id)]
    assert {one["userId"]: one["readSeq"] for one in his.events("receipt")}[alice.id] == 4
    assert his.events("wire:sync")[1]["conversations"].keys() == {conversation["id"]}
    assert his.count("wire:sync") == 2, "one round trip for each connection"


def test_more_than_a_delta_holds_is_a_reset(
    driver: Driver, proxy: Proxy, alice: User, bob: User, sock: SockFactory
) -> None:
    conversation = alice.direct(bob)
    his = driver.client(bob, proxy.url, **QUICK).online()
    proxy.refuse()
    his.wait_state("reconnecting")
    sender = sock(alice)
    for number in range(501):
        sender.emit("send-message", {"conversationId": conversation["id"], "content": str(number)})
    sender.settle()
    proxy.refuse(False)
    reset = his.wait("reset")
    assert [message["seq"] for message in reset["messages"]] == list(range(452, 502))
    assert (reset["conversationId"], reset["conversation"]["id"]) == (conversation["id"], conversation["id"])
    his.wait("synced", 2)
    alice.say(conversation, "goes on")
    assert his.wait("message")["seq"] == 502
    assert his.count("message") == 1


def test_what_one_is_removed_from_is_gone(driver: Driver, proxy: Proxy, alice: User, bob: User) -> None:
    live, away, deleted, kept = (alice.group(bob, title=title) for title in ("live", "away", "deleted", "kept"))
    his = driver.client(bob, proxy.url, **QUICK).online()
    assert {one["id"] for one in his.events("conversation")} == {one["id"] for one in (live, away, deleted, kept)}
    alice.answer("DELETE", f"/conversations/{live['id']}/participants/{bob.id}", status=204)
    assert his.wait("gone") == {"conversationId": live["id"], "reason": "removed"}
    alice.answer("DELETE", f"/conversations/{deleted['id']}", status=204)
    assert his.wait("gone", 2) == {"conversationId": deleted["id"], "reason": "deleted"}
    proxy.refuse()
    his.wait_state("reconnecting")
    alice.answer("DELETE", f"/conversations/{away['id']}/participants/{bob.id}", status=204)
    new = alice.group(bob, title="new")
    proxy.refuse(False)
    his.wait("synced", 2)
    assert his.events("gone")[2:] == [{"conversationId": away["id"], "reason": "unseen"}]
    assert his.events("conversation")[-1]["id"] == new["id"]
    assert his.positions()["conversations"].keys() == {kept["id"], new["id"]}
    alice.say(new, "welcome")
    assert his.wait("message")["content"] == "welcome"


def test_another_life_of_the_database_resets_everything(driver: Driver, fresh_server: ServerFactory) -> None:
    server = fresh_server()
    api = Api(server)
    alice, bob = api.register(), api.register()
    one, two = alice.direct(bob), alice.group(bob)
    alice.say(one, "hello")
    his = driver.client(bob, **QUICK).online()
    before = his.positions()
    server.stop()
    flask(server, "database", "new-epoch")
    server.start()
    told = his.wait("epoch")
    assert told["before"] == before["epoch"] != told["epoch"]
    his.wait("synced", 2)
    assert {reset["conversationId"] for reset in his.events("reset")} == {one["id"], two["id"]}
    alice.say(one, "again")
    assert his.wait("message")["content"] == "again"
    assert his.positions()["epoch"] == told["epoch"]
    api.close()


def test_only_joined_rooms_are_heard_without_auto_join(driver: Driver, proxy: Proxy, alice: User, bob: User) -> None:
    joined, other = alice.group(bob), alice.group(bob)
    alice.say(joined, "before")
    his = driver.client(bob, proxy.url, autoJoin=False, **QUICK).online()
    position = his.join(joined["id"])
    assert position["seq"] == 1
    alice.say(other, "unheard")
    alice.say(joined, "one")
    his.wait("message")
    proxy.refuse()
    his.wait_state("reconnecting")
    alice.say(joined, "two")
    proxy.refuse(False)
    his.wait("message", 2)
    his.wait("synced", 2)
    alice.say(joined, "three")
    his.wait("message", 3)
    his.leave(joined["id"])
    alice.say(joined, "four")
    assert his.echo({"settle": 1}) == {"settle": 1}
    assert his.contents() == ["one", "two", "three"]
    assert his.refused("join", "no-such-conversation") == "not_a_participant"


def test_positions_that_were_kept_continue_with_a_delta(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    alice.say(conversation, "known")
    first = driver.client(bob, name="first", storage="shared", persist=True).online()
    first.close()
    alice.say(conversation, "missed")
    second = driver.client(bob, name="second", storage="shared", persist=True).online()
    assert second.contents() == ["missed"]
    assert second.events("conversation") == []
    assert second.events("wire:sync")[0]["conversations"].keys() == {conversation["id"]}


def test_every_other_question_has_its_method(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "hello")
    hers, his = driver.client(alice).online(), driver.client(bob).online()
    assert his.presence([alice.id])[alice.id]["status"] == "online"
    his.typing(conversation["id"])
    his.typing(conversation["id"])
    assert hers.wait("typing")["userId"] == bob.id
    his.typing(conversation["id"], False)
    assert hers.wait("typing", 2)["isTyping"] is False
    assert his.count("wire:typing") == 2
    assert his.react(message["id"], "👍")["reactions"]["👍"]["users"] == [bob.id]
    assert hers.wait("reaction")["reactions"]["👍"]["count"] == 1
    assert his.react(message["id"], "👍", False)["reactions"] == {}
    assert his.request("join-room", {"conversationId": conversation["id"]})["seq"] == 1
    assert his.refused("react", "no-such-message", "👍") == "not_found"
    assert his.sync() is True


def test_reading_is_told_at_most_once_in_a_while_and_then_the_highest(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    for number in range(30):
        alice.say(conversation, str(number))
    hers, his = driver.client(alice).online(), driver.client(bob, autoDeliver=False).online()
    his.read(conversation["id"], 1)
    hers.wait_where("receipt", userId=bob.id, readSeq=1)
    for seq in range(2, 31):
        his.read(conversation["id"], seq)
        his.delivered(conversation["id"], seq)
    hers.wait_where("receipt", userId=bob.id, readSeq=30)
    told = his.lines("wire:read")
    assert told[-1]["data"]["seq"] == 30
    alice.say(conversation, "one more")
    his.read(conversation["id"], 31)
    hers.wait_where("receipt", userId=bob.id, readSeq=31)
    told = his.lines("wire:read")
    assert all(later["at"] - earlier["at"] >= 240 for earlier, later in itertools.pairwise(told))
    assert len(told) < 30
