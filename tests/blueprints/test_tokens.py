"""Whose a token is: ours, a host application's with our secret or with its own key, or nobody's."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Addressed, Api, User, unique
from tests.support.server import SECRET, ServerProcess
from tests.support.sockets import Refused

LATER = int(time.time()) + 3600


def mint(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of an hour with these claims."""
    return jwt.encode({"exp": LATER, **claims}, key, algorithm=algorithm, headers=headers)


def raw(header: dict[str, Any], payload: object, signature: bytes = b"") -> str:
    """A token that no library would make."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def signed_with(secret: bytes, payload: dict[str, Any]) -> str:
    """An HS256 token whose claims, or whose secret, the library would refuse to write."""
    signing_input = raw({"alg": "HS256", "typ": "JWT"}, payload).rpartition(".")[0]
    signature = get_default_algorithms()["HS256"].sign(signing_input.encode(), secret)
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def pem(key: Any) -> str:
    """The public half, as an operator gives it."""
    text: str = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return text


def me(server: Addressed, token: str) -> dict[str, Any]:
    """What the server says to this token: a user, or an error."""
    api = Api(server, token)
    body: dict[str, Any] = api.get("/users/me").json()
    api.close()
    return body


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    """A host application's private keys."""
    return {
        "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


@pytest.fixture
def lonely() -> Iterator[list[Api]]:
    """Clients to be closed."""
    mine: list[Api] = []
    yield mine
    for each in mine:
        each.close()


@pytest.mark.core
def test_without_a_token_nothing_is_answered(api: Api, sock: SockFactory) -> None:
    calls = [
        ("GET", "/users"),
        ("GET", "/users/me"),
        ("PATCH", "/users/me"),
        ("POST", "/users/me/password"),
        ("GET", "/users/x"),
        ("GET", "/conversations"),
        ("POST", "/conversations"),
        ("GET", "/conversations/x"),
        ("PATCH", "/conversations/x"),
        ("DELETE", "/conversations/x"),
        ("POST", "/conversations/x/participants"),
        ("PATCH", "/conversations/x/participants/y"),
        ("DELETE", "/conversations/x/participants/y"),
        ("GET", "/conversations/x/messages"),
        ("GET", "/messages?conversationId=x"),
        ("POST", "/messages"),
        ("GET", "/messages/x"),
        ("PUT", "/messages/x"),
        ("DELETE", "/messages/x"),
        ("POST", "/upload"),
        ("GET", "/files/x"),
        ("GET", "/files/x/thumbnail"),
    ]
    for method, path in calls:
        body = api.refused(method, path, status=401, error="token_required")
        assert body == {"error": "token_required", "message": "Authentication token required"}
    for header in ("", "Bearer", "Bearer  ", "Basic YTpi", "Token x"):
        api.refused("GET", "/users/me", headers={"Authorization": header}, status=401, error="token_required")
    assert api.get("/users/me").headers["WWW-Authenticate"] == "Bearer"
    with pytest.raises(Refused) as refused:
        sock()
    assert (refused.value.message, refused.value.data["error"]) == ("Authentication token required", "token_required")


@pytest.mark.core
def test_of_a_token_only_the_user_and_the_end_are_required(alice: User, sock: SockFactory) -> None:
    enough: list[dict[str, Any]] = [
        {},
        {"sub": alice.id},
        {"iat": time.time()},
        {"iat": "then"},
        {"aud": "elsewhere", "iss": "a host", "jti": 7, "sid": "the host's own session"},
        {"exp": 10**12},
    ]
    for claims in enough:
        assert me(alice.server, mint(**{"userId": alice.id, **claims}))["id"] == alice.id, claims
    socket = sock(auth={"token": mint(userId=alice.id)})
    socket.settle()


def test_a_token_that_is_not_good_is_refused(server: ServerProcess, alice: User, keys: dict[str, Any]) -> None:
    good: dict[str, Any] = {"userId": alice.id, "exp": LATER}
    head, body, signature = mint(**good).split(".")
    bad = {
        "garbage": "garbage",
        "three parts": "a.b.c",
        "another secret": mint("another secret, which is also long enough", **good),
        "no signature": f"{head}.{body}.",
        "another's signature": f"{head}.{body}.{signature[:-4]}AAAA",
        "another payload": ".".join((head, mint(**{**good, "userId": "x"}).split(".")[1], signature)),
        "alg none": raw({"alg": "none", "typ": "JWT"}, good),
        "alg None": raw({"alg": "None"}, good),
        "alg a list": raw({"alg": ["HS256"]}, good),
        "no alg": raw({"typ": "JWT"}, good),
        "HS512": mint(SECRET * 2, "HS512", **good),
        "RS256, and no key is set": mint(keys["RS256"], "RS256", **good),
        "a payload that is a list": raw({"alg": "HS256"}, [good]),
        "no end": jwt.encode({"userId": alice.id}, SECRET),
        "an end that is no number": signed_with(SECRET.encode(), {"userId": alice.id, "exp": "soon"}),
        "an end beyond all time": signed_with(SECRET.encode(), {"userId": alice.id, "exp": 10**400}),
        "an end that is infinite": signed_with(SECRET.encode(), {"userId": alice.id, "exp": float("inf")}),
        "a beginning beyond all time": mint(iat=10**400, **good),
        "not yet": mint(nbf=LATER, **good),
        "nobody": mint(userId=unique("nobody")),
        "no userId": mint(sub=alice.id),
        "a foreign sub": mint(sub="somebody else", **good),
        "an empty sub": mint(sub="", **good),
        "a list": mint(userId=[alice.id]),
        "true": mint(userId=True),
        "a fraction": mint(userId=1.5),
        "empty": mint(userId=""),
        "a NUL": mint(userId="a\0b"),
        "half a character": mint(userId="\ud800"),
        "too long": mint(userId="u" * 129),
        "a session that is not": mint(parleySession="x", **good),
        "a session that is none": mint(parleySession="\0", userId="\0", exp=LATER),
    }
    told = {name: me(server, token) for name, token in bad.items()}
    expected = {"error": "token_invalid", "message": "Authentication failed"}
    assert {name: body for name, body in told.items() if body != expected} == {}
    expired = me(server, mint(userId=alice.id, exp=LATER - 7200))
    assert expired == {"error": "token_expired", "message": "Authentication failed"}


def test_a_public_key_takes_the_hosts_tokens_and_only_those(
    fresh_server: ServerFactory, keys: dict[str, Any], tmp_path: Path
) -> None:
    key_set = tmp_path / "keys.json"
    rotated = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    known = {"RS256": rotated, "ES256": keys["ES256"], "EdDSA": keys["EdDSA"]}
    key_set.write_text(json.dumps({"keys": [_jwk(name, key, f"key-{name}") for name, key in known.items()]}))
    server = fresh_server(
        JWT_PUBLIC_KEY=pem(keys["RS256"]).replace("\n", "\\n"), JWT_JWKS_FILE=str(key_set), AUTO_PROVISION="1"
    )
    for algorithm, key in keys.items():
        user_id = f"host-{algorithm}"
        assert me(server, mint(key, algorithm, userId=user_id))["id"] == user_id
        with_kid = mint(key, algorithm, {"kid": f"key-{algorithm}"}, userId=user_id)
        assert me(server, with_kid)["id"] == user_id
    assert me(server, mint(rotated, "RS256", {"kid": "key-RS256"}, userId="rotated"))["id"] == "rotated"
    assert me(server, mint(userId="ours"))["id"] == "ours"
    strange_rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    strange_ec = ec.generate_private_key(ec.SECP256R1())
    public = pem(keys["RS256"])
    evil = {"userId": "evil", "exp": LATER}
    forged = [
        mint(strange_rsa, "RS256", userId="evil"),
        mint(strange_ec, "ES256", {"kid": "key-ES256"}, userId="evil"),
        mint(keys["ES256"], "ES256", {"kid": "key-9"}, userId="evil"),
        raw({"alg": "ES256", "kid": "key-RS256"}, {"userId": "evil", "exp": LATER}, b"x" * 64),
        raw({"alg": "RS256", "kid": 5}, {"userId": "evil", "exp": LATER}, b"x" * 256),
        *(signed_with(text.encode(), evil) for text in (public, public.replace("\n", "\\n"))),
    ]
    for token in forged:
        assert me(server, token)["error"] == "token_invalid"


def _jwk(algorithm: str, key: Any, kid: str) -> dict[str, Any]:
    known: Any = get_default_algorithms()[algorithm]
    return {**json.loads(known.to_jwk(key.public_key())), "kid": kid}


def test_users_of_a_host_are_provisioned_at_first_sight(
    fresh_server: ServerFactory, sock: SockFactory, lonely: list[Api]
) -> None:
    server = fresh_server(AUTO_PROVISION="1")
    first = Api(server, mint(userId=4711, sub="4711", name="Ada L.", picture="https://x.org/a.png", email="A@x.org"))
    lonely.append(first)
    ada = first.answer("GET", "/users/me")
    assert without_time(ada) == {
        "id": "4711",
        "username": "Ada_L",
        "displayName": "Ada L.",
        "avatar": "https://x.org/a.png",
        "email": "a@x.org",
    }
    assert me(server, mint(userId="4711", name="Another name"))["displayName"] == "Ada L."
    twin = me(server, mint(userId="4712", name="Ada L.", picture="javascript:alert(1)", email="a@x.org"))
    assert (twin["username"], twin["avatar"], twin["email"]) == ("Ada_L2", None, None)
    odd: list[dict[str, Any]] = [
        {},
        {"name": ""},
        {"name": 5},
        {"name": "\0 \ud800"},
        {"name": "ß" * 100},
        {"name": "ΐ" * 500},
    ]
    for number, claims in enumerate(odd):
        user_id = f"odd/{number}"
        user = me(server, mint(userId=user_id, email="none", picture=["x"], **claims))
        assert user["id"] == user_id
        assert user["username"]
        assert user["displayName"].strip()
    user_id = "u" * 128
    socket = sock_on(sock, server, mint(userId=user_id))
    socket.settle()
    assert first.answer("GET", f"/users/{user_id}")["id"] == user_id


def without_time(user: dict[str, Any]) -> dict[str, Any]:
    """A user less the moment of their creation."""
    return {name: value for name, value in user.items() if name != "createdAt"}


def sock_on(sock: SockFactory, server: ServerProcess, token: str) -> Any:
    """A socket with any token, to another server than the shared one."""
    user = User(server, {"token": token, "refreshToken": "", "expiresIn": 0, "user": {"id": "", "username": ""}}, "")
    user.close()
    return sock(user)
