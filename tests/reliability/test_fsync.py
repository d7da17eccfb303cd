"""Promise 1, to the disk: SIGKILL keeps the page cache, so only the system calls can show that a commit was flushed."""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import psycopg2
import pytest
from websocket import WebSocket

from tests.conftest import ServerFactory
from tests.reliability import tracer
from tests.reliability.chaos.rest import Rest
from tests.reliability.chaos.server import ChaosServer
from tests.support.api import Api, unique
from tests.support.postgres import Postgres
from tests.support.server import SECRET

SENDERS = 4
SENDS = 10


def _sender(server: ChaosServer, conversation: str, number: int) -> None:
    """Sends one after another, without masking what it sends, so that a trace shows it as it is."""
    socket = WebSocket(get_mask_key=lambda length: b"\0" * length)
    address = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
    socket.connect(address, timeout=20)  # type: ignore[no-untyped-call]
    try:
        socket.recv()
        socket.send("40" + json.dumps({"token": _token(number), "recovery": False}))
        for place in range(SENDS):
            payload = {"temp_id": f"<{number}.{place}>", "conversationId": conversation, "content": "x"}
            socket.send(f"42{place}{json.dumps(['send-message', payload])}")
            _await_answer(socket, f"43{place}[")
    finally:
        socket.close()


def _await_answer(socket: WebSocket, head: str) -> None:
    while True:
        frame = str(socket.recv())
        if frame == "2":
            socket.send("3")
        elif frame.startswith(head):
            assert json.loads(frame[len(head) - 1 :])[0]["ok"], frame
            return


def _token(number: int) -> str:
    return jwt.encode({"userId": f"traced-{number}", "exp": int(time.time()) + 3600}, SECRET, algorithm="HS256")


def _trace(folder: Path, synchronous: str) -> list[dict[str, Any]]:
    """What the server called while `SENDERS` clients sent beside each other."""
    out = folder / "trace.jsonl"
    data = folder / "data"
    data.mkdir()
    prefix = (sys.executable, "-I", tracer.__file__, str(out))
    server = ChaosServer(data, {"SQLITE_SYNCHRONOUS": synchronous, "PING_INTERVAL": "25"}, prefix)
    server.start()
    try:
        rests = [Rest(server.url, _token(number)) for number in range(SENDERS)]
        for rest in rests:
            assert rest.call_now("GET", "/users/me").status == 200
        body = {"type": "group", "title": "traced", "participantIds": [f"traced-{n}" for n in range(1, SENDERS)]}
        conversation = rests[0].call_now("POST", "/conversations", body).body["id"]
        failures: list[BaseException] = []
        send = functools.partial(_sender, server, conversation)
        threads = [threading.Thread(target=_kept, args=(send, number, failures)) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
    finally:
        assert server.stop() == 0, server.log_text()
    return [json.loads(line) for line in out.read_text().splitlines()]


def _kept(work: Any, number: int, failures: list[BaseException]) -> None:
    try:
        work(number)
    except BaseException as error:  # noqa: BLE001 (the test fails with it)
        failures.append(error)


def _unflushed(records: list[dict[str, Any]]) -> list[str]:
    """Messages of which something was sent to a client before a whole flush of the log that began after they came."""
    bad = []
    for number in range(SENDERS):
        for place in range(SENDS):
            mark = f"<{number}.{place}>"
            spots = {
                name: next((at for at, one in enumerate(records) if one["call"] in names and mark in one["data"]), None)
                for name, names in (("came", {"recvfrom"}), ("told", {"sendto", "sendmsg"}))
            }
            came, told = spots["came"], spots["told"]
            assert came is not None, f"the trace does not show that {mark} came"
            assert told is not None, f"the trace does not show that {mark} was answered"
            between = [one["call"] for one in records[came:told] if one["path"].endswith("-wal")]
            begun = next((at for at, call in enumerate(between) if call.endswith("begins")), None)
            if begun is None or not any(call in ("fsync", "fdatasync") for call in between[begun:]):
                bad.append(mark)
    return bad


@pytest.fixture
def _traceable() -> None:
    reason = tracer.missing()
    if reason:
        pytest.skip(reason)


@pytest.mark.usefixtures("_traceable")
def test_nothing_is_told_before_the_log_is_on_disk(tmp_path: Path) -> None:
    assert _unflushed(_trace(tmp_path, "full")) == []


@pytest.mark.usefixtures("_traceable")
def test_the_trace_shows_where_a_flush_is_left_out(tmp_path: Path) -> None:
    """The same eyes, on a server that is told not to flush each commit."""
    assert len(_unflushed(_trace(tmp_path, "normal"))) > SENDERS * SENDS // 2


def test_postgresql_flushes_its_log_for_each_commit(postgres: Postgres, fresh_server: ServerFactory) -> None:
    """PostgreSQL counts its own flushes: one at least for each message that was sent alone."""
    url = postgres.database()
    server = fresh_server(DATABASE_URL=url)
    api = Api(server)
    alice, bob = api.register(unique("alice")), api.register(unique("bob"))
    conversation = alice.direct(bob)
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:

            def flushes() -> int:
                cursor.execute("SELECT pg_stat_force_next_flush()")
                cursor.execute("SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'")
                return int(cursor.fetchall()[0][0])

            before = flushes()
            for number in range(SENDS):
                alice.say(conversation, f"message {number}")
            server.stop()  # a backend tells its counts at its end at the latest
            deadline = time.monotonic() + 10
            while flushes() - before < SENDS and time.monotonic() < deadline:
                threading.Event().wait(0.05)
            assert flushes() - before >= SENDS
    finally:
        connection.close()
        api.close()
