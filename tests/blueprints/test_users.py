"""The directory of users, and one's own entry in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blueprints.answers import without
from tests.blueprints.conftest import ListenersFactory, bad_bodies
from tests.support.api import Api, User, unique

pytestmark = pytest.mark.core


def test_one_sees_ones_own_address_and_nobody_elses(api: Api) -> None:
    name = unique("secretive")
    mail = f"{name}@example.org"
    user, other = api.register(name, email=mail, displayName=name), api.register()
    assert user.answer("GET", "/users/me")["email"] == mail
    seen = other.answer("GET", f"/users/{user.id}")
    assert seen == {"id": user.id, "username": name, "displayName": name, "avatar": None}
    assert user.answer("GET", f"/users/{user.id}") == seen
    assert other.answer("GET", "/users", params={"query": name})["items"] == [seen]
    assert other.answer("GET", "/users", params={"query": mail})["items"] == []
    conversation = user.direct(other)
    message = user.say(conversation, "Hello")
    for path in ("/conversations", f"/conversations/{conversation['id']}", f"/messages/{message['id']}"):
        assert "email" not in other.get(path).text


def test_the_directory_is_found_by_the_beginning_of_names(api: Api) -> None:
    mark = unique("Zoë")
    user = api.register(mark, displayName=f"Prof. Ångström {mark}_x%y")
    for query in (mark, mark.upper(), mark[:-1], f"prof. ångström {mark.lower()}", f"{mark}_X%"):
        assert user.id in {item["id"] for item in user.answer("GET", "/users", params={"query": query})["items"]}, query
    for query in (f"{mark}_x_y", f"{mark[:-1]}%", "%", "_" * 64, f"{mark}x", "\\"):
        found = user.answer("GET", "/users", params={"query": query})["items"]
        assert user.id not in {item["id"] for item in found}, query


def test_the_directory_comes_in_pages(api: Api) -> None:
    stem = unique("名" * 30)
    names = [f"{stem}.{'𠀀' * 20}{number}" for number in range(3)]
    users = [api.register(name).id for name in names]
    asker = api.register()
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = asker.answer("GET", "/users", params={"query": stem, "limit": 2, "cursor": cursor})
        seen += [item["id"] for item in page["items"]]
        cursor, pages = page["nextCursor"], pages + 1
    assert (seen, pages) == (users, 2)
    exact = asker.answer("GET", "/users", params={"query": stem, "limit": 3})
    assert (len(exact["items"]), exact["nextCursor"]) == (3, None)
    assert len(asker.answer("GET", "/users")["items"]) <= 50


def test_unknown_users_and_bad_queries(alice: User) -> None:
    for user_id in ("nobody", "0190", "%F0%9F%98%80", "a%0Ab"):
        body = alice.refused("GET", f"/users/{user_id}", status=404, error="not_found")
        assert body == {"error": "not_found", "message": "User not found"}
    for query, field in (
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "9" * 400}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"query": "q" * 101}, "query"),
        ({"query": "\0"}, "query"),
        ({"cursor": "c" * 513}, "cursor"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "WyJcdWQ4MDAiXQ"}, "cursor"),
        ({"cursor": "WyJcdTAwMDAiXQ"}, "cursor"),
        ({"cursor": "WzFd"}, "cursor"),
        ({"cursor": "e30"}, "cursor"),
        ({"cursor": "W1tbW1tb"}, "cursor"),
    ):
        body = alice.refused("GET", "/users", params=query, status=422, error="validation_failed")
        assert list(body["fields"]) == [field], query
    assert alice.refused("GET", "/users/a%00b", status=422, error="validation_failed")["fields"]
    assert alice.refused("GET", "/users/" + "u" * 129, status=422, error="validation_failed")["fields"]


def test_a_change_of_ones_entry_is_told_to_those_who_share_a_conversation(
    alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    alice.direct(bob)
    alice.group(bob)
    room = listeners(alice=alice, bob=bob, carol=carol)
    body = {"displayName": "Alice Ω", "avatar": "https://x.org/a.png", "username": "stolen", "id": bob.id, "rev": 9}
    heard = room.hear(lambda: alice.answer("PATCH", "/users/me", body))
    assert heard == {"alice": ["user:updated"], "bob": ["user:updated"], "carol": []}
    now = alice.answer("GET", "/users/me")
    assert now == {**alice.profile, "displayName": "Alice Ω", "avatar": "https://x.org/a.png"}
    for who in ("alice", "bob"):
        assert room[who].events("user:updated") == [{"userId": alice.id, **without(now, "email", "createdAt")}]
    for unchanged in ({}, {"displayName": "Alice Ω"}, {"displayName": None}, {"email": f"{alice.username}@x.org"}):
        heard = room.hear(lambda change=unchanged: alice.answer("PATCH", "/users/me", change))  # type: ignore[misc]
        assert heard == {"alice": [], "bob": [], "carol": []}, unchanged
    assert alice.answer("GET", "/users/me")["email"] == f"{alice.username}@x.org"
    assert bob.answer("GET", f"/users/{alice.id}") == without(now, "email", "createdAt")
    cleared = alice.answer("PATCH", "/users/me", {"avatar": None, "email": None})
    assert (cleared["avatar"], cleared["email"], cleared["displayName"]) == (None, None, "Alice Ω")


def test_a_bad_change_changes_nothing(alice: User, api: Api) -> None:
    mail = f"{unique('taken')}@x.org"
    api.register(email=mail)
    refused = alice.refused("PATCH", "/users/me", {"email": mail.upper()}, status=409, error="conflict")
    assert list(refused["fields"]) == ["email"]
    cases: list[tuple[Any, str]] = [
        ({"displayName": "d" * 101}, "displayName"),
        ({"displayName": " "}, "displayName"),
        ({"displayName": "\ud800"}, "displayName"),
        ({"displayName": "a\0"}, "displayName"),
        ({"displayName": 1}, "displayName"),
        ({"avatar": "javascript:alert(1)"}, "avatar"),
        ({"avatar": "data:text/html,x"}, "avatar"),
        ({"avatar": "https://" + "x" * 2048}, "avatar"),
        ({"avatar": []}, "avatar"),
        ({"email": "nobody"}, "email"),
        ({"email": "a b@c.org"}, "email"),
    ]
    bad_bodies(lambda body: alice.patch("/users/me", {"displayName": "Good", **body}), cases[4:])
    bad_bodies(lambda body: alice.patch("/users/me", body), cases)
    assert alice.answer("GET", "/users/me") == alice.profile
