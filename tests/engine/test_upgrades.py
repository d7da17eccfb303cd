"""A client that polls, and a websocket that comes to replace the polls, or does not."""

from __future__ import annotations

import json

import pytest

from tests.engine.raw import Peer
from tests.support.api import User
from tests.support.server import ServerProcess


@pytest.fixture
def peer(server: ServerProcess) -> Peer:
    """The shared server."""
    return Peer(f"127.0.0.1:{server.port}", "socket.io")


def join(peer: Peer, user: User) -> str:
    """A session that polls, and has joined: its id."""
    sid = peer.open()
    auth = {"token": user.token, "recovery": False}  # which would add an offset to each event
    assert peer.post(sid, "40" + json.dumps(auth)).text == "ok"
    assert '40{"sid"' in peer.poll(sid).text
    return sid


def polled(peer: Peer, sid: str) -> str:
    """What the next poll brings that is not only there to end it."""
    for _ in range(100):
        answer = peer.poll(sid)
        assert answer.status_code == 200, answer.text
        if answer.text != "6":
            return answer.text
    raise AssertionError("polls bring nothing any longer")


def test_a_websocket_that_says_nothing_leaves_the_polls_alone(peer: Peer, alice: User) -> None:
    """A proxy may let the handshake through and nothing after it."""
    sid = join(peer, alice)
    with peer.upgrading(sid):
        assert peer.post(sid, '42["echo",1]').text == "ok"
        assert polled(peer, sid) == '42["echo-response",1]'
    assert peer.post(sid, '42["echo",2]').text == "ok"
    assert polled(peer, sid) == '42["echo-response",2]'


def test_a_websocket_that_ends_after_the_probe_loses_nothing(peer: Peer, alice: User) -> None:
    sid = join(peer, alice)
    with peer.upgrading(sid) as wire:
        wire.send("2probe")
        assert wire.hear() == "3probe"
        assert peer.post(sid, '42["echo",1]').text == "ok"
    assert "".join(polled(peer, sid).split("6\x1e")) == '42["echo-response",1]'


def test_what_waits_for_a_poll_comes_by_the_websocket_instead(peer: Peer, alice: User) -> None:
    sid = join(peer, alice)
    with peer.upgrading(sid) as wire:
        assert peer.post(sid, '42["echo",1]').text == "ok"
        wire.send("2probe")
        assert wire.hear() == "3probe"
        assert peer.post(sid, '42["echo",2]').text == "ok"
        wire.send("5", '42["echo",3]')
        wire.hear_all(*(f'42["echo-response",{number}]' for number in (1, 2, 3)))


def test_a_session_that_ends_takes_its_half_upgraded_websocket_along(peer: Peer, alice: User) -> None:
    sid = join(peer, alice)
    with peer.upgrading(sid) as wire, peer.polling(sid) as poll:
        assert peer.post(sid, "1").status_code == 200
        assert poll.getresponse().read() == b"6"
        wire.wait_closed()
    assert peer.poll(sid).status_code == 400
