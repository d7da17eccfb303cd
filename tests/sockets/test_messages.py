"""`send-message`, and what the room hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import User

pytestmark = pytest.mark.core


def test_a_message_reaches_both_once_and_is_acknowledged(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice, auto_join=True), sock(bob)
    his.ok("join-room", {"conversationId": conversation["id"]})
    answer = hers.ok("send-message", {"conversationId": conversation["id"], "content": "Hello!", "temp_id": "t1"})
    assert answer["duplicate"] is False
    message = answer["message"]
    assert (message["seq"], message["status"], message["temp_id"]) == (1, "sent", "t1")
    assert message["sender"]["username"] == alice.username
    for heard in (hers, his):
        heard.settle()
        (new,) = heard.events("message:new")
        assert {name: value for name, value in new.items() if name != "prevRev"} == message
        assert new["prevRev"] == conversation["rev"]


def test_a_temp_id_names_one_message_for_ever(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice), sock(bob, auto_join=True)
    draft = {"conversationId": conversation["id"], "content": "Once", "temp_id": "same"}
    first = hers.ok("send-message", draft)
    again = hers.ok("send-message", draft)
    by_rest = alice.answer("POST", "/messages", draft, status=200)
    assert again["duplicate"] is True
    assert again["message"]["id"] == first["message"]["id"] == by_rest["id"]
    hers.refused("send-message", {**draft, "content": "Another"}, "conflict")
    his.settle()
    assert his.count("message:new") == 1
    assert alice.answer("GET", f"/conversations/{conversation['id']}/messages")["items"][0]["seq"] == 1


def test_events_of_one_client_are_handled_in_order(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice), sock(bob, auto_join=True)
    for number in range(50):
        hers.emit("send-message", {"conversationId": conversation["id"], "content": str(number)})
    heard: list[dict[str, Any]] = his.wait_count("message:new", 50)
    assert [message["content"] for message in heard] == [str(number) for number in range(50)]
    assert [message["seq"] for message in heard] == list(range(1, 51))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": 5}, "content"),
        ({"content": "   "}, "content"),
        ({"content": "x" * 8001}, "content"),
        ({"content": "nul \x00"}, "content"),
        ({"content": "half \ud83d an emoji"}, "content"),
        ({"temp_id": "t" * 129}, "temp_id"),
        ({"temp_id": 7}, "temp_id"),
        ({"conversationId": None}, "conversationId"),
        ({"attachmentIds": "no list"}, "attachmentIds"),
        ({"attachmentIds": ["x"] * 11}, "attachmentIds"),
        ({"replyTo": 3}, "replyTo"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_stored(
    alice: User, bob: User, sock: SockFactory, change: dict[str, object], field: str
) -> None:
    conversation = alice.direct(bob)
    hers = sock(alice, auto_join=True)
    draft = {"conversationId": conversation["id"], "content": "Good", "temp_id": "bad-one", **change}
    assert field in hers.refused("send-message", draft, "validation_failed")["fields"]
    hers.emit("send-message", draft)
    error = hers.wait_for("error")
    assert (error["error"], error["event"]) == ("validation_failed", "send-message")
    assert error.get("temp_id") == (draft["temp_id"] if isinstance(draft["temp_id"], str) else None)
    hers.settle()
    assert hers.count("message:new") == 0
    assert alice.answer("GET", f"/conversations/{conversation['id']}")["seq"] == 0
