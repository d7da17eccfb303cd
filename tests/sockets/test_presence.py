"""Who is online: told to those who share a conversation, over all of a user's sockets, with a grace period."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Databases, SockFactory
from tests.support.api import Api, User
from tests.support.server import ServerProcess

pytestmark = pytest.mark.core

GRACE = 0.3


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[ServerProcess]:
    """A server on which the grace period is short."""
    url = databases.make()
    folder: Path = tmp_path_factory.mktemp("quick")
    server = ServerProcess(folder, {"PRESENCE_GRACE": str(GRACE), **({"DATABASE_URL": url} if url else {})})
    server.start()
    yield server
    assert server.stop() == 0
    databases.drop(url)


@pytest.fixture
def people(quick: ServerProcess) -> Iterator[tuple[User, User, User]]:
    """Two who share a conversation, and a stranger."""
    api = Api(quick)
    anna, ben, stranger = api.register(), api.register(), api.register()
    anna.direct(ben)
    yield anna, ben, stranger
    api.close()


People = tuple[User, User, User]


def test_coming_is_told_to_those_who_share_a_conversation(people: People, sock: SockFactory) -> None:
    anna, ben, other = people
    his, stranger = sock(ben), sock(other)
    hers = sock(anna)
    told = his.wait_for("user:status", lambda data: data["userId"] == anna.id)
    assert told["status"] == "online"
    assert told["lastSeen"].endswith("Z")
    for each in (hers, stranger):
        each.settle()
        assert not [data for data in each.events("user:status") if data["userId"] == anna.id]


def test_a_user_is_offline_after_the_last_socket_and_the_grace(people: People, sock: SockFactory) -> None:
    anna, ben, other = people
    his, stranger, first, second = sock(ben), sock(other), sock(anna), sock(anna, transports=("polling",))
    his.wait_for("user:status", lambda data: data["userId"] == anna.id)
    first.close()
    second.ok("echo")
    his.clear()
    closed = time.monotonic()
    second.close()
    told = his.wait_for("user:status")
    assert (told["userId"], told["status"]) == (anna.id, "offline")
    assert time.monotonic() - closed >= GRACE
    his.settle()
    stranger.settle()
    assert his.count("user:status") == 1
    assert stranger.count("user:status") == 0
    answer = his.ok("presence", {"userIds": [anna.id]})
    assert answer["users"] == {anna.id: {"status": "offline", "lastSeen": told["lastSeen"]}}


def test_other_tabs_keep_a_user_online(people: People, sock: SockFactory) -> None:
    """What would be told comes after the grace; a third user who leaves later shows when that has passed."""
    anna, ben, other = people
    ben.direct(other)
    his, first, second, third = sock(ben), sock(anna), sock(anna), sock(other)
    his.wait_count("user:status", 2)
    his.clear()
    first.close()
    third.close()
    his.wait_for("user:status", lambda data: data["userId"] == other.id)
    his.settle()
    assert [data["userId"] for data in his.events("user:status")] == [other.id]
    assert his.ok("presence", {"userIds": [anna.id]})["users"][anna.id]["status"] == "online"
    second.settle()


def test_a_reload_within_the_grace_is_told_to_nobody(people: People, sock: SockFactory) -> None:
    anna, ben, other = people
    ben.direct(other)
    his, first, third = sock(ben), sock(anna), sock(other)
    his.wait_count("user:status", 2)
    his.clear()
    for _ in range(5):
        first.close()
        first = sock(anna)
    third.close()
    his.wait_for("user:status", lambda data: data["userId"] == other.id)
    his.settle()
    assert [data["userId"] for data in his.events("user:status")] == [other.id]


def test_a_removed_participant_is_told_no_more(people: People, sock: SockFactory) -> None:
    anna, ben, other = people
    group = ben.group(other)
    his, others = sock(ben), sock(other)
    his.wait_for("user:status", lambda data: data["userId"] == other.id)
    ben.answer("DELETE", f"/conversations/{group['id']}/participants/{other.id}", status=204)
    others.clear()
    hers = sock(anna)
    his.close()
    hers.wait_for("user:status", lambda data: data["userId"] == ben.id and data["status"] == "offline")
    others.settle()
    assert others.count("user:status") == 0


def test_presence_is_answered_for_those_who_share_a_conversation(people: People, sock: SockFactory) -> None:
    anna, ben, other = people
    hers, _ = sock(anna), sock(other)
    asked = [ben.id, other.id, "nobody", ben.id]
    assert hers.ok("presence", {"userIds": asked})["users"] == {ben.id: {"status": "offline", "lastSeen": None}}
    his = sock(ben)
    his.ok("echo")
    now = hers.ok("presence", {"userIds": asked})["users"]
    assert list(now) == [ben.id]
    assert now[ben.id]["status"] == "online"
    assert hers.ok("presence", {"userIds": []})["users"] == {}
    hers.refused("presence", {"userIds": ["x"] * 101}, "validation_failed")
    hers.refused("presence", {"userIds": "x"}, "validation_failed")
    hers.refused("presence", {}, "validation_failed")
    hers.refused("presence", None, "validation_failed")


def test_a_herd_that_goes_is_told_to_all_others_once_and_to_nobody_of_themselves(
    quick: ServerProcess, sock: SockFactory
) -> None:
    api = Api(quick)
    herd = [api.register() for _ in range(6)]
    herd[0].group(*herd[1:])
    herd[0].direct(herd[1])
    stays = [sock(herd[0]), sock(herd[1], transports=("polling",)), sock(herd[2])]
    goes = [sock(one) for one in herd[3:]]
    for each in stays:
        each.wait_for("user:status", lambda data: data["userId"] == herd[5].id)
        each.clear()
    comes_back = sock(herd[2])
    for each in [*goes, stays.pop()]:
        each.close()
    gone = sorted(one.id for one in herd[3:])
    for each in [*stays, comes_back]:
        each.wait_count("user:status", 3)
        each.settle()
        told = [(data["userId"], data["status"]) for data in each.events("user:status")]
        assert sorted(told) == [(user_id, "offline") for user_id in gone]
    quick_again = [sock(one) for one in herd[3:]]
    for each in stays:
        each.wait_count("user:status", 6)
    for one, each in zip(herd[3:], quick_again, strict=True):
        each.settle()
        assert one.id not in [data["userId"] for data in each.events("user:status")]
    api.close()
