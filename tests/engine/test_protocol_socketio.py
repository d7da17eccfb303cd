"""Socket.IO v5 as its official test-suite checks it, one test for each check, on our engine and on the stock one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.engine.raw import Peer, Wire

pytestmark = pytest.mark.alone

PLACES = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
PARTS = (b"\x01\x02\x03", b"\x04\x05\x06")


@contextmanager
def client(peer: Peer, connect: str = "40", auth: str = '42["auth",{}]') -> Iterator[Wire]:
    """A websocket that has joined a namespace."""
    with peer.session() as wire:
        wire.send(connect)
        join(wire, connect.partition("{")[0])
        wire.hear_all(auth)
        yield wire


def join(wire: Wire, beginning: str) -> None:
    """Hear the answer to a CONNECT."""
    while (answer := wire.hear()) == "2":
        pass
    assert isinstance(answer, str)
    assert answer.startswith(beginning)
    assert json.loads(answer[len(beginning) :]).keys() == {"sid"}


@pytest.mark.parametrize(
    ("connect", "auth"),
    [
        ("40", '42["auth",{}]'),
        ('40{"token":"123"}', '42["auth",{"token":"123"}]'),
        ("40/custom,", '42/custom,["auth",{}]'),
        ('40/custom,{"token":"abc"}', '42/custom,["auth",{"token":"abc"}]'),
    ],
)
def test_a_namespace_lets_a_client_in(socketio: Peer, connect: str, auth: str) -> None:
    with client(socketio, connect, auth):
        pass


def test_an_unknown_namespace_does_not(socketio: Peer) -> None:
    with socketio.session() as wire:
        wire.send("40/random")
        wire.hear_all('44/random,{"message":"Invalid namespace"}')


def test_an_invalid_connect_ends_the_connection(socketio: Peer) -> None:
    with socketio.session() as wire:
        wire.send("4abc")
        wire.wait_closed()


def test_without_a_connect_the_connection_ends(socketio: Peer) -> None:
    with socketio.session() as wire:
        wire.wait_closed()


def test_after_leaving_its_namespace_a_client_is_still_pinged(socketio: Peer) -> None:
    with client(socketio) as wire:
        wire.send("41")
        assert wire.hear() == "2"


def test_leaving_one_namespace_leaves_the_other(socketio: Peer) -> None:
    with client(socketio) as wire:
        wire.send("40/custom")
        join(wire, "40/custom,")
        wire.hear_all('42/custom,["auth",{}]')
        wire.send("41/custom", '42["message","message to main namespace"]')
        wire.hear_all('42["message-back","message to main namespace"]')


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
        ([f'452-["message",{PLACES}]', *PARTS], [f'452-["message-back",{PLACES}]', *PARTS]),
        (['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']),
        ([f'452-789["message-with-ack",{PLACES}]', *PARTS], [f"462-789[{PLACES}]", *PARTS]),
    ],
    ids=["event", "binary event", "acknowledgement", "binary acknowledgement"],
)
def test_messages_and_acknowledgements(socketio: Peer, said: list[str | bytes], heard: list[str | bytes]) -> None:
    with client(socketio) as wire:
        wire.send(*said)
        wire.hear_all(*heard)


@pytest.mark.parametrize(
    "frame",
    [
        "4abc",
        "42{}",
        '42abc["message-with-ack",1,"2",{"3":[false]}]',
        "4",
        "42",
        "42[]",
        "47",
        "44{}",
        "4[",
        "45",
        b"x",
    ],
)
@pytest.mark.parametrize("joined", [True, False])
def test_an_invalid_packet_ends_the_connection(socketio: Peer, frame: str | bytes, joined: bool) -> None:
    with client(socketio) if joined else socketio.session() as wire:
        wire.send(frame)
        wire.wait_closed()
