"""Reactions: toggled or set, told where something changed, refused where the message is not one's to see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.wire import forget, hear_nothing, heard

pytestmark = pytest.mark.core

HEART, THUMB = "\u2764\ufe0f", "\U0001f44d"


def test_a_reaction_is_told_to_the_room_and_taken_back(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "nice?")
    hers, his, outside = sock(alice, auto_join=True), sock(bob), sock(alice)
    forget(hers, his, outside)
    answer = his.ok("react", {"messageId": message["id"], "emoji": HEART})
    expected = {HEART: {"count": 1, "users": [bob.id], "userNames": [bob.username]}}
    assert answer["reactions"] == expected
    assert (answer["messageId"], answer["conversationId"]) == (message["id"], conversation["id"])
    assert heard(hers) == ["reaction:update"]
    (told,) = hers.events("reaction:update")
    assert (told["messageId"], told["conversationId"]) == (message["id"], conversation["id"])
    assert (told["reactions"], told["prevRev"]) == (expected, message["rev"])
    assert told["rev"] > message["rev"]
    hear_nothing(his, outside)
    forget(hers)
    his.emit("react", {"messageId": message["id"], "emoji": HEART})
    assert hers.wait_for("reaction:update")["reactions"] == {}
    assert alice.answer("GET", f"/messages/{message['id']}")["reactions"] == {}


def test_on_sets_so_that_a_retry_is_harmless(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "nice?")
    hers, his = sock(alice, auto_join=True), sock(bob)
    forget(hers)
    wish = {"messageId": message["id"], "emoji": THUMB}
    answers = [his.ok("react", {**wish, "on": True}) for _ in range(3)]
    assert answers[0]["reactions"] == answers[2]["reactions"] != {}
    assert heard(hers) == ["reaction:update"]
    for _ in range(3):
        assert his.ok("react", {**wish, "on": False})["reactions"] == {}
    assert heard(hers) == ["reaction:update", "reaction:update"]
    assert his.ok("react", {**wish, "on": None})["reactions"][THUMB]["count"] == 1


def test_several_people_and_emoji_are_gathered(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    message = alice.say(conversation, "nice?")
    answer: dict[str, Any] = {}
    for user, emoji in [(bob, HEART), (carol, HEART), (alice, THUMB), (bob, THUMB), (carol, ":parrot:")]:
        answer = sock(user).ok("react", {"messageId": message["id"], "emoji": emoji})
    reactions = answer["reactions"]
    assert {emoji: each["count"] for emoji, each in reactions.items()} == {HEART: 2, THUMB: 2, ":parrot:": 1}
    assert sorted(reactions[HEART]["users"]) == sorted([bob.id, carol.id])
    assert sorted(reactions[HEART]["userNames"]) == sorted([bob.username, carol.username])


def test_a_foreign_message_answers_as_an_unknown_one(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "between us")
    hers, stranger = sock(alice, auto_join=True), sock(carol)
    forget(hers, stranger)
    foreign = stranger.refused("react", {"messageId": message["id"], "emoji": HEART}, "not_found")
    unknown = stranger.refused("react", {"messageId": "no-such-id", "emoji": HEART}, "not_found")
    assert foreign == unknown
    stranger.emit("react", {"messageId": message["id"], "emoji": HEART, "on": True})
    stranger.emit("react", {"messageId": "no-such-id", "emoji": HEART, "on": True})
    first, second = stranger.wait_count("error", 2)
    assert first == second
    assert (first["error"], first["event"]) == ("not_found", "react")
    hear_nothing(hers)
    assert alice.answer("GET", f"/messages/{message['id']}")["reactions"] == {}


def test_a_deleted_message_takes_no_reaction(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "oops")
    his, hers = sock(bob), sock(alice, auto_join=True)
    his.ok("react", {"messageId": message["id"], "emoji": HEART})
    alice.answer("DELETE", f"/messages/{message['id']}")
    forget(hers)
    his.refused("react", {"messageId": message["id"], "emoji": THUMB}, "conflict")
    hear_nothing(hers)
    assert alice.answer("GET", f"/messages/{message['id']}")["reactions"] == {}


def test_a_message_takes_fifty_different_emoji(alice: User, bob: User, sock: SockFactory) -> None:
    message = alice.say(alice.direct(bob), "many")
    hers = sock(alice)
    for number in range(50):
        hers.ok("react", {"messageId": message["id"], "emoji": f":e{number}:"})
    assert "emoji" in hers.refused("react", {"messageId": message["id"], "emoji": ":one-more:"}, "conflict")["fields"]
    assert sock(bob).ok("react", {"messageId": message["id"], "emoji": ":e0:"})["reactions"][":e0:"]["count"] == 2


BAD: list[tuple[dict[str, object], str]] = [
    ({"emoji": ""}, "emoji"),
    ({"emoji": "x" * 65}, "emoji"),
    ({"emoji": "\U0001f44d" * 17}, "emoji"),
    ({"emoji": "two words"}, "emoji"),
    ({"emoji": "nul\x00"}, "emoji"),
    ({"emoji": 5}, "emoji"),
    ({"emoji": None}, "emoji"),
    ({"on": "yes"}, "on"),
    ({"on": 1}, "on"),
    ({"messageId": 7}, "messageId"),
    ({"messageId": "x" * 129}, "messageId"),
]


def test_a_bad_field_is_named(alice: User, bob: User, sock: SockFactory) -> None:
    message = alice.say(alice.direct(bob), "one")
    his = sock(bob)
    for change, field in BAD:
        payload = {"messageId": message["id"], "emoji": HEART, **change}
        assert field in his.refused("react", payload, "validation_failed")["fields"], payload
    assert alice.answer("GET", f"/messages/{message['id']}")["reactions"] == {}
