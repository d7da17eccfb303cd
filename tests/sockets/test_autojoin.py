"""`autoJoin`: every room of the user, and those that they come into later."""

from __future__ import annotations

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.wire import forget, hear_nothing, heard

pytestmark = pytest.mark.core


def test_all_rooms_are_joined_at_once(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversations = [alice.direct(bob), alice.group(bob, carol), alice.group(bob)]
    foreign = alice.direct(carol)
    his = sock(bob, auto_join=True)
    for conversation in [*conversations, foreign]:
        alice.say(conversation, conversation["id"])
    assert heard(his) == ["message:new"] * 3
    assert [message["content"] for message in his.events("message:new")] == [each["id"] for each in conversations]


def test_conversations_that_come_later_are_joined_too(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    hers, his, without = sock(alice, auto_join=True), sock(bob, auto_join=True), sock(bob)
    direct, group, later = alice.direct(bob), alice.group(bob), alice.group(carol)
    alice.answer("POST", f"/conversations/{later['id']}/participants", {"userId": bob.id}, status=201)
    forget(hers, his, without)
    for conversation in (direct, group, later):
        alice.say(conversation, conversation["id"])
    for each in (hers, his):
        assert heard(each) == ["message:new"] * 3
    hear_nothing(without)


def test_a_newcomer_hears_what_follows_their_coming_without_a_gap(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.group(carol)
    alice.say(conversation, "before")
    his = sock(bob, auto_join=True)
    forget(his)
    alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": bob.id}, status=201)
    message = alice.say(conversation, "after")
    names = heard(his)
    assert sorted(names[:2]) == ["conversation:new", "conversation:participant-added"]
    assert names[2:] == ["message:new"]
    assert his.events("message:new")[0]["id"] == message["id"]
    assert his.events("message:new")[0]["prevRev"] == his.events("conversation:new")[0]["rev"]


def test_whoever_comes_back_is_in_again(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    path = f"/conversations/{conversation['id']}/participants"
    his = sock(bob, auto_join=True)
    alice.answer("DELETE", f"{path}/{bob.id}", status=204)
    alice.say(conversation, "without him")
    alice.answer("POST", path, {"userId": bob.id}, status=201)
    alice.say(conversation, "with him")
    his.settle()
    assert [message["content"] for message in his.events("message:new")] == ["with him"]


def test_a_room_that_was_left_stays_left(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    his = sock(bob, auto_join=True)
    his.ok("leave-room", {"conversationId": conversation["id"]})
    forget(his)
    alice.say(conversation, "not for him")
    hear_nothing(his)


@pytest.mark.parametrize("wish", [False, None, 0, 1, "true", "yes", [True]])
def test_only_true_joins(alice: User, bob: User, sock: SockFactory, wish: object) -> None:
    conversation = alice.direct(bob)
    his = sock(bob, auth={"token": bob.token, "autoJoin": wish})
    alice.say(conversation, "anybody?")
    hear_nothing(his)


def test_fifty_rooms_at_once_miss_nothing_of_what_is_being_said(alice: User, bob: User, sock: SockFactory) -> None:
    rooms = [alice.group(bob, title=str(number)) for number in range(50)]
    hers = sock(alice)
    for conversation in rooms:
        hers.emit("send-message", {"conversationId": conversation["id"], "content": "while he connects"})
    his = sock(bob, auto_join=True)
    hers.settle()
    for conversation in rooms:
        hers.emit("send-message", {"conversationId": conversation["id"], "content": "after"})
    hers.settle()
    his.settle()
    told = his.events("message:new")
    by_room = {room["id"]: [each["seq"] for each in told if each["conversationId"] == room["id"]] for room in rooms}
    assert all(seqs in ([2], [1, 2]) for seqs in by_room.values()), by_room
