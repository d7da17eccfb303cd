"""Messages over REST: history, one message, sending, editing and taking back, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blueprints.answers import without
from tests.blueprints.conftest import ListenersFactory, bad_bodies
from tests.blueprints.uploading import upload
from tests.support.api import Api, User, unique

pytestmark = pytest.mark.core

LATER_ISSUES: dict[str, Any] = {
    "replyTo": None,
    "replyCount": 0,
    "pinnedAt": None,
    "mentions": [],
    "reactions": {},
    "attachments": [],
}


def test_a_message_is_sent_like_over_the_socket(alice: User, bob: User, listeners: ListenersFactory, api: Api) -> None:
    conversation = alice.direct(bob)
    room = listeners(alice=alice, bob=bob, stranger=api.register())
    draft = {"conversationId": conversation["id"], "content": "Hello! \U0001f600", "temp_id": unique("t")}
    sent: list[dict[str, Any]] = []
    extra = {**draft, "senderId": bob.id, "seq": 99, "status": "read", "id": "mine", "kind": "system"}
    heard = room.hear(lambda: sent.append(alice.answer("POST", "/messages", extra, status=201)))
    assert heard == {"alice": ["message:new"], "bob": ["message:new"], "stranger": []}
    (message,) = sent
    expected = {**draft, **LATER_ISSUES, "senderId": alice.id, "seq": 1, "status": "sent", "kind": "text"}
    assert {name: message[name] for name in expected} == expected
    assert message["createdAt"] == message["sentAt"]
    for name in ("alice", "bob"):
        (event,) = room[name].events("message:new")
        assert without(event, "prevRev") == message
        assert event["prevRev"] == conversation["rev"] == message["rev"] - 1
    assert bob.answer("GET", f"/messages/{message['id']}") == message
    heard = room.hear(lambda: sent.append(alice.answer("POST", "/messages", draft, status=200)))
    assert heard == {"alice": [], "bob": [], "stranger": []}
    assert sent[1] == message
    other = {**draft, "content": "Another"}
    assert list(alice.refused("POST", "/messages", other, status=409, error="conflict")["fields"]) == ["temp_id"]
    bob.answer("POST", "/messages", other, status=201)
    nameless = without(draft, "temp_id")
    first, second = (alice.answer("POST", "/messages", nameless, status=201) for _ in range(2))
    assert (first["temp_id"], first["seq"], second["seq"]) == (None, 3, 4)


@pytest.mark.parametrize("becomes", ["", "edited", "edited edited", "deleted", "edited deleted"])
@pytest.mark.parametrize("refers_to", ["", "replyTo", "attachmentIds"])
def test_a_temp_id_names_the_draft_whatever_becomes_of_it(alice: User, bob: User, becomes: str, refers_to: str) -> None:
    conversation = alice.direct(bob)
    parent = alice.say(conversation, "First")
    one, other = (upload(alice, b"text")["id"] for _ in range(2))
    references = {"": {}, "replyTo": {"replyTo": parent["id"]}, "attachmentIds": {"attachmentIds": [one]}}
    plain = {"conversationId": conversation["id"], "content": "Said", "temp_id": unique("draft")}
    draft = {**plain, **references.pop(refers_to)}
    path = f"/messages/{alice.answer('POST', '/messages', draft, status=201)['id']}"
    for number, step in enumerate(becomes.split()):
        if step == "edited":
            alice.answer("PUT", path, {"content": f"Said otherwise {number}"})
        else:
            alice.answer("DELETE", path)
    now = alice.answer("GET", path)
    assert alice.answer("POST", "/messages", draft, status=200) == now
    contents = ["Said otherwise 0", "Said otherwise 1", "Another"]
    drafts = [{**draft, "content": content} for content in contents]
    drafts += [{**plain, **reference} for reference in (*references.values(), {"attachmentIds": [other]})]
    for another in drafts:
        assert list(alice.refused("POST", "/messages", another, status=409, error="conflict")["fields"]) == ["temp_id"]
    assert alice.answer("GET", path) == now


def test_a_message_with_a_bad_field_is_not_stored(alice: User, bob: User, listeners: ListenersFactory) -> None:
    conversation = alice.direct(bob)
    room = listeners(bob=bob)
    good = {"conversationId": conversation["id"], "content": "Good", "temp_id": unique("bad")}
    changes: dict[str, list[object]] = {
        "content": [None, 5, "", " \n", "x" * 8001, "\0", "\ud800", ["x"], {}, True],
        "temp_id": [5, "", "t" * 129, "\0", "\ud800", []],
        "conversationId": [None, 5, "", "\0", "\ud800", "c" * 129, [conversation["id"]]],
        "replyTo": [5, "", "\0", []],
        "attachmentIds": ["x", [5], [""], ["\0"], ["x"] * 11, {}],
    }
    cases: list[tuple[Any, str]] = [
        ({**good, field: value}, field) for field, values in changes.items() for value in values
    ]
    cases += [(without(good, "conversationId"), "conversationId"), (without(good, "content"), "content")]
    heard = room.hear(lambda: bad_bodies(lambda body: alice.post("/messages", body), cases))
    assert heard == {"bob": []}
    for reference, value in (("replyTo", "nobody"), ("attachmentIds", ["nobody"])):
        refused = alice.refused("POST", "/messages", {**good, reference: value}, status=404, error="not_found")
        assert list(refused["fields"]) == [reference]
    assert alice.answer("GET", f"/conversations/{conversation['id']}") == conversation
    message = alice.answer("POST", "/messages", {**good, "content": "\U0001f600" * 8000}, status=201)
    assert message["seq"] == 1


def test_history_comes_in_pages_from_either_end(alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    path = f"/conversations/{conversation['id']}/messages"
    assert alice.answer("GET", path) == {"items": [], "hasMore": False}
    for number in range(1, 8):
        (alice if number % 2 else bob).say(conversation, str(number))
    pages: list[tuple[dict[str, int], list[int], bool]] = [
        ({}, [7, 6, 5, 4, 3, 2, 1], False),
        ({"limit": 7}, [7, 6, 5, 4, 3, 2, 1], False),
        ({"limit": 6}, [7, 6, 5, 4, 3, 2], True),
        ({"limit": 3}, [7, 6, 5], True),
        ({"limit": 3, "before": 5}, [4, 3, 2], True),
        ({"limit": 3, "before": 4}, [3, 2, 1], False),
        ({"before": 1}, [], False),
        ({"before": 0}, [], False),
        ({"before": 2**53}, [7, 6, 5, 4, 3, 2, 1], False),
        ({"limit": 3, "after": 0}, [1, 2, 3], True),
        ({"limit": 3, "after": 4}, [5, 6, 7], False),
        ({"limit": 2, "after": 4}, [5, 6], True),
        ({"after": 7}, [], False),
        ({"after": 2**53}, [], False),
        ({"after": 2, "before": 5}, [3, 4], False),
        ({"after": 2, "before": 6, "limit": 2}, [3, 4], True),
    ]
    for query, seqs, more in pages:
        page = bob.answer("GET", path, params=query)
        assert ([item["seq"] for item in page["items"]], page["hasMore"]) == (seqs, more), query
        assert bob.answer("GET", "/messages", params={**query, "conversationId": conversation["id"]}) == page
    for name in ("before", "after", "limit"):
        for value in ("x", "-1", "1.5", "9" * 30, ""):
            body = bob.refused("GET", path, params={name: value}, status=422, error="validation_failed")
            assert list(body["fields"]) == [name]
    assert list(bob.refused("GET", "/messages", status=422, error="validation_failed")["fields"]) == ["conversationId"]


def test_an_author_edits(alice: User, bob: User, carol: User, listeners: ListenersFactory) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, "Befoer")
    path = f"/messages/{message['id']}"
    room = listeners(alice=alice, bob=bob, carol=carol)
    edited: list[dict[str, Any]] = []
    body = {"content": "Before", "senderId": bob.id, "seq": 5, "deletedAt": "now", "temp_id": "other"}
    heard = room.hear(lambda: edited.append(alice.answer("PUT", path, body)))
    assert heard == {"alice": ["message:updated"], "bob": ["message:updated"], "carol": []}
    expected = {**message, "content": "Before", "rev": message["rev"] + 1, "editedAt": edited[0]["editedAt"]}
    assert edited == [expected]
    assert expected["editedAt"] is not None
    assert room["bob"].events("message:updated") == [{**expected, "prevRev": message["rev"]}]
    assert bob.answer("GET", path) == expected
    heard = room.hear(lambda: edited.append(alice.answer("PUT", path, {"content": "Before"})))
    assert (heard["bob"], edited[1]) == ([], expected)
    by_guide = alice.request("PUT", path, data='{"content": "without a type"}')
    assert by_guide.json()["content"] == "without a type"
    bob.refused("PUT", path, {"content": "Mine"}, status=403, error="forbidden")
    carol.refused("PUT", path, {"content": "Mine"}, status=404, error="not_found")
    bad: list[object] = [None, 5, "", " ", "x" * 8001, "\0", "\ud800", []]
    cases: list[tuple[Any, str]] = [({"content": value}, "content") for value in bad]
    bad_bodies(lambda body: alice.put(path, body), [*cases, ({}, "content")])
    assert alice.answer("GET", path)["content"] == "without a type"


def test_a_message_taken_back_leaves_a_tombstone(
    alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    conversation = alice.direct(bob)
    message = alice.say(conversation, f"secret @{bob.username}")
    assert message["mentions"] == [bob.id]
    bob_sees = bob.answer("GET", f"/conversations/{conversation['id']}")
    assert (bob_sees["unreadCount"], bob_sees["mentionCount"]) == (1, 1)
    path = f"/messages/{message['id']}"
    bob.refused("DELETE", path, status=403, error="forbidden")
    carol.refused("DELETE", path, status=404, error="not_found")
    room = listeners(alice=alice, bob=bob, carol=carol)
    room["bob"].ok("react", {"messageId": message["id"], "emoji": "\U0001f44d"})
    gone: list[dict[str, Any]] = []
    heard = room.hear(lambda: gone.append(alice.answer("DELETE", path)))
    assert heard == {"alice": ["message:deleted"], "bob": ["message:deleted"], "carol": []}
    tombstone = gone[0]
    assert (tombstone["content"], tombstone["reactions"], tombstone["mentions"]) == ("", {}, [])
    assert (tombstone["seq"], tombstone["temp_id"]) == (1, message["temp_id"])
    assert room["bob"].events("message:deleted") == [
        {
            "id": message["id"],
            "messageId": message["id"],
            "conversationId": conversation["id"],
            "seq": 1,
            "rev": tombstone["rev"],
            "prevRev": tombstone["rev"] - 1,
            "deletedAt": tombstone["deletedAt"],
        }
    ]
    heard = room.hear(lambda: gone.append(alice.answer("DELETE", path)))
    assert (heard["bob"], gone[1]) == ([], tombstone)
    assert bob.answer("GET", path) == tombstone
    history = bob.answer("GET", f"/conversations/{conversation['id']}/messages")
    assert history == {"items": [tombstone], "hasMore": False}
    seen = bob.answer("GET", f"/conversations/{conversation['id']}")
    assert (seen["unreadCount"], seen["mentionCount"], seen["lastMessage"]) == (0, 0, tombstone)
    alice.refused("PUT", path, {"content": "back"}, status=409, error="conflict")
    draft = {"conversationId": conversation["id"], "content": message["content"], "temp_id": message["temp_id"]}
    assert alice.answer("POST", "/messages", draft, status=200) == tombstone


def test_an_admin_takes_back_anybodys_message(alice: User, bob: User, carol: User) -> None:
    group = alice.group(bob, carol)
    his, hers = bob.say(group, "his"), alice.say(group, "hers")
    carol.refused("DELETE", f"/messages/{his['id']}", status=403, error="forbidden")
    alice.answer("PATCH", f"/conversations/{group['id']}/participants/{carol.id}", {"role": "admin"})
    for message in (his, hers):
        assert carol.answer("DELETE", f"/messages/{message['id']}")["deletedAt"]
    another = bob.say(group, "another")
    alice.answer("DELETE", f"/conversations/{group['id']}/participants/{bob.id}", status=204)
    bob.refused("DELETE", f"/messages/{another['id']}", status=404, error="not_found")
    bob.refused("GET", f"/messages/{another['id']}", status=404, error="not_found")
