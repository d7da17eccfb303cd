"""Conversations over REST: making, listing, changing and ending them, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blueprints.answers import without
from tests.blueprints.conftest import ListenersFactory, bad_bodies
from tests.support.api import Api, User, unique

pytestmark = pytest.mark.core

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def people_of(conversation: dict[str, Any]) -> dict[str, str]:
    """The participants' roles by id."""
    return {one["userId"]: one["role"] for one in conversation["participants"]}


def test_a_direct_conversation_is_one_for_a_pair(alice: User, bob: User, listeners: ListenersFactory) -> None:
    room = listeners(alice=alice, bob=bob)
    made: list[dict[str, Any]] = []
    body = {"type": "direct", "participantIds": [bob.id, alice.id, bob.id], "title": "ignored", "seq": 9}
    heard = room.hear(lambda: made.append(alice.answer("POST", "/conversations", body, status=201)))
    assert heard == {"alice": ["conversation:new"], "bob": ["conversation:new"]}
    (conversation,) = made
    assert people_of(conversation) == {alice.id: "member", bob.id: "member"}
    assert (conversation["type"], conversation["title"], conversation["seq"]) == ("direct", None, 0)
    for name, user in (("alice", alice), ("bob", bob)):
        (event,) = room[name].events("conversation:new")
        seen = user.answer("GET", f"/conversations/{conversation['id']}")
        assert without(event, "conversationId", "prevRev") == seen
        assert event["conversationId"] == conversation["id"]
        assert event["prevRev"] <= event["rev"] == 2
    for user, other in ((alice, bob), (bob, alice)):
        again = {"type": "direct", "participantIds": [other.id]}
        heard = room.hear(lambda: made.append(user.answer("POST", "/conversations", again, status=200)))  # noqa: B023
        assert heard == {"alice": [], "bob": []}
    assert [one["id"] for one in made] == [conversation["id"]] * 3
    message = alice.say(conversation, "in the room by autoJoin")
    assert room["bob"].wait_for("message:new")["id"] == message["id"]


def test_a_group_is_told_to_each_of_its_people(
    alice: User, bob: User, carol: User, listeners: ListenersFactory, api: Api
) -> None:
    room = listeners(alice=alice, bob=bob, carol=carol, stranger=api.register())
    heard = room.hear(lambda: alice.group(bob, carol, title="Ours"))
    assert heard == {**{name: ["conversation:new"] for name in ("alice", "bob", "carol")}, "stranger": []}
    (event,) = room["carol"].events("conversation:new")
    assert people_of(event) == {alice.id: "owner", bob.id: "member", carol.id: "member"}
    assert event["title"] == "Ours"
    alone = alice.answer("POST", "/conversations", {"type": "group", "participantIds": []}, status=201)
    assert (people_of(alone), alone["title"]) == ({alice.id: "owner"}, None)


def test_a_conversation_with_a_bad_field_is_not_made(alice: User, bob: User) -> None:
    good = {"type": "group", "participantIds": [bob.id], "title": "Good"}
    ids: list[object] = [None, bob.id, {}, [1], [None], [""], ["\0"], ["\ud800"], [[bob.id]], ["x"] * 101, ["u" * 129]]
    cases: list[tuple[Any, str]] = [({**good, "participantIds": bad}, "participantIds") for bad in ids]
    cases += [({**good, "type": bad}, "type") for bad in (None, "", "Direct", 1, ["direct"])]
    cases += [({**good, "title": bad}, "title") for bad in ("", "  ", "t" * 201, 5, "\0", "\udfff")]
    cases += [({**good, "type": "direct", "participantIds": bad}, "participantIds") for bad in ([], [alice.id])]
    cases += [({**good, "type": "direct", "participantIds": [bob.id, "other"]}, "participantIds")]
    cases += [({"type": "group"}, "participantIds"), ({"participantIds": []}, "type"), ({}, "type")]
    bad_bodies(lambda body: alice.post("/conversations", body), cases)
    for kind in ("group", "direct"):
        body = {"type": kind, "participantIds": [UNKNOWN]}
        refused = alice.refused("POST", "/conversations", body, status=404, error="not_found")
        assert list(refused["fields"]) == ["participantIds"]
    assert alice.answer("GET", "/conversations")["items"] == []
    assert bob.answer("GET", "/conversations")["items"] == []


