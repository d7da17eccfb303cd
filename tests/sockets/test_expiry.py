"""A socket lives as long as its token, is warned before, and can be given a newer one."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from tests.conftest import SockFactory
from tests.support.api import Api, User
from tests.support.wire import heard, mint

pytestmark = pytest.mark.core


def seconds_from_now(moment: str) -> float:
    """How far away a time of the wire is."""
    return dt.datetime.fromisoformat(moment).timestamp() - time.time()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_the_end_is_announced_and_kept(alice: User, sock: SockFactory, transport: str) -> None:
    hers = sock(alice, auth={"token": mint(alice.id, 3)}, transports=(transport,))
    announced = hers.wait_for("auth:expiring")
    assert 0 < seconds_from_now(announced["expiresAt"]) <= 3
    ended = hers.wait_for("error", timeout=6)
    assert -1.5 < seconds_from_now(announced["expiresAt"]) <= 0
    assert ended["error"] == "token_expired"
    assert ended["message"]
    hers.wait_closed()
    assert hers.count("auth:expiring") == 1


def test_a_long_life_is_not_announced_before_its_last_minute(alice: User, sock: SockFactory) -> None:
    soon = sock(alice, auth={"token": mint(alice.id, 62)})
    later = sock(alice, auth={"token": mint(alice.id, 120)})
    soon.settle()
    assert soon.count("auth:expiring") == 0
    told = soon.wait_for("auth:expiring", timeout=6)
    assert 58 < seconds_from_now(told["expiresAt"]) <= 60.5
    assert "auth:expiring" not in heard(later)


def test_a_newer_token_extends_the_life(alice: User, sock: SockFactory) -> None:
    hers, tab = sock(alice, auth={"token": mint(alice.id, 2)}), sock(alice, auth={"token": mint(alice.id, 2)})
    hers.wait_for("auth:expiring")
    answer = hers.ok("auth:refresh", {"token": mint(alice.id, 3600)})
    assert 3590 < seconds_from_now(answer["expiresAt"]) <= 3600
    tab.wait_closed()
    hers.ok("echo", "still here")
    assert hers.count("error") == 0


def test_the_same_token_again_announces_its_end_once(alice: User, sock: SockFactory) -> None:
    token = mint(alice.id, 3)
    hers = sock(alice, auth={"token": token})
    for _ in range(3):
        hers.ok("auth:refresh", {"token": token})
    hers.wait_closed()
    assert hers.names() == ["auth:expiring", "error"]


def test_a_token_that_was_refreshed_over_rest_is_taken(alice: User, sock: SockFactory) -> None:
    hers = sock(alice)
    renewed = alice.answer("POST", "/auth/refresh", {"refreshToken": alice.refresh_token})
    hers.ok("auth:refresh", {"token": renewed["token"]})
    hers.emit("auth:refresh", {"token": renewed["token"]})
    assert heard(hers) == []


def test_a_bad_newer_token_changes_nothing(api: Api, alice: User, bob: User, sock: SockFactory) -> None:
    hers = sock(alice)
    for token, error in [
        (bob.token, "token_invalid"),
        ("nonsense", "token_invalid"),
        (mint(alice.id, -5), "token_expired"),
        (mint(alice.id, 60, secret="a secret that is not the server's, but long"), "token_invalid"),
    ]:
        refused = hers.refused("auth:refresh", {"token": token}, error)
        assert refused["message"] == "Authentication failed"
    for payload in ({}, {"token": ""}, {"token": None}, {"token": 5}, None, "token"):
        hers.refused("auth:refresh", payload, "validation_failed")
    hers.emit("auth:refresh", {"token": bob.token})
    assert hers.wait_for("error")["event"] == "auth:refresh"
    hers.ok("echo", "still here")
    api.login(alice.username)
