"""A planned restart: clients are told when to come back, what is under way finishes, and the log keeps secrets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from typing import Any

import pytest
from socketio.exceptions import SocketIOError

from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api
from tests.support.processes import PROJECT

pytestmark = pytest.mark.core


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everybody_is_told_another_time_and_the_server_ends(
    fresh_server: ServerFactory, sock: SockFactory, number: signal.Signals
) -> None:
    server = fresh_server()
    api = Api(server)
    user = api.register()
    # With threads the process may end before a poll that waits has been answered; see runtime._serve_with_threads.
    polling = 0 if os.environ.get("ASYNC_MODE") == "threading" else 2
    socks = [sock(user, transports=("polling",) if index < polling else ("websocket",)) for index in range(8)]
    asked = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - asked < 10
    waits = [each.wait_for("server:draining")["reconnectAfterMs"] for each in socks]
    assert all(isinstance(wait, int) and 0 < wait < 60_000 for wait in waits)
    assert len(set(waits)) > 1
    for each in socks:
        each.wait_closed()
        assert each.count("server:draining") == 1
    api.close()


def test_what_is_acknowledged_while_it_drains_is_there_afterwards(
    fresh_server: ServerFactory, sock: SockFactory
) -> None:
    """A client sends without a pause until it is cut off; nothing that it was told is stored may be missing."""
    server = fresh_server()
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    hers = sock(anna)
    answered: list[str] = []
    under_way = threading.Event()

    def note(answer: dict[str, Any]) -> None:
        if answer["ok"]:
            answered.append(answer["message"]["id"])
        under_way.set()

    def send() -> None:
        with contextlib.suppress(SocketIOError):
            for number in range(3000):
                payload = {"conversationId": conversation["id"], "content": str(number)}
                hers.client.emit("send-message", payload, callback=note)

    sending = threading.Thread(target=send)
    sending.start()
    assert under_way.wait(timeout=10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    hers.wait_closed()
    sending.join(timeout=15)
    stopping.join(timeout=15)
    assert not server.running
    server.start()
    page = anna.answer("GET", f"/conversations/{conversation['id']}/messages?limit=100")
    stored = [message["id"] for message in page["items"]]
    while page["hasMore"]:
        before = page["items"][-1]["seq"]
        page = anna.answer("GET", f"/conversations/{conversation['id']}/messages?limit=100&before={before}")
        stored += [message["id"] for message in page["items"]]
    assert answered
    assert set(answered) <= set(stored)
    api.close()


def test_debug_traces_packets_without_their_content(fresh_server: ServerFactory, sock: SockFactory) -> None:
    server = fresh_server(LOG_LEVEL="debug")
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    hers, his = sock(anna), sock(ben, auto_join=True)
    secret = "the quick brown secret"
    hers.ok("send-message", {"conversationId": conversation["id"], "content": secret, "temp_id": secret})
    hers.ok("echo", {"data": secret})
    hers.emit("send-message", {"content": secret})
    hers.emit("auth:refresh", {"token": secret})
    hers.wait_count("error", 2)
    his.wait_for("message:new")
    server.wait_for_log(r'"packet out".*"message:new"')
    server.wait_for_log(r'"packet in".*"echo"')
    hers.close()
    his.close()
    server.stop()
    lines = [json.loads(line) for line in server.log_text().splitlines() if line.startswith("{")]
    assert {line["event_name"] for line in lines if line["event"] == "packet in"} >= {"send-message", "echo"}
    assert {line["event_name"] for line in lines if line["event"] == "packet out"} >= {"message:new", "echo-response"}
    for hidden in (secret, anna.token, anna.refresh_token, anna.password):
        assert hidden not in server.log_text()
    assert str(PROJECT) not in "".join(json.dumps(line) for line in lines if line["event"].startswith("packet"))
    api.close()