def test_the_list_has_the_newest_activity_first_and_comes_in_pages(alice: User, bob: User) -> None:
    made = [alice.group(bob, title=f"Group {number}") for number in range(5)]
    bob.say(made[1], "newest of all")
    expected = [made[number]["id"] for number in (1, 4, 3, 2, 0)]
    whole = alice.answer("GET", "/conversations")
    assert [item["id"] for item in whole["items"]] == expected
    assert whole["nextCursor"] is None
    assert (whole["items"][0]["unreadCount"], whole["items"][0]["lastMessage"]["content"]) == (1, "newest of all")
    assert whole["items"][0] == alice.answer("GET", f"/conversations/{made[1]['id']}")
    assert bob.answer("GET", "/conversations")["items"][0]["unreadCount"] == 0
    seen, cursor = [], None
    sizes: list[int] = []
    while not sizes or cursor is not None:
        page = alice.answer("GET", "/conversations", params={"limit": 2, "cursor": cursor})
        seen += [item["id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["nextCursor"]
    assert (seen, sizes) == (expected, [2, 2, 1])
    assert alice.answer("GET", "/conversations", params={"limit": 5})["nextCursor"] is None
    huge = "W" + "zk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTksICJ4Il0"
    for query in ({"limit": "0"}, {"limit": "101"}, {"cursor": "garbage"}, {"cursor": huge}, {"cursor": "WzEsMV0"}):
        body = alice.refused("GET", "/conversations", params=query, status=422, error="validation_failed")
        assert list(body["fields"]) == list(query)


def test_a_foreign_conversation_answers_exactly_as_none(
    alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    foreign = alice.group(bob)["id"]
    message = alice.say({"id": foreign}, "secret")["id"]
    room = listeners(alice=alice)
    calls: list[tuple[str, str, object]] = [
        ("GET", "/conversations/{}", None),
        ("PATCH", "/conversations/{}", {"title": "Mine"}),
        ("DELETE", "/conversations/{}", None),
        ("POST", "/conversations/{}/participants", {"userId": carol.id}),
        ("POST", "/conversations/{}/participants", {"userId": UNKNOWN, "role": "admin"}),
        ("PATCH", f"/conversations/{{}}/participants/{bob.id}", {"role": "member"}),
        ("DELETE", f"/conversations/{{}}/participants/{bob.id}", None),
        ("DELETE", f"/conversations/{{}}/participants/{carol.id}", None),
        ("GET", "/conversations/{}/messages", None),
        ("GET", "/messages?conversationId={}", None),
    ]

    def pry() -> None:
        for method, path, body in calls:
            answers = [carol.request(method, path.format(one), body) for one in (foreign, UNKNOWN, "no uuid at all")]
            assert {(one.status_code, one.content) for one in answers} == {(403, answers[0].content)}, path
            assert answers[0].json() == {
                "error": "not_a_participant",
                "message": "You are not a participant in this conversation",
            }
            assert len({tuple(sorted(set(one.headers) - {"Date"})) for one in answers}) == 1
        for conversation_id in (foreign, UNKNOWN):
            draft = {"conversationId": conversation_id, "content": "Hello", "temp_id": unique("t")}
            carol.refused("POST", "/messages", draft, status=403, error="not_a_participant")
        for method, body in (("GET", None), ("PUT", {"content": "x"}), ("DELETE", None)):
            answers = [carol.request(method, f"/messages/{one}", body) for one in (message, UNKNOWN)]
            assert {(one.status_code, one.content) for one in answers} == {(404, answers[0].content)}

    assert room.hear(pry) == {"alice": []}
    assert alice.answer("GET", f"/conversations/{foreign}")["rev"] == 3


def test_a_change_of_a_group_is_told_to_its_room(
    alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    group = alice.group(bob, title="Before")
    path = f"/conversations/{group['id']}"
    room = listeners(alice=alice, bob=bob, carol=carol)
    body = {"title": "After", "avatar": "https://x.org/g.png", "type": "direct", "seq": 7, "ownerId": bob.id}
    heard = room.hear(lambda: alice.answer("PATCH", path, body))
    assert heard == {"alice": ["conversation:updated"], "bob": ["conversation:updated"], "carol": []}
    now = bob.answer("GET", path)
    assert (now["title"], now["avatar"], now["type"], now["seq"]) == ("After", "https://x.org/g.png", "group", 0)
    (event,) = room["bob"].events("conversation:updated")
    assert event == {
        "conversationId": group["id"],
        **{name: now[name] for name in ("id", "title", "avatar", "updatedAt", "rev")},
        "prevRev": group["rev"],
    }
    for unchanged in ({}, {"title": "After"}):
        assert room.hear(lambda change=unchanged: alice.answer("PATCH", path, change))["bob"] == []  # type: ignore[misc]
    assert alice.answer("PATCH", path, {"title": None})["title"] is None
    bob.refused("PATCH", path, {"title": "Mine"}, status=403, error="forbidden")
    cases: list[tuple[Any, str]] = [({"title": bad}, "title") for bad in ("", " ", "t" * 201, 5, "\0", "\ud800")]
    cases += [({"avatar": bad}, "avatar") for bad in ("javascript:x", 5, "https://" + "x" * 2048)]
    bad_bodies(lambda body: alice.patch(path, body), cases)
    direct = alice.direct(bob)
    alice.refused("PATCH", f"/conversations/{direct['id']}", {"title": "x"}, status=403, error="forbidden")


def test_a_conversation_ends_for_everybody(alice: User, bob: User, carol: User, listeners: ListenersFactory) -> None:
    group = alice.group(bob)
    path = f"/conversations/{group['id']}"
    message = bob.say(group, "gone soon")
    before = alice.answer("GET", path)
    room = listeners(alice=alice, bob=bob, carol=carol)
    bob.refused("DELETE", path, status=403, error="forbidden")
    heard = room.hear(lambda: alice.answer("DELETE", path, status=204))
    assert heard == {"alice": ["conversation:deleted"], "bob": ["conversation:deleted"], "carol": []}
    (event,) = room["bob"].events("conversation:deleted")
    assert event == {
        "conversationId": group["id"],
        "id": group["id"],
        "rev": before["rev"] + 1,
        "prevRev": before["rev"],
    }
    for user in (alice, bob):
        user.refused("GET", path, status=403, error="not_a_participant")
        user.refused("GET", f"{path}/messages", status=403, error="not_a_participant")
        user.refused("DELETE", path, status=403, error="not_a_participant")
        user.refused("GET", f"/messages/{message['id']}", status=404, error="not_found")
        assert user.answer("GET", "/conversations")["items"] == []
        draft = {"conversationId": group["id"], "content": "Hello?", "temp_id": unique("t")}
        user.refused("POST", "/messages", draft, status=403, error="not_a_participant")
    bob.refused("PUT", f"/messages/{message['id']}", {"content": "x"}, status=404, error="not_found")
    first = alice.direct(bob)
    bob.answer("DELETE", f"/conversations/{first['id']}", status=204)
    assert alice.direct(bob)["id"] != first["id"]
