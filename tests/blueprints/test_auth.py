"""Accounts and logins: register, log in, refresh, log out; and the passwords that somebody guesses."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from typing import Any

import jwt
import pytest

from tests.blueprints.conftest import bad_bodies
from tests.conftest import ServerFactory, SockFactory
from tests.support.api import PASSWORD, Api, User, unique
from tests.support.processes import PROJECT
from tests.support.server import SECRET, ServerProcess
from tests.support.sockets import Refused


def flask(server: ServerProcess, *arguments: str) -> str:
    """Run a command of an administrator beside the running server; what it printed."""
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    return subprocess.run(
        command, env={**os.environ, **server.env}, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.core
def test_registering_answers_a_session_that_works(api: Api) -> None:
    name = unique("Ünïcode.name_1")
    user = api.register(name, displayName="Somebody", email=f"{unique('Mail')}@Example.org")
    assert (user.username, user.profile["displayName"], user.profile["avatar"]) == (name, "Somebody", None)
    assert user.profile["email"].endswith("@example.org")
    assert user.expires_in == 24 * 3600
    claims = jwt.decode(user.token, SECRET, algorithms=["HS256"])
    assert claims["userId"] == claims["sub"] == user.id
    assert claims["exp"] - claims["iat"] == user.expires_in
    assert claims["jti"]
    assert user.answer("GET", "/users/me") == user.profile


def test_a_password_is_kept_as_what_takes_all_the_work_of_argon2(fresh_server: ServerFactory) -> None:
    """Of all servers under test this one hashes as in production."""
    server = fresh_server(DATABASE_URL="", PYTHONPATH="")
    api = Api(server)
    user = api.register("alice")
    assert api.login("alice").id == user.id
    with contextlib.closing(sqlite3.connect(server.data_dir / "parley.db")) as database:
        ((kept,),) = database.execute("SELECT password_hash FROM users").fetchall()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    api.close()


@pytest.mark.core
def test_a_name_and_an_address_belong_to_one_user_whatever_their_case(api: Api) -> None:
    name, mail = unique("Taken"), f"{unique('taken')}@example.org"
    api.register(name, email=mail)
    other = {"username": unique("other"), "password": PASSWORD}
    for body, field in (
        ({**other, "username": name.upper()}, "username"),
        ({**other, "email": mail.upper()}, "email"),
    ):
        assert list(api.refused("POST", "/auth/register", body, status=409, error="conflict")["fields"]) == [field]
    api.refused(
        "POST",
        "/auth/login",
        {"username": other["username"], "password": PASSWORD},
        status=401,
        error="invalid_credentials",
    )


def test_an_account_with_a_bad_field_is_not_made(api: Api) -> None:
    name = unique("bad")
    good = {"username": name, "password": PASSWORD}
    changes: list[tuple[dict[str, object], str]] = [
        ({"username": None}, "username"),
        ({"username": 5}, "username"),
        ({"username": ""}, "username"),
        ({"username": "a" * 65}, "username"),
        ({"username": "ΐ" * 64}, "username"),
        ({"username": "with space"}, "username"),
        ({"username": "a@b.org"}, "username"),
        ({"username": "-dash"}, "username"),
        ({"username": "nul\0"}, "username"),
        ({"username": "half\ud800"}, "username"),
        ({"username": ["list"]}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "p" * 257}, "password"),
        ({"password": 12345678}, "password"),
        ({"password": "nul\0nul\0nul"}, "password"),
        ({"displayName": ""}, "displayName"),
        ({"displayName": "  "}, "displayName"),
        ({"displayName": "d" * 101}, "displayName"),
        ({"displayName": "ß" * 100}, "displayName"),
        ({"displayName": {}}, "displayName"),
        ({"email": "no address"}, "email"),
        ({"email": "a" * 250 + "@b.org"}, "email"),
        ({"email": "İ" * 125 + "@" + "İ" * 120 + ".org"}, "email"),
        ({"email": 3}, "email"),
    ]
    cases: list[tuple[Any, str]] = [({**good, **change}, field) for change, field in changes]
    bad_bodies(
        lambda body: api.post("/auth/register", body),
        [*cases, ({"password": PASSWORD}, "username"), ({"username": name}, "password")],
    )
    api.register(name)


@pytest.mark.core
def test_one_logs_in_by_name_or_by_address(api: Api) -> None:
    name, mail = unique("Login"), f"{unique('login')}@example.org"
    user = api.register(name, email=mail)
    for known_as in (name, name.upper(), mail, mail.upper(), f" {name} "):
        assert api.login(known_as).id == user.id
    wrong = {"username": name, "password": "wrong password"}
    unknown = {"username": unique("nobody"), "password": PASSWORD}
    refusals = [
        api.refused("POST", "/auth/login", body, status=401, error="invalid_credentials") for body in (wrong, unknown)
    ]
    assert refusals[0] == refusals[1]
    odd: list[Any] = [1, None, [], "\0", "\ud800", "u" * 255]
    cases: list[tuple[Any, str]] = [({"username": name}, "password"), ({"password": PASSWORD}, "username")]
    cases += [({**wrong, "username": bad}, "username") for bad in odd]
    bad_bodies(lambda body: api.post("/auth/login", body), cases)


@pytest.mark.core
def test_a_refresh_token_is_spent_once_and_its_reuse_ends_the_family(alice: User, api: Api, sock: SockFactory) -> None:
    elsewhere = api.login(alice.username)
    mine, other = sock(alice), sock(elsewhere)
    body = {"refreshToken": alice.refresh_token}
    fresh = api.answer("POST", "/auth/refresh", body)
    assert fresh["user"] == alice.profile
    assert fresh["refreshToken"] != alice.refresh_token
    newer = Api(alice.server, fresh["token"])
    assert newer.answer("GET", "/users/me") == alice.answer("GET", "/users/me")
    api.refused("POST", "/auth/refresh", body, status=401, error="token_invalid")
    mine.wait_closed()
    for session in (newer, alice):
        session.refused("GET", "/users/me", status=401, error="token_invalid")
    api.refused("POST", "/auth/refresh", {"refreshToken": fresh["refreshToken"]}, status=401, error="token_invalid")
    elsewhere.answer("GET", "/users/me")
    other.settle()
    newer.close()


def test_a_refresh_token_that_is_none_is_refused(api: Api, alice: User) -> None:
    for text in ("garbage", alice.token[:512]):
        api.refused("POST", "/auth/refresh", {"refreshToken": text}, status=401, error="token_invalid")
    bad: list[object] = ["", "x" * 513, 5, None, ["x"], "\ud800", "\0"]
    bad_bodies(
        lambda body: api.post("/auth/refresh", body), [({"refreshToken": value}, "refreshToken") for value in bad]
    )


def test_tokens_end_at_the_time_that_the_operator_sets(fresh_server: ServerFactory) -> None:
    server = fresh_server(TOKEN_HOURS="0.0003", REFRESH_DAYS="0.00011")
    with_limits = Api(server)
    user = with_limits.register()
    assert user.expires_in == 1
    until = time.monotonic() + 30
    while user.get("/users/me").status_code == 200 and time.monotonic() < until:
        pass
    body = user.refused("GET", "/users/me", status=401, error="token_expired")
    assert body["message"] == "Authentication failed"
    fresh = with_limits.answer("POST", "/auth/refresh", {"refreshToken": user.refresh_token})
    assert fresh["expiresIn"] == 1
    with_limits.close()


@pytest.mark.core
@pytest.mark.parametrize("by", ["bearer", "refreshToken", "both"])
def test_logging_out_ends_that_session_and_its_sockets_only(alice: User, api: Api, sock: SockFactory, by: str) -> None:
    elsewhere = api.login(alice.username)
    mine, other = sock(alice), sock(elsewhere)
    body = {} if by == "bearer" else {"refreshToken": alice.refresh_token}
    caller = api if by == "refreshToken" else alice
    caller.answer("POST", "/auth/logout", body, status=204)
    mine.wait_closed()
    alice.refused("GET", "/users/me", status=401, error="token_invalid")
    api.refused("POST", "/auth/refresh", {"refreshToken": alice.refresh_token}, status=401, error="token_invalid")
    with pytest.raises(Refused) as refused:
        sock(alice)
    assert (refused.value.message, refused.value.data["error"]) == ("Authentication failed", "token_invalid")
    elsewhere.answer("GET", "/users/me")
    other.settle()


@pytest.mark.core
def test_logging_out_everywhere_ends_every_session_of_that_user(
    alice: User, bob: User, api: Api, sock: SockFactory
) -> None:
    elsewhere = api.login(alice.username)
    sockets = [sock(alice), sock(elsewhere), sock(elsewhere)]
    his = sock(bob)
    alice.answer("POST", "/auth/logout", {"everywhere": True}, status=204)
    for socket in sockets:
        socket.wait_closed()
    for session in (alice, elsewhere):
        session.refused("GET", "/users/me", status=401, error="token_invalid")
        api.refused("POST", "/auth/refresh", {"refreshToken": session.refresh_token}, status=401, error="token_invalid")
    his.settle()
    api.login(alice.username).answer("GET", "/users/me")


def test_logging_out_needs_a_token_that_says_whose(alice: User, bob: User, api: Api, sock: SockFactory) -> None:
    his = sock(bob)
    api.refused("POST", "/auth/logout", status=401, error="token_required")
    api.refused("POST", "/auth/logout", {"refreshToken": "garbage"}, status=401, error="token_invalid")
    bad_bodies(
        lambda body: alice.post("/auth/logout", body),
        [
            ({"everywhere": "yes"}, "everywhere"),
            ({"everywhere": 1}, "everywhere"),
            ({"refreshToken": 1}, "refreshToken"),
        ],
    )
    alice.answer("POST", "/auth/logout", {"refreshToken": bob.refresh_token, "everywhere": True}, status=204)
    his.settle()
    bob.answer("GET", "/users/me")


@pytest.mark.core
def test_a_new_password_ends_all_other_sessions(alice: User, api: Api, sock: SockFactory) -> None:
    elsewhere = api.login(alice.username)
    mine, other = sock(alice), sock(elsewhere)
    minted = Api(alice.server, jwt.encode({"userId": alice.id, "iat": time.time() - 5, "exp": 4e9}, SECRET))
    minted.answer("GET", "/users/me")
    body = {"currentPassword": PASSWORD, "newPassword": "another long password"}
    alice.answer("POST", "/users/me/password", body, status=204)
    other.wait_closed()
    for session in (elsewhere, minted):
        session.refused("GET", "/users/me", status=401, error="token_invalid")
    api.refused("POST", "/auth/refresh", {"refreshToken": elsewhere.refresh_token}, status=401, error="token_invalid")
    mine.settle()
    alice.answer("GET", "/users/me")
    api.answer("POST", "/auth/refresh", {"refreshToken": alice.refresh_token})
    old = {"username": alice.username, "password": PASSWORD}
    api.refused("POST", "/auth/login", old, status=401, error="invalid_credentials")
    api.login(alice.username, "another long password")
    minted.close()


def test_a_password_changes_only_for_who_knows_it(alice: User, api: Api) -> None:
    body = {"currentPassword": "wrong password", "newPassword": "another long password"}
    refused = alice.refused("POST", "/users/me/password", body, status=401, error="invalid_credentials")
    assert list(refused["fields"]) == ["currentPassword"]
    good = {"currentPassword": PASSWORD, "newPassword": "another long password"}
    cases: list[tuple[Any, str]] = [({**good, "newPassword": bad}, "newPassword") for bad in ("short", 5, "n\0" * 9)]
    cases += [({**good, "currentPassword": bad}, "currentPassword") for bad in ("", 5, None)]
    cases += [({**good, "newPassword": PASSWORD}, "newPassword")]
    bad_bodies(lambda body: alice.post("/users/me/password", body), cases)
    api.login(alice.username)


@pytest.mark.core
def test_a_disabled_account_is_out_until_it_is_enabled(
    alice: User, server: ServerProcess, api: Api, sock: SockFactory
) -> None:
    open_one = sock(alice)
    alice.answer("GET", "/users/me")
    assert "disabled" in flask(server, "user", "disable", alice.username)
    login = {"username": alice.username, "password": PASSWORD}
    refresh = {"refreshToken": alice.refresh_token}
    api.refused("POST", "/auth/login", login, status=401, error="account_disabled")
    api.refused("POST", "/auth/refresh", refresh, status=401, error="account_disabled")
    wrong = {**login, "password": "wrong password"}
    api.refused("POST", "/auth/login", wrong, status=401, error="invalid_credentials")
    open_one.wait_closed()
    until = time.monotonic() + 10
    while alice.get("/users/me").status_code == 200 and time.monotonic() < until:
        pass
    alice.refused("GET", "/users/me", status=401, error="account_disabled")
    assert "enabled" in flask(server, "user", "enable", alice.username)
    api.login(alice.username)
    alice.answer("GET", "/users/me")


def test_guessing_passwords_is_limited(fresh_server: ServerFactory) -> None:
    api = Api(fresh_server(RATE_LIMITS="on"))
    alice, bob = api.register(), api.register()
    right = {"username": alice.username, "password": PASSWORD}
    for _ in range(11):
        api.login(alice.username)
    wrong = {**right, "password": "wrong password"}
    for _ in range(10):
        api.refused("POST", "/auth/login", wrong, status=401, error="invalid_credentials")
    for body in (wrong, right, {**right, "username": alice.username.upper()}):
        refused = api.refused("POST", "/auth/login", body, status=429, error="rate_limited")
        assert 0 < refused["retryAfter"] <= 60
    assert int(api.post("/auth/login", right).headers["Retry-After"]) > 0
    api.login(bob.username)
    bad_bodies(lambda body: api.post("/auth/login", body), [({"username": []}, "username"), ([], "body")])
    change = {"currentPassword": "wrong password", "newPassword": "another long password"}
    api.refused("POST", "/users/me/password", change, status=401, error="token_required")
    for _ in range(10):
        bob.refused("POST", "/users/me/password", change, status=401, error="invalid_credentials")
    bob.refused("POST", "/users/me/password", change, status=429, error="rate_limited")
    api.close()
