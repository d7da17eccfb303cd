"""`flask user` and `flask database`, each as an administrator types it, beside a running server."""

from __future__ import annotations

import time

import jwt
import pytest

from tests.conftest import ServerFactory
from tests.support.api import Api, User, unique
from tests.support.flask import flask
from tests.support.server import SECRET, ServerProcess
from tests.support.sockets import Refused, Sock

TRUST_SECONDS = 5.0
"""How long a running server believes that a user is in good standing (services/tokens.py)."""


def answer_becomes(user: User, status: int) -> None:
    """Ask until the answer has this status; the server may believe what it knew for so long."""
    deadline = time.monotonic() + TRUST_SECONDS + 5
    while (found := user.get("/users/me").status_code) != status:
        assert time.monotonic() < deadline, found


def test_a_token_opens_everything_for_as_long_as_it_says(server: ServerProcess, alice: User) -> None:
    done = flask(server, "user", "token", alice.username.upper(), "--hours", "0.5")
    (token,) = done.stdout.splitlines()
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims["userId"] == claims["sub"] == alice.id
    assert claims["exp"] - claims["iat"] == 1800
    client = Api(server, token)
    assert client.answer("GET", "/users/me")["id"] == alice.id
    client.close()
    with Sock(server, token) as mine:
        assert mine.ok("echo", 1)["data"] == 1


@pytest.mark.parametrize("command", ["token", "disable", "enable"])
def test_an_unknown_user_is_told_in_a_sentence(server: ServerProcess, command: str) -> None:
    done = flask(server, "user", command, unique("nobody"), status=1)
    assert done.stdout == ""
    assert done.stderr == "Error: User not found\n"


def test_a_disabled_user_is_out_until_enabled(server: ServerProcess, api: Api, alice: User) -> None:
    open_already = Sock(server, alice.token)
    assert flask(server, "user", "disable", alice.username).stdout == f"{alice.username} is disabled.\n"
    answer_becomes(alice, 401)
    assert open_already.wait_closed() == "server disconnect"
    open_already.close()
    alice.refused("GET", "/users/me", status=401, error="account_disabled")
    credentials = {"username": alice.username, "password": alice.password}
    api.refused("POST", "/auth/login", credentials, status=401, error="account_disabled")
    body = {"refreshToken": alice.refresh_token}
    api.refused("POST", "/auth/refresh", body, status=401, error="account_disabled")
    with pytest.raises(Refused) as refused:
        Sock(server, alice.token)
    assert "account_disabled" in str(refused.value)
    assert flask(server, "user", "enable", alice.username).stdout == f"{alice.username} is enabled.\n"
    answer_becomes(alice, 200)
    assert api.login(alice.username).id == alice.id


def test_a_new_epoch_resets_clients(fresh_server: ServerFactory) -> None:
    own_server = fresh_server()
    api = Api(own_server)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    with Sock(own_server, alice.token) as sock:
        known = sock.ok("sync", {"conversations": {conversation["id"]: 0}})
        told = flask(own_server, "database", "new-epoch").stdout
        head = {"conversations": {conversation["id"]: known["conversations"][conversation["id"]]["rev"]}}
        after = sock.ok("sync", {**head, "epoch": known["epoch"]})
        assert after["epoch"] in told
        assert after["epoch"] != known["epoch"]
        assert after["conversations"][conversation["id"]]["outcome"] == "reset"
    api.close()
