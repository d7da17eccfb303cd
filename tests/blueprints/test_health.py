"""Whether the server is alive and ready, and its figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api, User
from tests.support.postgres import Postgres


@pytest.mark.core
def test_a_server_that_works_says_so(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        response = api.root(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


def figure(api: Api | User, name: str) -> float:
    """What `/metrics` says of this."""
    text = api.root("/metrics").text
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


@pytest.mark.core
def test_a_message_is_counted_once_however_often_it_is_sent(alice: User, bob: User) -> None:
    before, conversation = figure(alice, "parley_messages_sent_total"), alice.direct(bob)
    alice.say(conversation, "one", temp_id="counted")
    body = {"conversationId": conversation["id"], "content": "one", "temp_id": "counted"}
    assert alice.post("/messages", body).status_code == 200
    assert figure(alice, "parley_messages_sent_total") == before + 1


@pytest.mark.core
def test_the_figures_are_for_prometheus(alice: User, bob: User, sock: SockFactory) -> None:
    users, connections = figure(alice, "parley_connected_users"), figure(alice, "parley_connections")
    for user in (alice, alice, bob):
        sock(user).settle()
    assert figure(alice, "parley_connected_users") == users + 2
    assert figure(alice, "parley_connections") == connections + 3
    assert alice.root("/metrics").headers["Content-Type"].startswith("text/plain; version=")


def test_without_its_database_the_server_is_alive_and_not_ready(fresh_server: ServerFactory, tmp_path: Path) -> None:
    cluster = Postgres()
    try:
        server = fresh_server(DATABASE_URL=cluster.database(), data_dir=tmp_path / "data")
        api = Api(server)
        user = api.register()
        assert api.root("/readyz").status_code == 200
        cluster.stop()
        answer = api.root("/readyz")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unavailable"
        assert answer.json()["reasons"]
        assert api.root("/healthz").status_code == 200
        refused = user.refused("GET", "/conversations", status=503, error="unavailable")
        assert refused["retryAfter"] > 0
        for secret in ("postgres", "psycopg", "SELECT"):
            assert secret not in answer.text + str(refused)
        api.close()
    finally:
        cluster.stop()
