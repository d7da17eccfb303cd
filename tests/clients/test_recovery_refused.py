"""Connection state recovery (promise 7): who begins anew, and is told so."""

from __future__ import annotations

import pytest

from tests.clients.page import Page
from tests.clients.proxy import Proxy
from tests.conftest import ServerFactory
from tests.support.api import Api, User
from tests.support.flask import flask
from tests.support.server import ServerProcess

pytestmark = pytest.mark.engine

MANY = {"autoJoin": True}


def test_recovery_can_be_declined(server: ServerProcess, proxy: Proxy, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    declined = {"recovery": False, **MANY}
    with Page(proxy.url, bob.token, declined) as page, Page(server.url, bob.token, MANY) as other:
        assert page.connected()["pid"] is None
        assert other.connected()["pid"]
        alice.say(conversation, "hello")
        page.wait("message:new")
        other.wait("message:new")
        assert [len(args) for args in page.arguments("message:new")] == [1]
        assert [len(args) for args in other.arguments("message:new")] == [2]
        proxy.cut()
        again = page.connected(2)
        assert (again.get("recovered"), again["pid"]) == (None, None)


def test_who_comes_too_late_begins_anew(fresh_server: ServerFactory) -> None:
    server = fresh_server(RECOVERY_SECONDS="0.2")
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    with Proxy(server.url) as proxy, Page(proxy.url, ben.token, MANY) as page:
        first = page.connected()
        anna.say(conversation, "hello")
        page.wait("message:new")
        proxy.refuse()
        server.wait_for_log(r'"disconnected"')
        anna.say(conversation, "missed")
        proxy.refuse(False)
        second = page.connected(2)
        assert second["recovered"] is False
        assert second["pid"] not in (None, first["pid"])
        assert second["id"] != first["id"]
        proxy.cut()
        assert page.connected(3)["recovered"] is True
        page.settle()
        assert page.contents() == ["hello"]
    api.close()


def test_who_missed_more_than_is_kept_begins_anew(fresh_server: ServerFactory) -> None:
    """And whoever missed none of what had to be forgotten does not."""
    server = fresh_server(RECOVERY_BYTES="60000")
    api = Api(server)
    anna, ben, carl = api.register(), api.register(), api.register()
    busy, quiet = anna.direct(ben), anna.direct(carl)
    with (
        Proxy(server.url) as proxy,
        Page(proxy.url, ben.token, MANY) as bens,
        Page(proxy.url, carl.token, MANY) as carls,
        Page(server.url, anna.token, MANY) as annas,
    ):
        firsts = [page.connected() for page in (bens, carls, annas)]
        anna.say(busy, "hello")
        anna.say(quiet, "hello")
        bens.wait("message:new")
        carls.wait("message:new")
        proxy.refuse()
        for number in range(40):
            anna.say(busy, f"{number} " + "x" * 3000)
        anna.say(quiet, "missed")
        annas.wait("message:new", 43)
        proxy.refuse(False)
        assert bens.connected(2)["recovered"] is False
        assert carls.connected(2)["recovered"] is True
        carls.wait("message:new", 2)
        bens.settle()
        assert carls.contents() == ["hello", "missed"]
        assert bens.contents() == ["hello"]
        assert all(first["pid"] for first in firsts)
    api.close()


def test_the_oldest_of_too_many_begins_anew(fresh_server: ServerFactory) -> None:
    server = fresh_server(RECOVERY_SESSIONS="1")
    api = Api(server)
    anna, ben = api.register(), api.register()
    with (
        Proxy(server.url) as hers,
        Proxy(server.url) as his,
        Page(hers.url, anna.token) as annas,
        Page(his.url, ben.token) as bens,
    ):
        annas.connected()
        bens.connected()
        hers.refuse()
        server.wait_for_log(rf'"connection lost".*{anna.id}')
        his.refuse()
        server.wait_for_log(rf'"disconnected".*{anna.id}')
        hers.refuse(False)
        his.refuse(False)
        assert annas.connected(2)["recovered"] is False
        assert bens.connected(2)["recovered"] is True
    api.close()


def test_a_server_with_recovery_turned_off(fresh_server: ServerFactory) -> None:
    server = fresh_server(RECOVERY_BYTES="0")
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    with Page(server.url, ben.token, MANY) as page:
        assert page.connected()["pid"] is None
        anna.say(conversation, "hello")
        page.wait("message:new")
        assert [len(args) for args in page.arguments("message:new")] == [1]
    api.close()


@pytest.mark.parametrize("pid", ["", "x", "a.b.c", "é.é.é", 7, None, ["a"]])
def test_a_pid_that_is_none_of_ours(server: ServerProcess, alice: User, pid: object) -> None:
    with Page(server.url, alice.token, {"pid": pid, "offset": "x"}) as page:
        first = page.connected()
        assert first["recovered"] is False
        assert first["pid"]
        page.settle()


def test_a_stolen_pid_is_worth_nothing_without_its_users_token(
    server: ServerProcess, proxy: Proxy, alice: User, bob: User, carol: User
) -> None:
    conversation = alice.direct(bob)
    with Page(proxy.url, bob.token, MANY) as page:
        first = page.connected()
        alice.say(conversation, "hello")
        page.wait("message:new")
        proxy.refuse()
        alice.say(conversation, "for bob alone")
        stolen = {"pid": first["pid"], "offset": first["offset"], **MANY}
        with Page(server.url, carol.token, stolen) as thief:
            other = thief.connected()
            assert other["id"] != first["id"]
            assert other["pid"] != first["pid"]
            thief.settle()
            assert thief.contents() == []
        with Page(server.url, "no token", stolen) as thief:
            assert thief.refused()["data"]["error"] == "token_invalid"
        proxy.refuse(False)
        assert page.connected(2)["recovered"] is True
        page.wait("message:new", 2)
        assert page.contents() == ["hello", "for bob alone"]


def test_logged_out_while_away(server: ServerProcess, proxy: Proxy, bob: User) -> None:
    with Page(proxy.url, bob.token, MANY) as page:
        first = page.connected()
        proxy.refuse()
        bob.answer("POST", "/auth/logout", {"refreshToken": bob.refresh_token}, status=204)
        proxy.refuse(False)
        assert page.refused()["data"]["error"] == "token_invalid"
        page.change(token=Api(server).login(bob.username).token)
        page.open()
        second = page.connected(2)
        assert second["recovered"] is False
        assert second["id"] != first["id"]


def test_disabled_while_away(server: ServerProcess, proxy: Proxy, bob: User) -> None:
    with Page(proxy.url, bob.token, MANY) as page:
        page.connected()
        proxy.refuse()
        flask(server, "user", "disable", bob.username)
        proxy.refuse(False)
        assert page.refused()["data"]["error"] == "account_disabled"


def test_a_farewell_is_the_end_of_the_session(server: ServerProcess, alice: User) -> None:
    with Page(server.url, alice.token) as page:
        first = page.connected()
    auth = {"pid": first["pid"], "offset": ""}
    with Page(server.url, alice.token, auth) as page:
        assert page.connected()["id"] != first["id"]


def test_after_a_restart_the_session_is_a_new_one(fresh_server: ServerFactory) -> None:
    server = fresh_server()
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    with Page(server.url, ben.token, MANY) as page:
        first = page.connected()
        anna.say(conversation, "hello")
        page.wait("message:new")
        server.restart()
        second = page.connected(2)  # by itself: it was not sent away
        assert second["recovered"] is False
        assert second["id"] != first["id"]
        anna.say(conversation, "again")
        page.wait("message:new", 2)
        reasons = [line["disconnected"] for line in page.lines() if "disconnected" in line]
        assert reasons == ["transport close"]
    api.close()


def test_who_asks_for_something_else_begins_anew(proxy: Proxy, bob: User) -> None:
    with Page(proxy.url, bob.token) as page:
        first = page.connected()
        proxy.refuse()
        page.change(autoJoin=True)
        proxy.refuse(False)
        second = page.connected(2)
        assert second["recovered"] is False
        with Page(proxy.url, bob.token, {"pid": first["pid"]}) as other:
            assert other.connected()["id"] not in (first["id"], second["id"])
