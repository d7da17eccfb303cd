"""Delivered and read: watermarks that only rise, told to the room once, counted for others than the sender."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.sockets import Sock
from tests.support.wire import forget, hear_nothing, heard

pytestmark = pytest.mark.core

Json = dict[str, Any]


def statuses(user: User, conversation: Json) -> list[str]:
    """The status of each message, oldest first."""
    page = user.answer("GET", f"/conversations/{conversation['id']}/messages")
    return [message["status"] for message in reversed(page["items"])]


def told(sock: Sock) -> list[tuple[str, str]]:
    """The statuses that came, as (message, status)."""
    sock.settle()
    return [(event["messageId"], event["status"]) for event in sock.events("message:status")]


@pytest.mark.parametrize(("event", "status"), [("delivered-ack", "delivered"), ("read", "read")])
def test_a_receipt_is_told_to_the_room_once(
    alice: User, bob: User, carol: User, sock: SockFactory, event: str, status: str
) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "hello")
    hers, his, outside, stranger = sock(alice, auto_join=True), sock(bob, auto_join=True), sock(alice), sock(carol)
    forget(hers, his, outside, stranger)
    assert his.ok(event, {"messageId": message["id"]}) == {"ok": True}
    for each in (hers, his):
        assert heard(each) == ["message:status", "receipt:update"]
        (new,) = each.events("message:status")
        assert (new["messageId"], new["userId"], new["status"]) == (message["id"], bob.id, status)
        assert new["conversationId"] == conversation["id"]
        assert new[f"{status}At"].endswith("Z")
        (receipt,) = each.events("receipt:update")
        assert (receipt["userId"], receipt["deliveredSeq"]) == (bob.id, 1)
        assert receipt["readSeq"] == (1 if status == "read" else 0)
    hear_nothing(outside, stranger)
    assert statuses(alice, conversation) == [status]


def test_a_retry_and_a_lower_mark_are_told_to_nobody(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    first, second = alice.say(conversation, "one"), alice.say(conversation, "two")
    hers, his = sock(alice, auto_join=True), sock(bob, auto_join=True)
    his.ok("read", {"messageId": second["id"]})
    forget(hers, his)
    for event in ("read", "delivered-ack"):
        for payload in (
            {"messageId": second["id"]},
            {"messageIds": [first["id"], second["id"], first["id"]]},
            {"conversationId": conversation["id"], "seq": 1},
            {"conversationId": conversation["id"], "seq": 0},
        ):
            assert his.ok(event, payload) == {"ok": True}
    hear_nothing(hers, his)
    assert statuses(alice, conversation) == ["read", "read"]


def test_a_receipt_without_an_acknowledgement_counts_as_well(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "hello")
    hers, his = sock(alice, auto_join=True), sock(bob)
    his.emit("delivered-ack", {"messageId": message["id"]})
    assert hers.wait_for("receipt:update")["deliveredSeq"] == 1
    his.emit("read", {"messageIds": [message["id"]], "more": "ignored"})
    assert hers.wait_for("receipt:update", lambda data: data["readSeq"] == 1)["userId"] == bob.id
    assert heard(his) == []


@pytest.mark.parametrize("form", ["messageId", "messageIds", "seq"])
def test_naming_a_message_acknowledges_all_below_it(alice: User, bob: User, sock: SockFactory, form: str) -> None:
    conversation = alice.direct(bob)
    messages = [alice.say(conversation, str(number)) for number in range(4)]
    hers, his = sock(alice, auto_join=True), sock(bob)
    payload: Json = {
        "messageId": {"messageId": messages[2]["id"]},
        "messageIds": {"messageIds": [messages[1]["id"], messages[2]["id"]]},
        "seq": {"conversationId": conversation["id"], "seq": 3},
    }[form]
    his.ok("delivered-ack", payload)
    assert told(hers) == [(message["id"], "delivered") for message in messages[:3]]
    assert hers.count("receipt:update") == 1
    assert statuses(alice, conversation) == ["delivered"] * 3 + ["sent"]
    forget(hers)
    his.ok("read", payload)
    assert told(hers) == [(message["id"], "read") for message in messages[:3]]
    assert statuses(alice, conversation) == ["read"] * 3 + ["sent"]


def test_one_call_may_name_messages_of_several_conversations(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    direct, group = alice.direct(bob), alice.group(bob)
    one, two = alice.say(direct, "one"), alice.say(group, "two")
    hers, his = sock(alice, auto_join=True), sock(bob)
    his.ok("read", {"messageIds": [one["id"], two["id"]]})
    assert sorted(told(hers)) == sorted([(one["id"], "read"), (two["id"], "read")])
    assert hers.count("receipt:update") == 2
    foreign = alice.say(alice.direct(carol), "not his")
    third = alice.say(direct, "three")
    forget(hers)
    his.refused("read", {"messageIds": [third["id"], foreign["id"]]}, "not_found")
    hear_nothing(hers)
    assert statuses(alice, direct)[-1] == "sent"


def test_in_a_group_the_status_is_the_least_over_the_others(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.group(bob, carol)
    message = alice.say(conversation, "all of you")
    hers, his, carols = sock(alice, auto_join=True), sock(bob), sock(carol)
    forget(hers)
    his.ok("read", {"messageId": message["id"]})
    assert heard(hers) == ["receipt:update"]
    assert statuses(alice, conversation) == ["sent"]
    forget(hers)
    carols.ok("delivered-ack", {"messageId": message["id"]})
    assert heard(hers) == ["message:status", "receipt:update"]
    assert (hers.events("message:status")[0]["status"], hers.events("message:status")[0]["userId"]) == (
        "delivered",
        carol.id,
    )
    forget(hers)
    carols.ok("read", {"messageId": message["id"]})
    assert told(hers) == [(message["id"], "read")]
    assert statuses(alice, conversation) == ["read"]


def test_the_senders_own_receipt_is_no_status(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "mine")
    hers, his = sock(alice), sock(bob, auto_join=True)
    for event in ("delivered-ack", "read"):
        hers.ok(event, {"messageId": message["id"]})
    assert told(his) == []
    assert statuses(alice, conversation) == ["sent"]


def test_a_newcomer_starts_at_the_present_message(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob)
    old = alice.say(conversation, "before carol")
    his, hers = sock(bob), sock(alice, auto_join=True)
    his.ok("read", {"messageId": old["id"]})
    added = alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": carol.id}, status=201)[
        "participant"
    ]
    assert (added["deliveredSeq"], added["readSeq"]) == (1, 1)
    assert statuses(alice, conversation) == ["read"]
    new = alice.say(conversation, "with carol")
    forget(hers)
    his.ok("read", {"messageId": new["id"]})
    assert heard(hers) == ["receipt:update"]
    assert statuses(alice, conversation) == ["read", "sent"]


def test_whoever_leaves_is_waited_for_no_longer(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    message = alice.say(conversation, "to all")
    sock(bob).ok("read", {"messageId": message["id"]})
    assert statuses(alice, conversation) == ["sent"]
    alice.answer("DELETE", f"/conversations/{conversation['id']}/participants/{carol.id}", status=204)
    assert statuses(alice, conversation) == ["read"]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_long_absence_is_told_as_the_hundred_newest(
    alice: User, bob: User, sock: SockFactory, transport: str
) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice, transports=(transport,)), sock(bob)
    for number in range(130):
        hers.emit("send-message", {"conversationId": conversation["id"], "content": str(number)})
    hers.settle()
    messages: list[Json] = []
    for before in (131, 31):
        path = f"/conversations/{conversation['id']}/messages?limit=100&before={before}"
        messages = alice.answer("GET", path)["items"][::-1] + messages
    assert [message["seq"] for message in messages] == list(range(1, 131))
    hers.ok("join-room", {"conversationId": conversation["id"]})
    forget(hers)
    his.ok("read", {"conversationId": conversation["id"], "seq": 130})
    assert told(hers) == [(message["id"], "read") for message in messages[30:]]
    assert hers.count("receipt:update") == 1
    first = alice.answer("GET", f"/messages/{messages[0]['id']}")
    assert first["status"] == "read"


@pytest.mark.parametrize("event", ["delivered-ack", "read"])
def test_a_foreign_message_answers_as_an_unknown_one(
    alice: User, bob: User, carol: User, sock: SockFactory, event: str
) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "between us")
    hers, stranger = sock(alice, auto_join=True), sock(carol)
    forget(hers, stranger)
    for field, foreign, unknown in [
        ("messageId", message["id"], "no-such-id"),
        ("messageIds", [message["id"]], ["no-such-id"]),
    ]:
        answers = [stranger.refused(event, {field: value}, "not_found") for value in (foreign, unknown)]
        assert answers[0] == answers[1]
        forget(stranger)
        stranger.emit(event, {field: foreign})
        stranger.emit(event, {field: unknown})
        errors = stranger.wait_count("error", 2)
        assert errors[0] == errors[1]
        assert (errors[0]["error"], errors[0]["event"]) == ("not_found", event)
    answers = [
        stranger.refused(event, {"conversationId": each, "seq": 1}, "not_a_participant")
        for each in (conversation["id"], "no-such-id")
    ]
    assert answers[0] == answers[1]
    hear_nothing(hers)
    assert statuses(alice, conversation) == ["sent"]
    rev = alice.answer("GET", f"/conversations/{conversation['id']}")["rev"]
    assert rev == message["rev"]


BAD: list[tuple[Any, str]] = [
    (None, "body"),
    ([], "body"),
    ({}, "messageId"),
    ({"messageId": 5}, "messageId"),
    ({"messageId": ""}, "messageId"),
    ({"messageIds": []}, "messageIds"),
    ({"messageIds": "one"}, "messageIds"),
    ({"messageIds": ["x"] * 101}, "messageIds"),
    ({"messageIds": [None]}, "messageIds.0"),
    ({"conversationId": "HERE"}, "seq"),
    ({"conversationId": "HERE", "seq": "1"}, "seq"),
    ({"conversationId": "HERE", "seq": -1}, "seq"),
    ({"conversationId": "HERE", "seq": 1.5}, "seq"),
    ({"conversationId": "HERE", "seq": True}, "seq"),
    ({"conversationId": "HERE", "seq": 2**60}, "seq"),
    ({"conversationId": "HERE", "seq": 2}, "seq"),
]


def test_a_bad_receipt_names_its_field_and_moves_nothing(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    alice.say(conversation, "one")
    his, hers = sock(bob), sock(alice, auto_join=True)
    forget(hers)
    for given, field in BAD:
        payload = given
        if isinstance(given, dict) and given.get("conversationId") == "HERE":
            payload = {**given, "conversationId": conversation["id"]}
        assert field in his.refused("read", payload, "validation_failed")["fields"], payload
    hear_nothing(hers)
    assert statuses(alice, conversation) == ["sent"]


def test_messages_that_are_read_are_unread_no_more(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    for number in range(3):
        alice.say(conversation, str(number))
    his = sock(bob)

    def unread() -> int:
        count: int = bob.answer("GET", f"/conversations/{conversation['id']}")["unreadCount"]
        return count

    assert unread() == 3
    his.ok("delivered-ack", {"conversationId": conversation["id"], "seq": 3})
    assert unread() == 3
    his.ok("read", {"conversationId": conversation["id"], "seq": 2})
    assert unread() == 1
    his.ok("send-message", {"conversationId": conversation["id"], "content": "my own"})
    assert unread() == 1


def test_reading_a_part_leaves_what_is_above_it_unread(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    his = sock(bob)

    def left() -> tuple[int, int]:
        now = bob.answer("GET", f"/conversations/{conversation['id']}")
        return now["unreadCount"], now["mentionCount"]

    for author, content in ((alice, "one"), (alice, f"@{bob.username} two"), (bob, "three"), (bob, "four")):
        author.say(conversation, content)
    alice.say(conversation, f"@{bob.username} five")
    deleted = alice.say(conversation, "six")
    alice.answer("DELETE", f"/messages/{deleted['id']}")
    assert left() == (3, 2)
    his.ok("read", {"conversationId": conversation["id"], "seq": 1})
    assert left() == (2, 2)
    his.ok("read", {"conversationId": conversation["id"], "seq": 3})
    assert left() == (1, 1)
    his.ok("read", {"conversationId": conversation["id"], "seq": 6})
    assert left() == (0, 0)
