"""`/api/relay` and `X-Act-As`: what a service token opens, what it does not, and who hears what it publishes."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from models import new_id
from schemas.relay import DATA_BYTES
from tests.blueprints.answers import without
from tests.blueprints.conftest import ListenersFactory, bad_bodies
from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api, User, unique
from tests.support.flask import flask, service_token
from tests.support.server import ServerProcess
from tests.support.sockets import Refused, Sock
from tests.support.wire import mint

pytestmark = pytest.mark.core

EVENT: dict[str, Any] = {"event": "app:orders.changed", "data": {"orderId": 7, "state": "paid \u2713"}}


@pytest.fixture(scope="module")
def anything(_shared_server: ServerProcess) -> Iterator[Api]:
    """A service that may do everything that a service can."""
    service = Api(_shared_server, service_token(_shared_server, unique("anything"), "--act-as-anyone"))
    yield service
    service.close()


def test_an_event_reaches_whom_it_is_for(
    anything: Api, alice: User, bob: User, carol: User, listeners: ListenersFactory, sock: SockFactory
) -> None:
    conversation = alice.direct(bob)
    room = listeners(alice=alice, bob=bob, carol=carol)
    second = sock(bob)
    targets: list[tuple[dict[str, Any], set[str], int]] = [
        ({"conversationId": conversation["id"]}, {"alice", "bob"}, 0),
        ({"userId": bob.id}, {"bob"}, 1),
        ({"all": True}, {"alice", "bob", "carol"}, 1),
    ]
    for to, hearing, of_second in targets:
        second.settle()
        second.clear()
        heard = room.hear(functools.partial(anything.answer, "POST", "/relay/emit", {**EVENT, "to": to}, status=202))
        assert heard == {name: [EVENT["event"]] if name in hearing else [] for name in room.socks}, to
        for name in hearing:
            assert room[name].events("app:orders.changed") == [EVENT["data"]]
        second.settle()
        assert second.count("app:orders.changed") == of_second, to


@pytest.mark.parametrize("data", [None, 0, "", "text", [1, [2]], {"deep": {"a": [None, True, 1.5]}}, False])
def test_any_json_is_an_events_data(anything: Api, alice: User, sock: SockFactory, data: object) -> None:
    hers = sock(alice, auth={"token": alice.token, "recovery": False})
    body = {"event": "app:any", "data": data, "to": {"userId": alice.id}}
    assert anything.answer("POST", "/relay/emit", body, status=202) == {"duplicate": False}
    hers.settle()
    (heard,) = [one for one in hers.history() if one.name == "app:any"]
    assert heard.args == (data,)


def test_an_idempotency_key_names_one_event(
    anything: Api, server: ServerProcess, alice: User, sock: SockFactory
) -> None:
    hers = sock(alice)
    body = {**EVENT, "to": {"userId": alice.id}}
    headers = {"Idempotency-Key": unique("key")}
    first = anything.answer("POST", "/relay/emit", body, status=202, headers=headers)
    reordered = {"to": body["to"], "data": dict(reversed(EVENT["data"].items())), "event": EVENT["event"]}
    again = [anything.answer("POST", "/relay/emit", one, status=202, headers=headers) for one in (body, reordered)]
    assert (first, again) == ({"duplicate": False}, [{"duplicate": True}] * 2)
    for other in ({"data": 1}, {"event": "app:other"}, {"to": {"all": True}}):
        refused = anything.refused(
            "POST", "/relay/emit", {**body, **other}, status=409, error="conflict", headers=headers
        )
        assert list(refused["fields"]) == ["Idempotency-Key"]
    hers.settle()
    assert hers.count("app:orders.changed") == 1
    another = Api(server, service_token(server, unique("another")))
    assert another.answer("POST", "/relay/emit", body, status=202, headers=headers) == {"duplicate": False}
    another.close()
    anything.answer("POST", "/relay/emit", body, status=202)
    hers.settle()
    assert hers.count("app:orders.changed") == 3
    for bad in ("", "k" * 129):
        refused = anything.refused(
            "POST", "/relay/emit", body, status=422, error="validation_failed", headers={"Idempotency-Key": bad}
        )
        assert list(refused["fields"]) == ["Idempotency-Key"]


def test_an_event_that_is_not_one_is_refused(anything: Api, alice: User, sock: SockFactory) -> None:
    hers = sock(alice)
    good = {**EVENT, "to": {"userId": alice.id}}
    nested: Any = 0
    for _ in range(300):
        nested = [nested]
    changes: dict[str, list[object]] = {
        "event": [None, 5, "", "app:", "message:new", "App:x", " app:x", "app:a b", "app:\n", "app:" + "x" * 125, []],
        "data": [nested, 2**64, {"half": "\ud800"}],
        "to": [
            None,
            5,
            {},
            {"all": False},
            {"all": 1},
            {"userId": ""},
            {"userId": 5},
            {"conversationId": "c" * 129},
            {"userId": alice.id, "all": True},
            {"userId": alice.id, "conversationId": "c"},
            [alice.id],
        ],
    }
    cases = [({**good, field: value}, field) for field, values in changes.items() for value in values]
    cases += [(without(good, "event"), "event"), (without(good, "to"), "to")]
    bad_bodies(lambda body: anything.post("/relay/emit", body), cases)
    large = {**good, "data": "x" * (DATA_BYTES - 1)}
    refused = anything.refused("POST", "/relay/emit", large, status=413, error="too_large")
    assert list(refused["fields"]) == ["data"]
    anything.refused("POST", "/relay/emit", {**good, "data": "x" * 1_000_000}, status=413, error="too_large")
    for target in ({"conversationId": new_id()}, {"userId": new_id()}, {"conversationId": hers.sid}):
        refused = anything.refused("POST", "/relay/emit", {**good, "to": target}, status=404, error="not_found")
        assert list(refused["fields"]) == [f"to.{next(iter(target))}"]
    hers.settle()
    assert not [name for name in hers.names() if name.startswith("app:")]
    anything.answer("POST", "/relay/emit", {**good, "data": "x" * (DATA_BYTES - 2)}, status=202)
    hers.wait_for(EVENT["event"])


def test_a_message_is_sent_in_a_participants_name(
    anything: Api, alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    conversation = alice.direct(bob)
    room = listeners(alice=alice, bob=bob, carol=carol)
    draft = {"conversationId": conversation["id"], "content": "From a function", "temp_id": unique("t")}
    body = {**draft, "senderId": alice.id}
    sent: list[dict[str, Any]] = []
    heard = room.hear(lambda: sent.append(anything.answer("POST", "/relay/messages", body, status=201)))
    assert heard == {"alice": ["message:new"], "bob": ["message:new"], "carol": []}
    assert {name: sent[0][name] for name in body} == body
    assert without(room["bob"].events("message:new")[0], "prevRev") == sent[0]
    heard = room.hear(lambda: sent.append(anything.answer("POST", "/relay/messages", body, status=200)))
    assert heard == {"alice": [], "bob": [], "carol": []}
    assert sent[1] == sent[0]
    assert alice.answer("POST", "/messages", draft, status=200) == sent[0], "one name for one message, whoever sends it"
    other = {**body, "content": "Another"}
    refused = anything.refused("POST", "/relay/messages", other, status=409, error="conflict")
    assert list(refused["fields"]) == ["temp_id"]
    reply = anything.answer(
        "POST", "/relay/messages", {**body, "temp_id": unique("t"), "replyTo": sent[0]["id"]}, status=201
    )
    assert (reply["replyTo"], reply["seq"]) == (sent[0]["id"], 2)


def test_a_message_that_may_not_be_sent_is_refused(
    anything: Api, server: ServerProcess, alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    conversation = alice.direct(bob)
    room = listeners(bob=bob)
    good = {"conversationId": conversation["id"], "senderId": alice.id, "content": "Good", "temp_id": unique("t")}
    changes: dict[str, list[object]] = {"senderId": [None, 5, ""], "content": ["", " "], "temp_id": [5, ""]}
    cases = [({**good, field: value}, field) for field, values in changes.items() for value in values]
    cases += [(without(good, name), name) for name in ("conversationId", "senderId", "content")]

    def refusals() -> None:
        bad_bodies(lambda body: anything.post("/relay/messages", body), cases)
        path = "/relay/messages"
        anything.refused("POST", path, {**good, "senderId": carol.id}, status=403, error="not_a_participant")
        anything.refused("POST", path, {**good, "conversationId": new_id()}, status=403, error="not_a_participant")
        unknown = anything.refused("POST", path, {**good, "senderId": new_id()}, status=404, error="not_found")
        assert list(unknown["fields"]) == ["senderId"]
        flask(server, "user", "disable", carol.username)
        anything.refused("POST", path, {**good, "senderId": carol.id}, status=401, error="account_disabled")

    assert room.hear(refusals) == {"bob": []}
    assert alice.answer("GET", f"/conversations/{conversation['id']}")["seq"] == 0


def test_a_token_does_only_what_it_is_for(
    server: ServerProcess, alice: User, bob: User, carol: User, listeners: ListenersFactory
) -> None:
    conversation, other = alice.direct(bob), alice.direct(carol)
    options = (
        "--conversation",
        conversation["id"],
        "--event",
        "app:orders.",
        "--event",
        "app:stock",
        "--act-as",
        bob.id,
    )
    service = Api(server, service_token(server, unique("narrow"), *options))
    room = listeners(alice=alice, bob=bob)
    here = {"conversationId": conversation["id"]}
    draft = {**here, "senderId": bob.id, "content": "Hello"}
    refusals: list[tuple[str, dict[str, Any], str, str]] = [
        ("emit", {"event": "app:order", "to": here}, "event", "event app:order"),
        ("emit", {"event": "app:bills.x", "to": here}, "event", "event app:bills.x"),
        ("emit", {"event": "app:orders.x", "to": {"conversationId": other["id"]}}, "to.conversationId", other["id"]),
        ("emit", {"event": "app:orders.x", "to": {"conversationId": new_id()}}, "to.conversationId", "conversation"),
        ("emit", {"event": "app:orders.x", "to": {"userId": bob.id}}, "to", "users"),
        ("emit", {"event": "app:orders.x", "to": {"all": True}}, "to", "everybody"),
        ("messages", {**draft, "conversationId": other["id"]}, "conversationId", other["id"]),
        ("messages", {**draft, "senderId": alice.id}, "senderId", f"act-as {alice.id}"),
    ]

    def refused() -> None:
        for call, body, field, missing in refusals:
            told = service.refused("POST", f"/relay/{call}", body, status=403, error="forbidden")
            assert (list(told["fields"]), missing in told["message"]) == ([field], True), told

    assert room.hear(refused) == {"alice": [], "bob": []}

    def allowed() -> None:
        for event in ("app:orders.x", "app:stock", "app:stocks"):
            service.answer("POST", "/relay/emit", {"event": event, "to": here}, status=202)
        service.answer("POST", "/relay/messages", draft, status=201)

    heard = room.hear(allowed)
    assert heard["bob"] == heard["alice"] == ["app:orders.x", "app:stock", "app:stocks", "message:new"]
    told = service.refused("GET", "/users/me", status=403, error="forbidden", headers={"X-Act-As": bob.id})
    assert "limited to its conversations" in told["message"]
    service.close()


@pytest.mark.parametrize("call", ["emit", "messages"])
def test_only_a_service_token_opens_the_relay(api: Api, alice: User, call: str) -> None:
    path = f"/relay/{call}"
    assert api.refused("POST", path, {}, status=401, error="token_required")["message"]
    for token in (alice.token, mint(alice.id), "parley", "\u00fc"):
        headers = {"Authorization": f"Bearer {token}".encode()}
        told = api.refused("POST", path, {}, status=401, error="token_invalid", headers=headers)
        assert list(told["fields"]) == ["Authorization"]
    for token in ("parley_st_", "parley_st_unknown", "parley_st_\u00fc"):
        headers = {"Authorization": f"Bearer {token}".encode()}
        told = api.refused("POST", path, {}, status=401, error="token_invalid", headers=headers)
        assert "fields" not in told


def test_a_service_token_opens_nothing_else(anything: Api, server: ServerProcess, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    assert anything.token
    told = anything.refused("GET", "/users/me", status=401, error="token_invalid")
    assert list(told["fields"]) == ["X-Act-As"]
    for method, path in (("GET", f"/conversations/{conversation['id']}"), ("POST", "/messages"), ("POST", "/upload")):
        anything.refused(method, path, status=401, error="token_invalid")
    anything.refused("POST", "/auth/logout", {}, status=401, error="token_invalid")
    for refused_token in (anything.token, f"Bearer {anything.token}"):
        with pytest.raises(Refused) as refused:
            Sock(server, refused_token)
        assert refused.value.data["error"] == "token_invalid"


def test_a_service_does_any_call_for_a_user(
    anything: Api, api: Api, server: ServerProcess, alice: User, bob: User, listeners: ListenersFactory
) -> None:
    room = listeners(alice=alice, bob=bob)
    as_alice = {"X-Act-As": alice.id}
    made: list[dict[str, Any]] = []
    body = {"type": "group", "participantIds": [bob.id], "title": "Order 7"}
    heard = room.hear(
        lambda: made.append(anything.answer("POST", "/conversations", body, status=201, headers=as_alice))
    )
    assert heard == {"alice": ["conversation:new"], "bob": ["conversation:new"]}
    assert {one["userId"]: one["role"] for one in made[0]["participants"]} == {alice.id: "owner", bob.id: "member"}
    assert anything.answer("GET", "/users/me", headers=as_alice) == alice.answer("GET", "/users/me")
    unknown = anything.refused("GET", "/users/me", status=404, error="not_found", headers={"X-Act-As": new_id()})
    assert list(unknown["fields"]) == ["X-Act-As"]
    some = Api(server, service_token(server, unique("some"), "--act-as", alice.username.upper()))
    assert some.answer("GET", "/users/me", headers=as_alice)["id"] == alice.id
    told = some.refused("GET", "/users/me", status=403, error="forbidden", headers={"X-Act-As": bob.id})
    assert f"act-as {bob.id}" in told["message"]
    some.close()
    alice.refused("GET", "/users/me", status=401, error="token_invalid", headers=as_alice)
    api.refused("GET", "/users/me", status=401, error="token_required", headers=as_alice)


def test_each_token_has_an_allowance_of_its_own(fresh_server: ServerFactory) -> None:
    server = fresh_server(RATE_LIMITS="on", RELAY_PER_MINUTE="3")
    one, other = (Api(server, service_token(server, name)) for name in ("one", "other"))
    body = {"event": "app:x", "to": {"all": True}}
    draft = {"conversationId": "none", "senderId": "nobody", "content": "Hello"}
    for service in (one, other):
        answers = [service.post(f"/relay/{call}", body) for call in ("emit", "emit", "emit", "emit")]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        service.refused("POST", "/relay/messages", draft, status=429, error="rate_limited")
        assert answers[3].json()["error"] == "rate_limited"
        assert int(answers[3].headers["Retry-After"]) == answers[3].json()["retryAfter"] > 0
        service.close()
