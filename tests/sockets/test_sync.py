"""Coming back: `sync`, `join-room` with `since`, and `GET …/sync`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.sockets import Sock

pytestmark = pytest.mark.core


def changes(heard: Sock, conversation: dict[str, Any], since: int, **more: object) -> dict[str, Any]:
    """What `sync` answers for one conversation."""
    answer = heard.ok("sync", {"conversations": {conversation["id"]: since}, **more})
    found: dict[str, Any] = answer["conversations"][conversation["id"]]
    return found


def test_nothing_new_is_an_empty_delta(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    found = changes(sock(alice), conversation, conversation["rev"])
    assert found == {
        "outcome": "delta",
        "rev": conversation["rev"],
        "seq": 0,
        "messages": [],
        "receipts": [],
        "participants": [],
    }


def test_a_delta_is_the_present_state_of_all_that_changed(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.group(bob, title="Before")
    kept, edited, deleted, loved, pinned = (alice.say(conversation, f"message {number}") for number in range(5))
    hers, his = sock(alice), sock(bob)
    since = his.ok("join-room", {"conversationId": conversation["id"]})["rev"]
    his.ok("leave-room", {"conversationId": conversation["id"]})

    alice.answer("PUT", f"/messages/{edited['id']}", {"content": "edited"})
    alice.answer("DELETE", f"/messages/{deleted['id']}")
    hers.ok("react", {"messageId": loved["id"], "emoji": "👍"})
    alice.answer("PUT", f"/messages/{pinned['id']}/pin")
    new = alice.say(conversation, f"for @{bob.username}")
    alice.answer("PATCH", f"/conversations/{conversation['id']}", {"title": "After"})
    alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": carol.id}, status=201)
    sock(bob).ok("read", {"conversationId": conversation["id"], "seq": 3})

    found = changes(his, conversation, since)
    by_rest = bob.answer("GET", f"/conversations/{conversation['id']}/sync", params={"since": since})
    joined = his.ok("join-room", {"conversationId": conversation["id"], "since": since})
    assert found == by_rest == joined["changes"]
    assert found["outcome"] == "delta"
    assert (found["rev"], found["seq"]) == (joined["rev"], joined["seq"])
    messages = {message["id"]: message for message in found["messages"]}
    assert list(messages) == [edited["id"], deleted["id"], loved["id"], pinned["id"], new["id"]]
    assert kept["id"] not in messages
    assert messages[edited["id"]]["content"] == "edited"
    assert messages[edited["id"]]["editedAt"]
    assert (messages[deleted["id"]]["content"], bool(messages[deleted["id"]]["deletedAt"])) == ("", True)
    assert messages[loved["id"]]["reactions"]["👍"]["users"] == [alice.id]
    assert messages[pinned["id"]]["pinnedAt"]
    assert messages[new["id"]]["mentions"] == [bob.id]
    assert found["conversation"]["title"] == "After"
    assert {receipt["userId"]: receipt["readSeq"] for receipt in found["receipts"]}[bob.id] == 3
    (came,) = found["participants"]
    assert (came["userId"], came["user"]["username"]) == (carol.id, carol.username)


def test_a_participant_who_left_is_told_of(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    alice.answer("DELETE", f"/conversations/{conversation['id']}/participants/{carol.id}", status=204)
    (gone,) = changes(sock(bob), conversation, conversation["rev"])["participants"]
    assert gone["userId"] == carol.id
    assert gone["removedAt"]


def test_too_much_is_a_reset_with_the_newest_page(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers = sock(alice)
    for number in range(501):
        hers.emit("send-message", {"conversationId": conversation["id"], "content": str(number)})
    hers.settle()
    found = changes(sock(bob), conversation, conversation["rev"])
    assert (found["outcome"], found["seq"]) == ("reset", 501)
    assert [message["seq"] for message in found["messages"]] == list(range(452, 502))
    assert found["conversation"]["id"] == conversation["id"]
    assert {receipt["userId"] for receipt in found["receipts"]} == {alice.id, bob.id}
    assert {person["userId"] for person in found["participants"]} == {alice.id, bob.id}
    assert changes(sock(bob), conversation, conversation["rev"] + 1)["outcome"] == "delta"


@pytest.mark.parametrize("more", [{"epoch": "another life"}, {}])
def test_another_life_or_a_rev_from_the_future_is_a_reset(
    alice: User, bob: User, sock: SockFactory, more: dict[str, object]
) -> None:
    conversation = alice.direct(bob)
    alice.say(conversation, "hello")
    since = conversation["rev"] if more else conversation["rev"] + 100
    found = changes(sock(bob), conversation, since, **more)
    assert found["outcome"] == "reset"
    assert [message["content"] for message in found["messages"]] == ["hello"]


def test_what_one_may_not_see_is_gone_as_if_it_never_was(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.group(bob)
    answer = sock(carol).ok("sync", {"conversations": {conversation["id"]: 0, "no-such-conversation": 0}})
    foreign, unknown = answer["conversations"].values()
    assert foreign == unknown
    assert foreign["outcome"] == "gone"


def test_me_tells_what_one_came_into_and_went_out_of(alice: User, bob: User, sock: SockFactory) -> None:
    before = alice.group(bob)
    his = sock(bob)
    me = his.ok("sync", {"me": 0})["me"]
    assert [conversation["id"] for conversation in me["added"]] == [before["id"]]
    new = alice.group(bob)
    alice.answer("DELETE", f"/conversations/{before['id']}/participants/{bob.id}", status=204)
    later = his.ok("sync", {"me": me["rev"]})["me"]
    assert [conversation["id"] for conversation in later["added"]] == [new["id"]]
    assert later["removed"] == [before["id"]]
    assert his.ok("sync", {"me": later["rev"]})["me"] == {"rev": later["rev"], "added": [], "removed": []}
    alice.answer("DELETE", f"/conversations/{new['id']}", status=204)
    assert his.ok("sync", {"me": later["rev"]})["me"]["removed"] == [new["id"]]


def test_every_durable_event_says_what_came_before_it(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob)
    his = sock(bob)
    rev = his.ok("join-room", {"conversationId": conversation["id"]})["rev"]
    hers = sock(alice)
    message = hers.ok("send-message", {"conversationId": conversation["id"], "content": "one"})["message"]
    his.ok("read", {"messageId": message["id"]})
    hers.ok("react", {"messageId": message["id"], "emoji": "👍"})
    alice.answer("PUT", f"/messages/{message['id']}", {"content": "two"})
    alice.answer("PUT", f"/messages/{message['id']}/pin")
    alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": carol.id}, status=201)
    alice.answer("PATCH", f"/conversations/{conversation['id']}", {"title": "New"})
    alice.answer("DELETE", f"/messages/{message['id']}")
    his.settle()
    durable = [item.data for item in his.history() if "prevRev" in (item.data or {})]
    assert [(item["prevRev"] <= rev_before) for rev_before, item in _with_rev_before(rev, durable)] == [True] * len(
        durable
    )
    assert [item.name for item in his.history() if "prevRev" in (item.data or {})] == [
        "message:new",
        "message:status",
        "receipt:update",
        "reaction:update",
        "message:updated",
        "message:pinned",
        "conversation:participant-added",
        "conversation:updated",
        "message:deleted",
    ]
    assert all(item["conversationId"] == conversation["id"] for item in durable)


def _with_rev_before(rev: int, durable: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Each event with the rev that a client had before it."""
    pairs = []
    for item in durable:
        pairs.append((rev, item))
        assert item["rev"] >= rev
        rev = max(rev, item["rev"])
    return pairs


