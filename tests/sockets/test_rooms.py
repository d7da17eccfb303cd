"""Into rooms and out of them, and who hears what a room is told."""

from __future__ import annotations

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.wire import forget, hear_nothing, heard

pytestmark = pytest.mark.core

NOT_IN = "You are not a participant in this conversation"


def test_joining_is_answered_twice_and_told_to_nobody_else(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    alice.say(conversation, "before")
    hers, tab, his = sock(alice), sock(alice), sock(bob)
    forget(hers, tab, his)
    answer = hers.ok("join-room", {"conversationId": conversation["id"]})
    now = alice.answer("GET", f"/conversations/{conversation['id']}")
    told = {"conversationId": conversation["id"], "rev": now["rev"], "seq": 1}
    assert answer == {"ok": True, **told}
    assert heard(hers) == ["room-joined"]
    assert hers.events("room-joined") == [told]
    hear_nothing(tab, his)


def test_joining_and_leaving_without_an_acknowledgement(alice: User, bob: User, sock: SockFactory) -> None:
    conversation, hers = alice.direct(bob), sock(alice)
    hers.emit("join-room", {"conversationId": conversation["id"], "extra": "ignored"})
    hers.emit("leave-room", {"conversationId": conversation["id"]})
    assert heard(hers) == ["room-joined", "room-left"]
    assert hers.events("room-left") == [{"conversationId": conversation["id"]}]


def test_a_room_is_heard_from_joining_until_leaving(alice: User, bob: User, sock: SockFactory) -> None:
    conversation, hers, his, tab = alice.direct(bob), sock(alice), sock(bob), sock(bob)
    room = {"conversationId": conversation["id"]}
    hers.ok("send-message", {**room, "content": "nobody is there"})
    hear_nothing(hers, his, tab)
    his.ok("join-room", room)
    his.ok("join-room", room)
    forget(his)
    hers.ok("send-message", {**room, "content": "one is"})
    assert heard(his) == ["message:new"]
    hear_nothing(hers, tab)
    assert his.ok("leave-room", room) == {"ok": True, **room}
    his.ok("leave-room", room)
    forget(his)
    hers.ok("send-message", {**room, "content": "gone again"})
    hear_nothing(hers, his, tab)


def test_a_foreign_conversation_answers_as_one_that_does_not_exist(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation, hers, stranger = alice.direct(bob), sock(alice, auto_join=True), sock(carol)
    forget(hers, stranger)
    calls: list[tuple[str, dict[str, object]]] = [
        ("join-room", {}),
        ("send-message", {"content": "hi"}),
        ("typing", {"isTyping": True}),
    ]
    for event, more in calls:
        foreign = stranger.refused(event, {"conversationId": conversation["id"], **more}, "not_a_participant")
        unknown = stranger.refused(event, {"conversationId": "no-such-thing", **more}, "not_a_participant")
        assert foreign == unknown
        assert foreign["message"] == NOT_IN
        stranger.emit(event, {"conversationId": conversation["id"], **more})
        stranger.emit(event, {"conversationId": "no-such-thing", **more})
        first, second = stranger.wait_count("error", 2)
        assert first == second == {"error": "not_a_participant", "message": NOT_IN, "event": event}
        forget(stranger)
    stranger.ok("leave-room", {"conversationId": conversation["id"]})
    forget(stranger)
    alice.say(conversation, "between us")
    hear_nothing(stranger)
    assert heard(hers) == ["message:new"]


def test_a_removed_users_sockets_leave_at_once(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    room = {"conversationId": conversation["id"]}
    hers, joined, by_itself, elsewhere = sock(alice), sock(bob), sock(bob, auto_join=True), sock(bob)
    hers.ok("join-room", room)
    joined.ok("join-room", room)
    forget(hers, joined, by_itself, elsewhere)
    alice.answer("DELETE", f"/conversations/{conversation['id']}/participants/{bob.id}", status=204)
    alice.say(conversation, "without him")
    assert heard(hers) == ["conversation:participant-removed", "message:new"]
    (told,) = hers.events("conversation:participant-removed")
    assert (told["conversationId"], told["userId"]) == (conversation["id"], bob.id)
    for his in (joined, by_itself, elsewhere):
        assert heard(his) == ["conversation:participant-removed"]
        assert his.events("conversation:participant-removed")[0]["userId"] == bob.id
    joined.refused("join-room", room, "not_a_participant")
    joined.refused("send-message", {**room, "content": "let me"}, "not_a_participant")
    joined.refused("typing", {**room, "isTyping": True}, "not_a_participant")
    joined.refused("read", {**room, "seq": 1}, "not_a_participant")
    forget(hers)
    hear_nothing(hers)


def test_whoever_leaves_by_rest_is_out_of_the_room(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    his, hers = sock(bob, auto_join=True), sock(alice, auto_join=True)
    bob.answer("DELETE", f"/conversations/{conversation['id']}/participants/{bob.id}", status=204)
    his.wait_for("conversation:participant-removed")
    hers.wait_for("conversation:participant-removed")
    forget(his)
    alice.say(conversation, "he left")
    hear_nothing(his)


def test_a_newcomer_and_the_room_are_told(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob)
    hers, his, carols, tab = sock(alice, auto_join=True), sock(bob), sock(carol), sock(carol)
    forget(hers, his, carols, tab)
    alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": carol.id}, status=201)
    assert heard(hers) == ["conversation:participant-added"]
    hear_nothing(his)
    for each in (carols, tab):
        assert sorted(heard(each)) == ["conversation:new", "conversation:participant-added"]
        (added,) = each.events("conversation:participant-added")
        assert added["participant"]["id"] == carol.id
        assert (added["conversationId"], added["role"]) == (conversation["id"], "member")
        (new,) = each.events("conversation:new")
        assert new["id"] == conversation["id"]
    forget(carols, tab)
    alice.say(conversation, "did you join the room?")
    hear_nothing(carols, tab)


def test_a_new_conversation_is_told_to_its_participants_and_nobody_else(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    hers, his, stranger = sock(alice), sock(bob, auto_join=True), sock(carol, auto_join=True)
    forget(hers, his, stranger)
    conversation = alice.direct(bob)
    assert alice.direct(bob)["id"] == conversation["id"]
    assert heard(hers) == ["conversation:new"]
    assert heard(his) == ["conversation:new"]
    assert his.events("conversation:new")[0]["id"] == conversation["id"]
    hear_nothing(stranger)


def test_properties_and_roles_are_told_to_the_room(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    path = f"/conversations/{conversation['id']}"
    his, outside = sock(bob, auto_join=True), sock(carol)
    forget(his, outside)
    alice.answer("PATCH", path, {"title": "Another title"})
    alice.answer("PATCH", f"{path}/participants/{bob.id}", {"role": "admin"})
    alice.answer("PATCH", f"{path}/participants/{bob.id}", {"role": "admin"})
    assert heard(his) == ["conversation:updated", "conversation:participant-updated"]
    assert his.events("conversation:updated")[0]["title"] == "Another title"
    assert his.events("conversation:participant-updated")[0]["role"] == "admin"
    hear_nothing(outside)


def test_a_deleted_conversation_is_told_to_all_and_its_room_is_empty(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.group(bob, carol)
    room = {"conversationId": conversation["id"]}
    hers, his, outside = sock(alice, auto_join=True), sock(bob, auto_join=True), sock(carol)
    message = alice.say(conversation, "last words")
    forget(hers, his, outside)
    alice.answer("DELETE", f"/conversations/{conversation['id']}", status=204)
    for each in (hers, his, outside):
        assert heard(each) == ["conversation:deleted"]
        assert each.events("conversation:deleted")[0]["conversationId"] == conversation["id"]
    his.refused("send-message", {**room, "content": "too late"}, "not_a_participant")
    his.refused("join-room", room, "not_a_participant")
    his.refused("typing", {**room, "isTyping": True}, "not_a_participant")
    his.refused("react", {"messageId": message["id"], "emoji": "x"}, "not_found")
    his.refused("read", {"messageId": message["id"]}, "not_found")


def test_edits_and_deletions_over_rest_reach_the_room(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "helo")
    his, outside = sock(bob, auto_join=True), sock(alice)
    alice.answer("PUT", f"/messages/{message['id']}", {"content": "hello"})
    alice.answer("PUT", f"/messages/{message['id']}", {"content": "hello"})
    alice.answer("DELETE", f"/messages/{message['id']}")
    alice.answer("DELETE", f"/messages/{message['id']}")
    assert heard(his) == ["message:updated", "message:deleted"]
    assert his.events("message:updated")[0]["content"] == "hello"
    deleted = his.events("message:deleted")[0]
    assert deleted["id"] == deleted["messageId"] == message["id"]
    hear_nothing(outside)
