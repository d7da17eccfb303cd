"""Who comes into a conversation, who goes, in which role, and who is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blueprints.conftest import ListenersFactory, bad_bodies
from tests.conftest import SockFactory
from tests.support.api import Api, User

pytestmark = pytest.mark.core

ADDED, UPDATED, REMOVED = (f"conversation:participant-{what}" for what in ("added", "updated", "removed"))


def roles(user: User, path: str) -> dict[str, str]:
    """The participants' roles by id, as the user sees them."""
    return {one["userId"]: one["role"] for one in user.answer("GET", path)["participants"]}


def test_a_newcomer_is_told_to_the_room_and_to_themselves(
    alice: User, bob: User, carol: User, listeners: ListenersFactory, sock: SockFactory, api: Api
) -> None:
    group = alice.group(bob)
    path = f"/conversations/{group['id']}"
    bob.say(group, "before carol")
    before = alice.answer("GET", path)
    room = listeners(alice=alice, bob=bob, carol=carol, stranger=api.register())
    not_joined = sock(carol)
    answers = []
    body = {"userId": carol.id, "conversationId": "another", "joinedAt": "never"}
    heard = room.hear(lambda: answers.append(bob.answer("POST", f"{path}/participants", body, status=201)))
    assert heard["alice"] == heard["bob"] == [ADDED]
    assert sorted(heard["carol"]) == ["conversation:new", ADDED]
    assert heard["stranger"] == []
    not_joined.settle()
    assert sorted(not_joined.names()) == ["conversation:new", ADDED]
    participant = answers[0]["participant"]
    assert answers[0]["success"] is True
    assert (participant["conversationId"], participant["userId"], participant["role"]) == (
        group["id"],
        carol.id,
        "member",
    )
    assert participant["user"] == carol.answer("GET", f"/users/{carol.id}")
    assert (participant["deliveredSeq"], participant["readSeq"]) == (1, 1)
    for name in ("alice", "carol"):
        assert room[name].events(ADDED) == [
            {
                "conversationId": group["id"],
                "participant": participant["user"],
                "role": "member",
                "rev": before["rev"] + 1,
                "prevRev": before["rev"],
            }
        ]
    assert carol.answer("GET", path)["unreadCount"] == 0
    message = alice.say(group, "welcome")
    assert room["carol"].wait_for("message:new")["id"] == message["id"]
    not_joined.settle()
    assert not_joined.count("message:new") == 0


def test_who_may_add_whom(alice: User, bob: User, carol: User, api: Api) -> None:
    group = alice.group(bob)
    path = f"/conversations/{group['id']}/participants"
    dave = api.register()
    bob.refused("POST", path, {"userId": carol.id, "role": "admin"}, status=403, error="forbidden")
    refused = bob.refused("POST", path, {"userId": "nobody"}, status=404, error="not_found")
    assert list(refused["fields"]) == ["userId"]
    for present in (alice, bob):
        refused = alice.refused("POST", path, {"userId": present.id}, status=409, error="conflict")
        assert list(refused["fields"]) == ["userId"]
    ids: list[Any] = [None, 5, "", [], "\0", "\ud800", "u" * 129]
    cases: list[tuple[Any, str]] = [({"userId": bad}, "userId") for bad in ids]
    cases += [({"userId": carol.id, "role": bad}, "role") for bad in ("owner", "king", 1, None)]
    bad_bodies(lambda body: alice.post(path, body), [*cases, ({}, "userId")])
    assert set(roles(alice, f"/conversations/{group['id']}")) == {alice.id, bob.id}
    added = alice.answer("POST", path, {"userId": dave.id, "role": "admin"}, status=201)
    assert added["participant"]["role"] == "admin"
    dave.answer("POST", path, {"userId": carol.id, "role": "admin"}, status=201)
    direct = alice.direct(bob)
    body = {"userId": carol.id}
    alice.refused("POST", f"/conversations/{direct['id']}/participants", body, status=403, error="forbidden")


def test_a_role_is_given_by_those_who_may(
    alice: User, bob: User, carol: User, listeners: ListenersFactory, api: Api
) -> None:
    group = alice.group(bob, carol)
    path = f"/conversations/{group['id']}"
    room = listeners(alice=alice, bob=bob, carol=carol, stranger=api.register())
    bob.refused("PATCH", f"{path}/participants/{carol.id}", {"role": "admin"}, status=403, error="forbidden")
    heard = room.hear(lambda: alice.answer("PATCH", f"{path}/participants/{bob.id}", {"role": "admin"}))
    assert heard == {"alice": [UPDATED], "bob": [UPDATED], "carol": [UPDATED], "stranger": []}
    assert room["carol"].events(UPDATED) == [
        {
            "conversationId": group["id"],
            "userId": bob.id,
            "participant": alice.answer("GET", f"/users/{bob.id}"),
            "role": "admin",
            "rev": group["rev"] + 1,
            "prevRev": group["rev"],
        }
    ]
    heard = room.hear(lambda: alice.answer("PATCH", f"{path}/participants/{bob.id}", {"role": "admin"}))
    assert heard["carol"] == []
    bob.answer("PATCH", f"{path}/participants/{carol.id}", {"role": "admin"})
    for target, role in ((carol, "owner"), (alice, "member"), (alice, "admin"), (bob, "owner")):
        bob.refused("PATCH", f"{path}/participants/{target.id}", {"role": role}, status=403, error="forbidden")
    alice.refused("PATCH", f"{path}/participants/{alice.id}", {"role": "member"}, status=403, error="forbidden")
    heard = room.hear(lambda: alice.answer("PATCH", f"{path}/participants/{bob.id}", {"role": "owner"}))
    assert heard["carol"] == [UPDATED, UPDATED]
    assert roles(carol, path) == {alice.id: "admin", bob.id: "owner", carol.id: "admin"}
    alice.refused("PATCH", f"{path}/participants/nobody", {"role": "member"}, status=404, error="not_found")
    bad_bodies(
        lambda body: bob.patch(f"{path}/participants/{alice.id}", body),
        [({"role": bad}, "role") for bad in ("king", None, 5, ["admin"], "")] + [({}, "role")],
    )


