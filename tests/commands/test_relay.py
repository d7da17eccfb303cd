"""`flask relay`, as an administrator types it, beside a running server."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import create_engine, text

from models import new_id
from settings import Settings
from tests.conftest import ServerFactory
from tests.support.api import Api, User, unique
from tests.support.flask import flask, flask_each, quickly, service_token
from tests.support.server import ServerProcess

TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_a_token_is_printed_alone_with_what_it_may_beside_it(server: ServerProcess, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    name = unique("orders")
    options = ["--conversation", conversation["id"], "--event", "app:orders.", "--act-as", bob.username]
    done = flask(server, "relay", "token", "--name", name, "--expires", "12h", *options)
    assert re.fullmatch(r"parley_st_[\w-]{43}\n", done.stdout), "alone, so that a script can take it"
    may = f"may emit app:orders.* to {conversation['id']}; may act as"
    assert f"{may} {bob.username}" in done.stderr
    listed = flask(server, "relay", "tokens").stdout
    assert done.stdout.strip() not in listed
    entry = listed[listed.index(name) :]
    assert re.match(
        rf"{name}  \([\w-]{{36}}\)  expires {TIME}\n  {may} {bob.id}\n  made {TIME}, last used never\n", entry
    )
    service = Api(server, done.stdout.strip())
    to = {"conversationId": conversation["id"]}
    service.answer("POST", "/relay/emit", {"event": "app:orders.x", "to": to}, status=202)
    entry = flask(server, "relay", "tokens").stdout.split(name, 1)[1]
    assert re.search(rf"last used {TIME}\n", entry.split("\n  made")[1][:80])
    service.close()


def test_without_options_a_token_may_emit_and_act_as_nobody(server: ServerProcess) -> None:
    done = quickly(server, "relay", "token", "--name", unique("plain"))
    assert "may emit app:* to every conversation and user; may act as nobody" in done.err
    done = quickly(server, "relay", "token", "--name", unique("all"), "--act-as-anyone", "--expires", "never")
    assert "may act as anyone" in done.err
    assert re.search(r"^all-\w+  \([\w-]+\)  never expires$", quickly(server, "relay", "tokens").out, re.MULTILINE)


@pytest.mark.core
@pytest.mark.parametrize("by_id", [False, True])
def test_a_revoked_token_is_out_at_once(server: ServerProcess, by_id: bool) -> None:
    name = unique("gone")
    service = Api(server, service_token(server, name))
    event = {"event": "app:x", "to": {"all": True}}
    service.answer("POST", "/relay/emit", event, status=202)
    found = re.search(rf"{name}  \((\S+)\)", quickly(server, "relay", "tokens").out)
    assert found
    named = found[1] if by_id else name
    assert quickly(server, "relay", "revoke", named).out == f"{named} is revoked.\n"
    service.refused("POST", "/relay/emit", event, status=401, error="token_invalid")
    assert re.search(rf"^{name}  \(\S+\)  revoked {TIME}$", quickly(server, "relay", "tokens").out, re.MULTILINE)
    again = quickly(server, "relay", "revoke", named, status=1)
    assert again.err == f"Error: A service token in use named {named} not found\n"
    service.close()


@pytest.mark.core
def test_an_expired_token_is_told_so(fresh_server: ServerFactory) -> None:
    server = fresh_server()
    service = Api(server, service_token(server, "brief", "--expires", "1m"))
    event = {"event": "app:x", "to": {"all": True}}
    service.answer("POST", "/relay/emit", event, status=202)
    engine = create_engine(Settings.load({**server.env}).database_uri)
    with engine.begin() as connection:
        connection.execute(text("UPDATE service_tokens SET expires_at = 1000"))
    engine.dispose()
    service.refused("POST", "/relay/emit", event, status=401, error="token_expired")
    service.refused("GET", "/users/me", status=401, error="token_expired", headers={"X-Act-As": "anybody"})
    assert "expired 1970-01-01T00:00:01.000Z" in quickly(server, "relay", "tokens").out
    service.close()


WRONG = [
    (["--name", ""], 2, "give a name"),
    (["--name", "x" * 101], 2, "give a name"),
    (["--name", "a\nb"], 2, "give a name"),
    ([], 2, "Missing option '--name'"),
    (["--name", "x", "--expires", "0d"], 2, "such as 90m, 12h or 30d, or never"),
    (["--name", "x", "--expires", "30"], 2, "such as 90m, 12h or 30d, or never"),
    (["--name", "x", "--event", "message:new"], 2, "'message:new' does not begin with app:"),
    (["--name", "x", "--conversation", "nowhere"], 1, "Error: Conversation nowhere not found"),
    (["--name", "x", "--act-as", "nobody-at-all"], 1, "Error: User nobody-at-all not found"),
]


def test_what_makes_no_token_says_why(server: ServerProcess) -> None:
    answers = flask_each(server.env, [["relay", "token", *options] for options, _, _ in WRONG])
    for (options, status, sentence), told in zip(WRONG, answers, strict=True):
        assert (told.status, told.out) == (status, ""), options
        assert sentence in told.err


def test_a_name_is_one_tokens_and_an_unknown_one_nobodys(server: ServerProcess) -> None:
    name = unique("taken")
    service_token(server, name)
    done = quickly(server, "relay", "token", "--name", name, status=1)
    assert done.err == f"Error: There is a service token named {name} already\n"
    unknown = new_id()
    assert unknown in quickly(server, "relay", "revoke", unknown, status=1).err
