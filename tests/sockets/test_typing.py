"""Typing: told to the room's other sockets, ended by itself and by whatever shows that nobody types."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.wire import forget, hear_nothing, heard

pytestmark = pytest.mark.core


def update(user: User, room: dict[str, str], is_typing: bool) -> dict[str, object]:
    """What the room is told."""
    return {"userId": user.id, "userName": user.username, "isTyping": is_typing, **room}


def test_the_rooms_other_sockets_are_told_and_nobody_else(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.direct(bob)
    room = {"conversationId": conversation["id"]}
    hers, tab, his = (sock(user, auto_join=True) for user in (alice, alice, bob))
    outside, stranger = sock(bob), sock(carol)
    forget(hers, tab, his, outside, stranger)
    assert hers.ok("typing", {**room, "isTyping": True}) == {"ok": True}
    hers.emit("typing", {**room, "isTyping": False, "userId": bob.id})
    hear_nothing(hers, outside, stranger)
    for each in (tab, his):
        each.settle()
        assert each.events("typing:update") == [update(alice, room, True), update(alice, room, False)]


def test_typing_needs_no_join(alice: User, bob: User, sock: SockFactory) -> None:
    room = {"conversationId": alice.direct(bob)["id"]}
    hers, his = sock(alice), sock(bob, auto_join=True)
    hers.ok("typing", {**room, "isTyping": True})
    assert his.wait_for("typing:update") == update(alice, room, True)
    hear_nothing(hers)


def test_typing_ends_by_itself_six_seconds_after_the_last_repeat(alice: User, bob: User, sock: SockFactory) -> None:
    room = {"conversationId": alice.direct(bob)["id"]}
    hers, his = sock(alice), sock(bob, auto_join=True)
    hers.ok("typing", {**room, "isTyping": True})
    hers.ok("typing", {**room, "isTyping": True})
    repeated = time.monotonic()
    his.wait_for("typing:update", lambda data: data["isTyping"] is False, timeout=10)
    assert 5.8 < time.monotonic() - repeated < 7.5
    his.settle()
    assert [data["isTyping"] for data in his.events("typing:update")][-1] is False
    assert [data["isTyping"] for data in his.events("typing:update")].count(False) == 1


def test_sending_ends_it_before_the_message_is_told(alice: User, bob: User, sock: SockFactory) -> None:
    room = {"conversationId": alice.direct(bob)["id"]}
    hers, his = sock(alice, auto_join=True), sock(bob, auto_join=True)
    forget(his)
    hers.ok("typing", {**room, "isTyping": True})
    hers.ok("send-message", {**room, "content": "done"})
    assert heard(his) == ["typing:update", "typing:update", "message:new"]
    assert [data["isTyping"] for data in his.events("typing:update")] == [True, False]


@pytest.mark.parametrize("joined", [True, False])
def test_leaving_the_room_ends_it(alice: User, bob: User, sock: SockFactory, joined: bool) -> None:
    room = {"conversationId": alice.direct(bob)["id"]}
    hers, his = sock(alice, auto_join=joined), sock(bob, auto_join=True)
    hers.ok("typing", {**room, "isTyping": True})
    hers.ok("leave-room", room)
    his.settle()
    assert his.events("typing:update") == [update(alice, room, True), update(alice, room, False)]


@pytest.mark.parametrize("joined", [True, False])
def test_dropping_ends_it(alice: User, bob: User, sock: SockFactory, joined: bool) -> None:
    room = {"conversationId": alice.direct(bob)["id"]}
    hers, his = sock(alice, auto_join=joined), sock(bob, auto_join=True)
    hers.ok("typing", {**room, "isTyping": True})
    hers.close()
    told = his.wait_for("typing:update", lambda data: data["isTyping"] is False, timeout=3)
    assert told == update(alice, room, False)


def test_another_tab_that_goes_ends_nothing(alice: User, bob: User, sock: SockFactory) -> None:
    room = {"conversationId": alice.direct(bob)["id"]}
    hers, tab, his = sock(alice, auto_join=True), sock(alice, auto_join=True), sock(bob, auto_join=True)
    hers.ok("typing", {**room, "isTyping": True})
    tab.ok("leave-room", room)
    his.settle()
    assert his.events("typing:update") == [update(alice, room, True)]


@pytest.mark.parametrize("joined", [True, False])
def test_whoever_is_put_out_types_no_longer(
    alice: User, bob: User, carol: User, sock: SockFactory, joined: bool
) -> None:
    conversation = alice.group(bob, carol)
    room = {"conversationId": conversation["id"]}
    hers, his = sock(alice, auto_join=True), sock(bob, auto_join=joined)
    his.ok("typing", {**room, "isTyping": True})
    alice.answer("DELETE", f"/conversations/{conversation['id']}/participants/{bob.id}", status=204)
    hers.wait_for("typing:update", lambda data: data["isTyping"] is False, timeout=3)
    his.refused("typing", {**room, "isTyping": True}, "not_a_participant")


BAD: list[tuple[Any, str]] = [
    (None, "body"),
    ("text", "body"),
    ({}, "conversationId"),
    ({"conversationId": "HERE"}, "isTyping"),
    ({"conversationId": "HERE", "isTyping": "yes"}, "isTyping"),
    ({"conversationId": "HERE", "isTyping": 1}, "isTyping"),
    ({"conversationId": ["HERE"], "isTyping": True}, "conversationId"),
]


def test_a_bad_payload_is_refused_and_told_to_nobody(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    hers, his = sock(alice), sock(bob, auto_join=True)
    forget(his)
    for given, field in BAD:
        payload = given
        if isinstance(given, dict) and given.get("conversationId") == "HERE":
            payload = {**given, "conversationId": conversation["id"]}
        assert field in hers.refused("typing", payload, "validation_failed")["fields"], payload
    hear_nothing(his)
