"""The loopback: notes of servers, signatures, and what happens where nobody answers."""

from __future__ import annotations

import dataclasses
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from models import now_ms
from realtime import loopback as module
from realtime.emissions import Emission
from realtime.events import Closing, Event, Notice, Outcome, Packet
from realtime.loopback import CALL, FRESH_MS, SIGNATURE, Loopback, Note, Parcel
from settings import Settings
from tests.conftest import ServerFactory, SockFactory
from tests.support.api import User
from tests.support.server import ServerProcess

PARCEL = Parcel(emission=Emission("app:x", {"a": [1, None]}, user_id="alice"))


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """A process with a DATA_DIR of its own."""
    monkeypatch.setattr(module, "settings", dataclasses.replace(Settings(), data_dir=tmp_path))
    return Loopback()


def note_of(folder: Path, port: int) -> Note:
    """What the server on this port has left."""
    return Note(**json.loads((folder / "servers" / f"{port}.json").read_text()))


def signed(note: Note, body: bytes, stamp: int | None = None) -> str:
    """The signature of a body."""
    at = now_ms() if stamp is None else stamp
    return f"{at}.{note.sign(at, body)}"


def body_of(parcel: Parcel) -> bytes:
    """A parcel as it travels."""
    return module._parcels.dump_json(parcel)


def test_a_note_is_for_its_owner_and_goes_with_the_server(beside: Loopback, tmp_path: Path) -> None:
    beside.open("0.0.0.0", 3000)
    path = tmp_path / "servers" / "3000.json"
    assert path.stat().st_mode & 0o077 == 0
    first = note_of(tmp_path, 3000)
    assert (first.host, first.port, len(first.key)) == ("127.0.0.1", 3000, 64)
    beside.open("::", 3000)
    assert note_of(tmp_path, 3000).host == "::1"
    assert note_of(tmp_path, 3000).key != first.key, "another start, another key"
    beside.close()
    assert list((tmp_path / "servers").iterdir()) == []


def test_a_server_that_can_leave_no_note_serves_all_the_same(beside: Loopback, tmp_path: Path) -> None:
    (tmp_path / "servers").write_text("a file, where the folder would be")
    beside.open("127.0.0.1", 3000)
    assert beside.read(signed(Note("127.0.0.1", 3000, ""), b"{}"), b"{}") is None
    assert beside.hand_over(PARCEL) == 0
    beside.close()


def test_only_what_is_signed_lately_and_whole_is_read(beside: Loopback, tmp_path: Path) -> None:
    body = body_of(PARCEL)
    assert beside.read(signed(Note("127.0.0.1", 1, "k"), body), body) is None, "no server, no parcels"
    beside.open("127.0.0.1", 3000)
    note = note_of(tmp_path, 3000)
    good = signed(note, body)
    assert beside.read(good, body) == PARCEL
    old, early = (signed(note, body, now_ms() + ms) for ms in (-FRESH_MS - 1000, FRESH_MS + 1000))
    other_key = signed(dataclasses.replace(note, key="0" * 64), body)
    for bad in ("", ".", good[:-1], good.partition(".")[2], "x" + good, "\u00fc." + good, good + "\u00fc", old, early):
        assert beside.read(bad, body) is None, bad
    assert beside.read(other_key, body) is None
    assert beside.read(good, body + b" ") is None
    assert beside.read(signed(note, b'{"outcome": 5}'), b'{"outcome": 5}') is None, "of another version"


def test_an_outcome_travels_whole(beside: Loopback, tmp_path: Path) -> None:
    packet = Packet("c", 3, 5, 2, [Event("x", 4, {"rev": 4, "of": ["\u00fc"]}, ("a", "b"), False)], ["a"], ["b"], True)
    closing = Closing("a", ("s",), ("t",), "kept", True)
    parcel = Parcel(outcome=Outcome([packet], [Notice("n", {"k": None}, ("a",))], [closing]))
    beside.open("127.0.0.1", 3000)
    body = body_of(parcel)
    assert beside.read(signed(note_of(tmp_path, 3000), body), body) == parcel


def leave(folder: Path, port: int) -> None:
    """The note of a server on this port."""
    (folder / "servers").mkdir(exist_ok=True)
    text = json.dumps({"host": "127.0.0.1", "port": port, "key": "k" * 64})
    (folder / "servers" / f"{port}.json").write_text(text)


def test_nobody_there_costs_no_time(beside: Loopback, tmp_path: Path) -> None:
    began = time.monotonic()
    assert beside.hand_over(PARCEL) == 0
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        leave(tmp_path, nobody.getsockname()[1])
        (tmp_path / "servers" / "0.json").write_text("{")
        for _ in range(100):
            assert beside.hand_over(PARCEL) == 0
    assert beside.hand_over(Parcel(emission=Emission("app:x", object()))) == 0, "nothing that can be written"
    assert beside.hand_over(Parcel(emission=Emission("app:x", "x" * 1_000_000))) == 0, "more than is read"
    assert time.monotonic() - began < 1


def test_a_server_that_hangs_is_left_alone(beside: Loopback, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        leave(tmp_path, silent.getsockname()[1])
        began = time.monotonic()
        for _ in range(20):
            assert beside.hand_over(PARCEL) == 0
        assert time.monotonic() - began < 2 * module.ANSWER_SECONDS


def test_the_call_is_closed_to_everybody_else(server: ServerProcess, alice: User, sock: SockFactory) -> None:
    hers = sock(alice)
    note = note_of(server.data_dir, server.port)
    body = body_of(Parcel(emission=Emission("app:x", 1, user_id=alice.id)))

    def post(data: bytes, **headers: str) -> tuple[int, Any]:
        answer = requests.post(f"{server.url}{CALL}", data=data, headers=headers, timeout=10)
        return answer.status_code, answer.json()["error"] if answer.content else None

    refused = (401, "token_invalid")
    assert post(body) == refused
    assert post(body, Authorization=f"Bearer {alice.token}") == refused
    assert post(body, **{SIGNATURE: signed(dataclasses.replace(note, key="k"), body)}) == refused
    assert post(body + b" ", **{SIGNATURE: signed(note, body)}) == refused
    assert post(b"x" * 1_000_001, **{SIGNATURE: signed(note, body)}) == (413, "too_large")
    hers.settle()
    assert hers.count("app:x") == 0
    assert post(body, **{SIGNATURE: signed(note, body)}) == (204, None)
    hers.wait_for("app:x")


def test_a_server_takes_its_note_with_it(fresh_server: ServerFactory) -> None:
    own = fresh_server()
    port, path = own.port, own.data_dir / "servers" / f"{own.port}.json"
    assert path.exists()
    assert own.stop() == 0
    assert not path.exists()
    own.port = port
    own.start()
    own.kill()
    assert path.exists(), "one that is killed takes nothing with it"
    own.start()
    assert note_of(own.data_dir, port).port == port
