"""Who is let in, in which words the others are refused, and when a socket is closed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api, User, unique
from tests.support.server import SECRET, ServerProcess
from tests.support.sockets import Refused
from tests.support.wire import RawSocket, forget, hear_nothing, mint

NO_TOKEN = "Authentication token required"
NOT_LET_IN = "Authentication failed"


@pytest.fixture(scope="module")
def anna(_shared_server: ServerProcess) -> Iterator[User]:
    """One user for all of this module's tables; none of them changes anything."""
    api = Api(_shared_server)
    yield api.register(unique("anna"))
    api.close()


@pytest.mark.core
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_good_token_is_let_in(anna: User, sock: SockFactory, transport: str) -> None:
    hers = sock(anna, transports=(transport,))
    assert hers.transport == transport
    assert hers.ok("echo", {"hello": 1})["data"] == {"hello": 1}
    assert hers.wait_for("echo-response") == {"hello": 1}


@pytest.mark.core
@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize(
    "auth", [{}, {"token": ""}, {"token": None}, {"token": 7}, {"token": ["x"]}, [], "text", {"autoJoin": True}]
)
def test_without_a_token_nobody_is_let_in(server: ServerProcess, sock: SockFactory, auth: Any, transport: str) -> None:
    with pytest.raises(Refused) as refused:
        sock(auth=auth, transports=(transport,))
    assert refused.value.message == NO_TOKEN
    assert refused.value.data["error"] == "token_required"
    assert server.running


@pytest.mark.parametrize(
    ("claims", "secret", "error"),
    [
        ({"exp": 1}, SECRET, "token_expired"),
        ({}, "another secret of 32 bytes or more, it seems", "token_invalid"),
        ({"userId": "nobody-at-all"}, SECRET, "token_invalid"),
        ({"userId": None}, SECRET, "token_invalid"),
        ({"userId": True}, SECRET, "token_invalid"),
        ({"userId": {"id": 1}}, SECRET, "token_invalid"),
        ({"userId": "x" * 200}, SECRET, "token_invalid"),
        ({"sub": "somebody else"}, SECRET, "token_invalid"),
        ({"exp": None}, SECRET, "token_invalid"),
        ({"exp": "soon"}, SECRET, "token_invalid"),
        ({"exp": 1e400}, SECRET, "token_invalid"),
        ({"nbf": 2**33}, SECRET, "token_invalid"),
    ],
)
def test_a_bad_token_is_refused_with_its_code(
    anna: User, sock: SockFactory, claims: dict[str, object], secret: str, error: str
) -> None:
    body = {"userId": anna.id, "exp": int(time.time()) + 600, **claims}
    with pytest.raises(Refused) as refused:
        sock(anna, auth={"token": jwt.encode(body, secret, algorithm="HS256")})
    assert (refused.value.message, refused.value.data["error"]) == (NOT_LET_IN, error)


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "\u0000", "é.é.é", "x" * 20_000])
def test_what_is_no_token_is_refused(anna: User, sock: SockFactory, token: str) -> None:
    with pytest.raises(Refused) as refused:
        sock(anna, auth={"token": token})
    assert (refused.value.message, refused.value.data["error"]) == (NOT_LET_IN, "token_invalid")


def test_an_unsigned_token_is_refused(anna: User, sock: SockFactory) -> None:
    signed = mint(anna.id)
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    token = f"{head}.{signed.split('.')[1]}."
    with pytest.raises(Refused) as refused:
        sock(anna, auth={"token": token})
    assert refused.value.data["error"] == "token_invalid"


def test_a_host_applications_token_needs_a_user_and_an_end_only(anna: User, sock: SockFactory) -> None:
    hers = sock(anna, auth={"token": mint(anna.id)})
    assert hers.ok("presence", {"userIds": [anna.id]})["users"] is not None
    sock(anna, auth={"token": mint(anna.id, sub=anna.id, aud="somebody", iat="never", jti=7)})


