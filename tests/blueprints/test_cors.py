"""Which pages may call: the server's own, those of CLIENT_URL, and what is no page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api
from tests.support.server import ServerProcess
from tests.support.sockets import Refused

CLIENTS = "https://chat.example.com, http://localhost:5173/"
CORS = "Access-Control-"


def cors_of(response: requests.Response) -> dict[str, str]:
    """The answer's CORS headers, less their common beginning."""
    return {name[len(CORS) :]: value for name, value in response.headers.items() if name.startswith(CORS)}


@pytest.fixture
def listed(fresh_server: ServerFactory) -> Iterator[Api]:
    """A client of a server with two foreign pages and `null` on its list."""
    client = Api(fresh_server(CLIENT_URL=f"{CLIENTS}, null"))
    yield client
    client.close()


def test_pages_on_the_list_may_call(listed: Api, sock: SockFactory) -> None:
    user = listed.register()
    own = user.server.url
    for origin in ("https://chat.example.com", "http://localhost:5173", "null", own, own.replace("http", "https")):
        for response in (
            user.get("/users/me", headers={"Origin": origin}),
            listed.get("/users/me", headers={"Origin": origin}),
            listed.get("/nothing", headers={"Origin": origin}),
            user.patch("/users/me", {"displayName": 5}, headers={"Origin": origin}),
        ):
            headers = cors_of(response)
            assert (headers["Allow-Origin"], headers["Allow-Credentials"]) == (origin, "true")
            assert "Origin" in response.headers["Vary"]
        sock(user, transports=("polling",), headers={"Origin": origin}).settle()


def test_a_preflight_names_what_may_be_sent(listed: Api) -> None:
    origin = "https://chat.example.com"
    for path in ("/users/me", "/conversations/x", "/upload", "/messages/x", "/files/x", "/auth/login"):
        asked = {"Origin": origin, f"{CORS}Request-Method": "PUT", f"{CORS}Request-Headers": "authorization"}
        response = listed.request("OPTIONS", path, headers=asked)
        headers = cors_of(response)
        assert (response.status_code, response.content) == (204, b"")
        assert (headers["Allow-Origin"], headers["Allow-Credentials"]) == (origin, "true")
        assert set(headers["Allow-Methods"].split(", ")) >= {"GET", "POST", "PUT", "PATCH", "DELETE"}
        named = {name.lower() for name in headers["Allow-Headers"].split(", ")}
        assert named >= {"authorization", "content-type", "x-upload-id"}


def test_other_pages_get_no_headers(listed: Api, sock: SockFactory) -> None:
    user = listed.register()
    port = user.server.url.rsplit(":", 1)[1]
    for origin in (
        "https://evil.example.com",
        "http://chat.example.com",
        "https://chat.example.com:8443",
        "https://chat.example.com.evil.com",
        "https://xchat.example.com",
        "http://127.0.0.1",
        f"http://127.0.0.1.evil.com:{port}",
        f"ftp://127.0.0.1:{port}",
        "https://chat.example.com@evil.com",
        "file://",
        "http://[",
        "http://[::1",
        "http://x:99999999",
        "*",
        "garbage",
        "",
    ):
        for response in (
            user.get("/users/me", headers={"Origin": origin}),
            user.request("OPTIONS", "/users/me", headers={"Origin": origin, f"{CORS}Request-Method": "GET"}),
        ):
            assert response.status_code < 400, origin
            assert cors_of(response) == {}, origin
    for origin in ("https://evil.example.com", "http://["):
        with pytest.raises(Refused):
            sock(user, transports=("polling",), headers={"Origin": origin})


@pytest.mark.core
def test_by_default_the_guides_page_is_listed_and_null_is_not(api: Api, server: ServerProcess) -> None:
    assert cors_of(api.root("/healthz", headers={"Origin": "http://localhost:5173"}))["Allow-Credentials"] == "true"
    for origin in ("null", "https://chat.example.com"):
        assert cors_of(api.get("/users/me", headers={"Origin": origin})) == {}
    assert cors_of(api.get("/users/me")) == {}
    assert cors_of(api.get("/users/me", headers={"Origin": server.url}))["Allow-Origin"] == server.url
