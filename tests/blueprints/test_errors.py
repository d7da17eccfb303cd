"""What every call does with a request that it cannot read: an error of the catalogue, and the server goes on."""

from __future__ import annotations

import json

import pytest

from tests.blueprints.uploading import post_in_chunks
from tests.support.api import PASSWORD, Api, User, unique
from tests.support.server import ServerProcess

pytestmark = pytest.mark.core


def test_a_body_that_is_no_object_is_refused(alice: User, api: Api) -> None:
    bodies = {
        "cut off": b'{"displayName": "x"',
        "no JSON": b"displayName=x",
        "single quotes": b"{'displayName': 'x'}",
        "two": b"{} {}",
        "not UTF-8": b'{"displayName": "\xff\xfe"}',
        "NaN": b'{"displayName": NaN}',
        "deep": b"[" * 100_000,
        "deep in a field": b'{"displayName": ' + b"[" * 200_000,
        "deep and whole": b'{"displayName": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "a huge number": b'{"displayName": ' + b"9" * 100_000 + b"}",
        "a list": b'[{"displayName": "x"}]',
        "an empty list": b"[]",
        "null": b"null",
        "false": b"false",
        "0": b"0",
        "an empty text": b'""',
        "an object in a text": b'"{\\"displayName\\": \\"x\\"}"',
    }
    for name, data in bodies.items():
        for content_type in ("application/json", "text/plain", ""):
            body = alice.refused(
                "PATCH",
                "/users/me",
                data=data,
                headers={"Content-Type": content_type},
                status=422,
                error="validation_failed",
            )
            assert list(body["fields"]) in (["body"], ["displayName"]), name
    for path in ("/auth/login", "/auth/register", "/auth/refresh", "/auth/logout"):
        for data in (b"[[[[", b"[]", b"null", b"\x00", b'"x"'):
            assert "fields" in api.refused("POST", path, data=data, status=422, error="validation_failed")
    assert alice.answer("GET", "/users/me") == alice.profile


def test_valid_json_is_taken_under_any_content_type(alice: User) -> None:
    types = (
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=x",
    )
    for number, content_type in enumerate(types):
        body = json.dumps({"displayName": f"Alice {number}"}).encode()
        answer = alice.answer("PATCH", "/users/me", data=body, headers={"Content-Type": content_type})
        assert answer["displayName"] == f"Alice {number}", content_type
    utf_8_sig = b"\xef\xbb\xbf" + b'{"displayName": "with a mark"}'
    assert alice.answer("PATCH", "/users/me", data=utf_8_sig)["displayName"] == "with a mark"


def test_a_body_may_come_in_chunks(alice: User, server: ServerProcess) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    pieces = [b'{"displayName": ', b'"in ', b'pieces"}']
    status, answer = post_in_chunks(server, "/users/me", pieces, headers, "PATCH")
    assert (status, answer["displayName"]) == (200, "in pieces")
    status, answer = post_in_chunks(server, "/users/me", [b"x" * 100_000] * 20, headers, "PATCH")
    assert (status, answer["error"]) == (413, "too_large")


def test_a_body_over_the_limit_is_refused(alice: User, api: Api) -> None:
    room = b" " * (1_000_000 - 2)
    assert alice.answer("PATCH", "/users/me", data=b"{" + room + b"}") == alice.profile
    alice.refused("PATCH", "/users/me", data=b"{" + room + b" }", status=413, error="too_large")
    api.refused("POST", "/auth/login", data=b"x" * 3_000_000, status=413, error="too_large")
    alice.answer("GET", "/users/me")


def test_calls_that_do_not_exist(alice: User, api: Api) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/auth/login"),
        ("DELETE", "/users/me"),
        ("PUT", "/conversations"),
        ("PATCH", "/messages/x"),
        ("POST", "/messages/x/y/z"),
        ("BREW", "/users/me"),
        ("GET", "/users/me/"),
        ("GET", "/../settings.py"),
    ):
        for caller in (alice, api):
            caller.refused(method, path, status=404, error="not_found")
    assert api.root("/nothing").json()["error"] == "not_found"


def test_every_answer_has_an_id_and_forbids_guessing_types(alice: User) -> None:
    answers = [alice.get("/users/me"), alice.get("/users/nobody"), alice.get("/nothing"), alice.patch("/users/me", 5)]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers)
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}


def test_a_field_too_many_is_neither_refused_nor_stored(api: Api) -> None:
    body = {"username": unique("extra"), "password": PASSWORD, "id": "mine", "disabled": True, "rev": 5, "__class__": 1}
    answer = api.answer("POST", "/auth/register", {**body, "constructor": {"prototype": []}}, status=201)
    assert answer["user"]["id"] != "mine"
    me = Api(api.server, answer["token"])
    me.answer("GET", "/users/me", params={"limit": "x", "unknown": "\0"})
    me.close()