def test_a_connection_connects_once(server: ServerProcess, anna: User) -> None:
    with RawSocket(server, anna.token) as raw:
        assert raw.connected.startswith('40{"sid":')
        raw.send("40" + json.dumps({"token": anna.token}))
        (answer,) = raw.answers()
        assert answer.startswith("44")


def test_a_refused_client_may_try_again_on_the_same_connection(server: ServerProcess, anna: User) -> None:
    with RawSocket(server, "bad") as raw:
        refusal = json.loads(raw.connected[2:])
        assert refusal == {"message": NOT_LET_IN, "data": {"error": "token_invalid", "message": NOT_LET_IN}}
        raw.send('42["echo",1]')
        raw.send("40" + json.dumps({"token": anna.token}))
        assert raw.until("40")[-1].startswith('40{"sid":')


def test_there_is_one_namespace(server: ServerProcess, anna: User) -> None:
    with RawSocket(server, anna.token) as raw:
        raw.send("40/admin," + json.dumps({"token": anna.token}))
        raw.send('42/admin,["echo",1]')
        (answer,) = raw.answers()
        assert answer.startswith("44/admin,")


def test_a_client_that_says_goodbye_and_goes_on_is_not_heard(
    server: ServerProcess, alice: User, bob: User, sock: SockFactory
) -> None:
    conversation, his = alice.direct(bob), sock(bob, auto_join=True)
    with RawSocket(server, alice.token) as raw:
        raw.send("41")
        raw.send("42" + json.dumps(["send-message", {"conversationId": conversation["id"], "content": "still here?"}]))
        raw.send("40" + json.dumps({"token": alice.token}))
        raw.until('40{"sid":')
        assert raw.answers() == []
    hear_nothing(his)


@pytest.mark.core
def test_logging_out_closes_the_sockets_of_that_login_only(api: Api, alice: User, sock: SockFactory) -> None:
    again = api.login(alice.username)
    first, polling, other = sock(alice), sock(alice, transports=("polling",)), sock(again)
    alice.answer("POST", "/auth/logout", {}, status=204)
    first.wait_closed()
    polling.wait_closed()
    other.settle()
    with pytest.raises(Refused) as refused:
        sock(alice)
    assert refused.value.data["error"] == "token_invalid"
    again.answer("POST", "/auth/logout", {"everywhere": True}, status=204)
    other.wait_closed()


def test_a_spent_refresh_token_closes_nothing_but_a_logout_with_it_does(alice: User, sock: SockFactory) -> None:
    hers = sock(alice)
    renewed = alice.answer("POST", "/auth/refresh", {"refreshToken": alice.refresh_token})
    newer = sock(alice, auth={"token": renewed["token"]})
    forget(hers, newer)
    alice.answer("POST", "/auth/logout", {"refreshToken": renewed["refreshToken"]}, status=204)
    hers.wait_closed()
    newer.wait_closed()


def test_a_new_password_closes_the_other_logins_sockets(api: Api, alice: User, sock: SockFactory) -> None:
    again = api.login(alice.username)
    mine, other = sock(alice), sock(again)
    passwords = {"currentPassword": alice.password, "newPassword": "another long password"}
    alice.answer("POST", "/users/me/password", passwords, status=204)
    other.wait_closed()
    mine.settle()


def test_a_refusal_that_is_our_own_fault_says_so(fresh_server: ServerFactory, sock: SockFactory) -> None:
    """With the database gone a client is told `unavailable` or `internal`; it is not left without an answer."""
    server = fresh_server()
    api = Api(server)
    user = api.register()
    api.close()
    if "DATABASE_URL" in server.env:
        pytest.skip("the embedded database only: its file can be spoiled")
    for path in server.data_dir.glob("parley.db*"):
        path.write_bytes(b"no database")
    with pytest.raises(Refused) as refused:
        sock(user, auth={"token": mint(user.id)})
    assert refused.value.data["error"] in {"unavailable", "internal"}
    assert refused.value.message
