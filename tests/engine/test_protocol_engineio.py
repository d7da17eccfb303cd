"""Engine.IO v4 as its official test-suite checks it, one test for each check, on our engine and on the stock one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.engine.conftest import PING_INTERVAL, PING_TIMEOUT
from tests.engine.raw import Peer, opened

pytestmark = pytest.mark.alone

Everywhere = Callable[[Callable[[Peer], None]], None]


@pytest.fixture
def everywhere(protocol_server: Peer) -> Everywhere:
    """Makes a check that takes its time at both paths at once."""

    def run(check: Callable[[Peer], None]) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(check, [protocol_server.at("engine.io"), protocol_server.at("socket.io")]))

    return run


class TestHandshake:
    def test_polling_opens_a_session(self, engine: Peer) -> None:
        answer = engine.get("EIO=4&transport=polling")
        values = opened(answer.text)
        assert answer.status_code == 200
        assert values["upgrades"] == ["websocket"]
        assert (values["pingInterval"], values["pingTimeout"]) == (PING_INTERVAL * 1000, PING_TIMEOUT * 1000)
        assert values["maxPayload"] == 1_000_000

    def test_websocket_opens_a_session(self, engine: Peer) -> None:
        with engine.wire() as wire:
            values = opened(wire.hear())
        assert values["upgrades"] == []
        assert (values["pingInterval"], values["pingTimeout"]) == (PING_INTERVAL * 1000, PING_TIMEOUT * 1000)
        assert values["maxPayload"] == 1_000_000

    @pytest.mark.parametrize(
        "query", ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"]
    )
    def test_polling_without_a_version_or_a_transport_is_refused(self, engine: Peer, query: str) -> None:
        assert engine.get(query).status_code == 400

    @pytest.mark.parametrize(
        "query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]
    )
    def test_websocket_without_a_version_or_a_transport_is_refused(self, engine: Peer, query: str) -> None:
        assert engine.refuses_websocket(query)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_a_handshake_is_a_get(self, engine: Peer, method: str) -> None:
        assert requests.request(method, engine.url("EIO=4&transport=polling"), timeout=5).status_code == 400


class TestMessages:
    @pytest.mark.parametrize(
        "payload", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", '4{"a": [1]}', "4[" * 300]
    )
    def test_a_payload_comes_back_by_polling(self, echo: Peer, payload: str) -> None:
        sid = echo.open()
        posted = echo.post(sid, payload)
        assert (posted.status_code, posted.text) == (200, "ok")
        polled = echo.poll(sid)
        assert (polled.status_code, polled.text) == (200, payload)

    @pytest.mark.parametrize("frame", ["4hello", b"\x01\x02\x03\x04"])
    def test_a_packet_comes_back_by_websocket(self, echo: Peer, frame: str | bytes) -> None:
        with echo.session() as wire:
            wire.send(frame)
            wire.hear_all(frame)

    @pytest.mark.parametrize("body", ["abc", "", "3\x1ex", "b!!", "2probe"])
    def test_an_invalid_packet_by_polling_ends_the_session(self, engine: Peer, body: str) -> None:
        sid = engine.open()
        assert engine.post(sid, body).status_code == 400
        assert engine.poll(sid).status_code == 400

    @pytest.mark.parametrize("frame", ["abc", "", "7", "2probe"])
    def test_an_invalid_packet_by_websocket_ends_the_session(self, engine: Peer, frame: str) -> None:
        with engine.session() as wire:
            wire.send(frame)
            wire.wait_closed()

    def test_a_second_poll_beside_the_first_ends_the_session(self, engine: Peer) -> None:
        sid = engine.open()
        with engine.polling(sid) as first:
            assert engine.poll(sid).status_code == 400
            answer = first.getresponse()
            assert (answer.status, answer.read()) == (200, b"1")
        assert engine.poll(sid).status_code == 400

    def test_a_poll_that_is_given_up_ends_the_session(self, engine: Peer) -> None:
        sid = engine.open()
        with engine.polling(sid):
            pass
        assert engine.poll(sid).status_code == 400


class TestHeartbeat:
    def test_pings_by_polling(self, everywhere: Everywhere) -> None:
        def check(peer: Peer) -> None:
            sid = peer.open()
            for _ in range(3):
                assert peer.poll(sid).text == "2"
                assert peer.post(sid, "3").status_code == 200

        everywhere(check)

    def test_pings_by_websocket(self, everywhere: Everywhere) -> None:
        def check(peer: Peer) -> None:
            with peer.session() as wire:
                for _ in range(3):
                    assert wire.hear() == "2"
                    wire.send("3")

        everywhere(check)

    def test_without_a_pong_a_polling_session_ends_in_time(self, everywhere: Everywhere) -> None:
        def check(peer: Peer) -> None:
            sid = peer.open()
            time.sleep(PING_INTERVAL + PING_TIMEOUT + peer.late_seconds)
            assert peer.poll(sid).status_code == 400

        everywhere(check)

    def test_without_a_pong_a_websocket_ends_in_time(self, everywhere: Everywhere) -> None:
        def check(peer: Peer) -> None:
            with peer.session() as wire:
                started = time.monotonic()
                wire.wait_closed()
                assert PING_INTERVAL < time.monotonic() - started < 2 * (PING_INTERVAL + PING_TIMEOUT)

        everywhere(check)


class TestClose:
    def test_by_polling(self, engine: Peer) -> None:
        sid = engine.open()
        with engine.polling(sid) as poll:
            assert engine.post(sid, "1").status_code == 200
            answer = poll.getresponse()
            assert (answer.status, answer.read()) == (200, b"6")
        assert engine.poll(sid).status_code == 400

    def test_by_websocket(self, engine: Peer) -> None:
        with engine.session() as wire:
            wire.send("1")
            wire.wait_closed()


class TestUpgrade:
    def test_from_polling_to_websocket(self, echo: Peer) -> None:
        sid = echo.open()
        with echo.upgrading(sid) as wire:
            wire.send("2probe")
            assert wire.hear() == "3probe"
            polled = echo.poll(sid)
            assert (polled.status_code, polled.text) == (200, "6")
            wire.send("5", "4hello")
            wire.hear_all("4hello")

    def test_requests_are_refused_afterwards(self, echo: Peer) -> None:
        sid = echo.open()
        with echo.upgrading(sid) as wire:
            wire.send("2probe")
            assert wire.hear() == "3probe"
            wire.send("5")
            assert echo.poll(sid).status_code == 400
            assert echo.post(sid, "4no").status_code == 400
            wire.send("4hello")
            wire.hear_all("4hello")

    def test_another_websocket_is_closed_in_order_afterwards(self, echo: Peer) -> None:
        sid = echo.open()
        with echo.upgrading(sid) as wire:
            wire.send("2probe")
            assert wire.hear() == "3probe"
            wire.send("5")
            with echo.upgrading(sid) as second:
                second.wait_closed()
            wire.send("4hello")
            wire.hear_all("4hello")

    def test_a_websocket_that_ends_before_the_probe_leaves_the_session_polling(self, echo: Peer) -> None:
        sid = echo.open()
        with echo.upgrading(sid) as wire:
            wire.send("4no probe")
            wire.wait_closed()
        with echo.upgrading(sid):
            pass
        assert echo.post(sid, "4hello").status_code == 200
        deadline = time.monotonic() + PING_INTERVAL
        while (heard := echo.poll(sid).text) == "6":
            assert time.monotonic() < deadline
        assert heard == "4hello"