def test_a_removed_user_hears_no_more(alice: User, bob: User, carol: User, listeners: ListenersFactory) -> None:
    group = alice.group(bob, carol)
    path = f"/conversations/{group['id']}"
    room = listeners(alice=alice, bob=bob, carol=carol)
    bob.refused("DELETE", f"{path}/participants/{carol.id}", status=403, error="forbidden")
    heard = room.hear(lambda: alice.answer("DELETE", f"{path}/participants/{bob.id}", status=204))
    assert heard == {"alice": [REMOVED], "bob": [REMOVED], "carol": [REMOVED]}
    for name in ("bob", "carol"):
        (event,) = room[name].events(REMOVED)
        assert (event["conversationId"], event["userId"]) == (group["id"], bob.id)
        assert (event["rev"], event["prevRev"]) == (group["rev"] + 1, group["rev"])
    heard = room.hear(lambda: alice.say(group, "without bob"))
    assert heard == {"alice": ["message:new"], "bob": [], "carol": ["message:new"]}
    bob.refused("GET", path, status=403, error="not_a_participant")
    bob.refused("GET", f"{path}/messages", status=403, error="not_a_participant")
    assert bob.answer("GET", "/conversations")["items"] == []
    room["bob"].refused("join-room", {"conversationId": group["id"]}, "not_a_participant")
    alice.refused("DELETE", f"{path}/participants/{bob.id}", status=404, error="not_found")
    alice.refused("DELETE", f"{path}/participants/nobody", status=404, error="not_found")
    alice.answer("POST", f"{path}/participants", {"userId": bob.id}, status=201)
    assert bob.answer("GET", path)["unreadCount"] == 0
    alice.say(group, "bob is back")
    assert room["bob"].wait_for("message:new")["content"] == "bob is back"
    alice.answer("PATCH", f"{path}/participants/{bob.id}", {"role": "admin"})
    alice.answer("PATCH", f"{path}/participants/{carol.id}", {"role": "admin"})
    bob.refused("DELETE", f"{path}/participants/{carol.id}", status=403, error="forbidden")
    bob.refused("DELETE", f"{path}/participants/{alice.id}", status=403, error="forbidden")


def test_everybody_may_leave_and_a_group_keeps_an_owner(
    alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    group = alice.group(bob, carol)
    path = f"/conversations/{group['id']}"
    alice.answer("PATCH", f"{path}/participants/{carol.id}", {"role": "admin"})
    room = listeners(alice=alice, bob=bob, carol=carol)
    heard = room.hear(lambda: alice.answer("DELETE", f"{path}/participants/{alice.id}", status=204))
    assert heard == {name: [UPDATED, REMOVED] for name in ("alice", "bob", "carol")}
    assert roles(bob, path) == {bob.id: "member", carol.id: "owner"}
    carol.answer("DELETE", f"{path}/participants/{carol.id}", status=204)
    assert roles(bob, path) == {bob.id: "owner"}
    bob.answer("DELETE", f"{path}/participants/{bob.id}", status=204)
    for user in (alice, bob, carol):
        assert user.answer("GET", "/conversations")["items"] == []


def test_a_direct_conversation_that_was_left_is_found_again(
    alice: User, bob: User, listeners: ListenersFactory
) -> None:
    direct = alice.direct(bob)
    path = f"/conversations/{direct['id']}"
    alice.refused("DELETE", f"{path}/participants/{bob.id}", status=403, error="forbidden")
    bob.answer("DELETE", f"{path}/participants/{bob.id}", status=204)
    assert set(roles(alice, path)) == {alice.id}
    room = listeners(alice=alice, bob=bob)
    heard = room.hear(lambda: alice.answer("POST", "/conversations", {"type": "direct", "participantIds": [bob.id]}))
    assert heard["bob"] == ["conversation:new"]
    assert set(roles(bob, path)) == {alice.id, bob.id}
    alice.say(direct, "there you are")
    assert room["bob"].wait_for("message:new")["content"] == "there you are"
