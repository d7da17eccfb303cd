"""What web/parley.js does about events that are missing, early or late."""

from __future__ import annotations

from tests.clients.driven import Driver
from tests.clients.proxy import Proxy
from tests.support.api import User


def test_a_packet_that_is_missing_is_noticed_and_fetched(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    his = driver.client(bob, autoDeliver=False).online()
    alice.say(conversation, "first")
    his.wait("message")
    his.drop("message:new", "message:new")
    for content in ("lost", "lost too", "heard"):
        alice.say(conversation, content)
    his.wait("message", 4)
    assert his.contents() == ["first", "lost", "lost too", "heard"]
    assert his.count("dropped") == 2
    assert his.events("wire:sync")[-1]["conversations"].keys() == {conversation["id"]}
    his.drop("message:updated")
    alice.answer("PUT", f"/messages/{his.events('message')[0]['id']}", {"content": "edited unheard"})
    alice.say(conversation, "after the edit")
    his.wait("message", 5)
    assert [message["content"] for message in his.events("updated")] == ["edited unheard"]
    assert his.count("wire:sync") == 3


def test_a_rev_that_ran_ahead_of_the_messages_leaves_no_hole(driver: Driver, alice: User, bob: User) -> None:
    """What a node reads from the database comes in the order of `seq`, each with its newest `rev`: where the line is
    cut after an edited message, the rev is that of the edit, and the messages after it have lower ones."""
    conversation = alice.direct(bob)
    first, *_ = [alice.say(conversation, content) for content in ("one", "two", "three")]
    edit = alice.answer("PUT", f"/messages/{first['id']}", {"content": "edited"})
    his = driver.client(bob, autoJoin=False, autoDeliver=False)
    his.follow(conversation["id"], {"rev": edit["rev"], "seq": 1})
    his.online()
    assert his.contents() == ["two", "three"]
    assert [payload["conversations"][conversation["id"]] for payload in his.events("wire:sync")] == [edit["rev"], 0]
    alice.say(conversation, "four")
    assert his.wait("message", 3)["content"] == "four"


def test_while_a_gap_is_filled_later_events_wait(driver: Driver, alice: User, bob: User) -> None:
    conversation, other = alice.direct(bob), alice.group(bob)
    his = driver.client(bob, autoDeliver=False, ackTimeout=3000).online()
    his.drop("message:new")
    his.fake({"where": "epoch"})
    for number in range(3):
        alice.say(conversation, str(number))
    his.wait("faked")
    alice.say(other, "elsewhere")
    assert his.wait("message")["conversationId"] == other["id"], "other conversations go on"
    alice.say(conversation, "3")
    his.wait("message", 5)
    assert his.contents() == ["elsewhere", "0", "1", "2", "3"]


def test_what_comes_while_the_answer_is_awaited_is_told_once(
    driver: Driver, alice: User, bob: User, proxy: Proxy
) -> None:
    """The first answer of each connection is lost, so that events come before the one that counts."""
    conversation, left = alice.direct(bob), alice.group(bob)
    old = alice.say(conversation, "old")
    his = driver.client(bob, proxy.url, autoDeliver=False, ackTimeout=1500)
    his.fake({"where": "epoch"})
    driver.ask(his.name, "connect")
    his.wait("faked")
    alice.say(conversation, "in the list already")
    his.wait("synced")
    assert {one["id"]: one["seq"] for one in his.events("conversation")} == {conversation["id"]: 2, left["id"]: 0}
    assert his.count("message") == 0
    his.fake({"where": "epoch"})
    proxy.cut()
    his.wait("faked", 2)
    alice.answer("PUT", f"/messages/{old['id']}", {"content": "edited"})
    alice.say(conversation, "new")
    alice.answer("DELETE", f"/conversations/{left['id']}/participants/{bob.id}", status=204)
    his.wait("synced", 2)
    alice.say(conversation, "newer")
    his.wait("message", 2)
    assert his.contents() == ["new", "newer"]
    assert [message["content"] for message in his.events("updated")] == ["edited"]
    assert his.events("gone") == [{"conversationId": left["id"], "reason": "unseen"}]
