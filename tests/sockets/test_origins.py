"""Whose pages may open a socket: the server's own, those of CLIENT_URL, and whoever is no page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from tests.support.server import ServerProcess

ALLOWED = ("http://localhost:5173", "https://chat.example.com")


@pytest.fixture(scope="module")
def choosy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that lets two other sites in."""
    folder: Path = tmp_path_factory.mktemp("choosy")
    server = ServerProcess(folder, {"CLIENT_URL": ", ".join(ALLOWED)}).start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log_text()


def by_polling(server: ServerProcess, headers: dict[str, str]) -> requests.Response:
    """The first poll of a page."""
    return requests.get(f"{server.url}/socket.io/?EIO=4&transport=polling", headers=headers, timeout=10)


def by_websocket(server: ServerProcess, headers: dict[str, str]) -> int:
    """The status of a page's handshake."""
    url = server.url.replace("http:", "ws:") + "/socket.io/?EIO=4&transport=websocket"
    lines = [f"{name}: {value}" for name, value in headers.items()]
    try:
        opened = websocket.create_connection(url, header=lines, suppress_origin=True, timeout=10)
    except websocket.WebSocketBadStatusException as error:
        return int(error.status_code)
    opened.close()
    return 101


@pytest.mark.parametrize("origin", [None, *ALLOWED, "OWN", "OWN-TLS"])
def test_these_are_let_in(choosy: ServerProcess, origin: str | None) -> None:
    own = {"OWN": choosy.url, "OWN-TLS": choosy.url.replace("http:", "https:")}
    headers = {"Origin": own.get(origin, origin)} if origin else {}
    answer = by_polling(choosy, headers)
    assert answer.status_code == 200
    assert answer.text.startswith('0{"sid":')
    if origin:
        assert answer.headers["Access-Control-Allow-Origin"] == headers["Origin"]
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert by_websocket(choosy, headers) == 101


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "https://chat.example.com.evil.example",
        "http://chat.example.com",
        "https://chat.example.com:8443",
        "http://localhost:51730",
        "file://",
        "ftp://127.0.0.1",
        "http://[",
        "http://user@127.0.0.1:x",
        "nonsense",
        "*",
    ],
)
def test_others_are_refused_on_both_transports(choosy: ServerProcess, origin: str) -> None:
    answer = by_polling(choosy, {"Origin": origin})
    assert answer.status_code == 400
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert by_websocket(choosy, {"Origin": origin}) == 400


def test_a_forwarded_host_is_no_way_in(choosy: ServerProcess) -> None:
    headers = {"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    assert by_polling(choosy, headers).status_code == 400
    assert by_websocket(choosy, headers) == 400


def test_a_page_asks_first(choosy: ServerProcess) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    url = f"{choosy.url}/socket.io/?EIO=4&transport=polling"
    allowed = requests.options(url, headers={"Origin": ALLOWED[1], **asked}, timeout=10)
    assert allowed.headers["Access-Control-Allow-Origin"] == ALLOWED[1]
    refused = requests.options(url, headers={"Origin": "http://evil.example", **asked}, timeout=10)
    assert "Access-Control-Allow-Origin" not in refused.headers