def test_receipts_of_a_message_have_their_times(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    first, second = alice.say(conversation, "first"), alice.say(conversation, "second")
    his = sock(bob)
    his.ok("delivered-ack", {"messageId": first["id"]})
    his.ok("read", {"messageId": second["id"]})
    receipts = {item["userId"]: item for item in bob.answer("GET", f"/messages/{first['id']}/receipts")["items"]}
    assert set(receipts) == {bob.id, carol.id}
    assert receipts[bob.id]["deliveredAt"] <= receipts[bob.id]["readAt"]
    assert receipts[carol.id] == {"userId": carol.id, "deliveredAt": None, "readAt": None}


def test_unread_and_mentions_are_counted(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)

    def counts() -> tuple[int, int]:
        mine = bob.answer("GET", f"/conversations/{conversation['id']}")
        return mine["unreadCount"], mine["mentionCount"]

    alice.say(conversation, "one")
    named = alice.say(conversation, f"two, @{bob.username}")
    bob.say(conversation, "my own")
    assert counts() == (2, 1)
    alice.answer("PUT", f"/messages/{named['id']}", {"content": "two, nobody"})
    assert counts() == (2, 0)
    alice.answer("DELETE", f"/messages/{named['id']}")
    assert counts() == (1, 0)
    his = sock(bob)
    his.ok("read", {"conversationId": conversation["id"], "seq": 1})
    assert counts() == (0, 0)
    alice.say(conversation, f"four for @{bob.username}")
    assert counts() == (1, 1)
    his.ok("read", {"conversationId": conversation["id"], "seq": 4})
    assert counts() == (0, 0)
