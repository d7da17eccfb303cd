"""The functions in docs/examples, each as a process of its own: what they publish, a real socket hears."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.conftest import SockFactory
from tests.support.api import User, unique
from tests.support.flask import service_token
from tests.support.functions import FUNCTIONS, run
from tests.support.postgres import Postgres
from tests.support.processes import PROJECT, Child
from tests.support.server import READY, ServerProcess
from tests.support.valkey import Valkey


@pytest.mark.parametrize("language", FUNCTIONS)
def test_a_function_without_redis_reaches_a_socket(
    server: ServerProcess, alice: User, bob: User, sock: SockFactory, language: str
) -> None:
    conversation = alice.direct(bob)
    options = ("--event", "app:orders.", "--act-as", bob.username)
    token = service_token(server, unique("orders"), *options)
    hers = sock(alice, auto_join=True)
    order = {"orderId": "1001", "conversationId": conversation["id"], "botId": bob.id, "customerId": alice.id}
    for state in ("paid", "paid", "shipped"):
        child = run(language, server.url, token, {**order, "state": state})
        assert child.process.returncode == 0, child.err.text()
        (printed,) = child.out.lines()
        seq = {"paid": 1, "shipped": 2}[state]
        assert json.loads(json.loads(printed)["body"])["seq"] == seq
        assert hers.wait_count("message:new", seq)[-1]["content"] == f"Your order 1001 is {state}."
        assert hers.wait_count("app:orders.changed", seq)[-1] == {"orderId": "1001", "state": state}
    hers.settle()
    assert (hers.count("message:new"), hers.count("app:orders.changed")) == (2, 2), "the second time was a repetition"


@pytest.mark.parametrize("language", FUNCTIONS)
def test_a_function_says_why_it_was_refused(server: ServerProcess, alice: User, bob: User, language: str) -> None:
    conversation = alice.direct(bob)
    token = service_token(server, unique("mute"))
    order = {"orderId": "1", "state": "paid", "conversationId": conversation["id"], "botId": bob.id, "customerId": "c"}
    child = run(language, server.url, token, order)
    assert child.process.returncode == 1
    assert "/api/relay/messages: 403" in child.err.text()
    assert f"no scope for act-as {bob.id}" in child.err.text()


class Moody(BaseHTTPRequestHandler):
    """Refuses the first call, hangs up on the second, then answers; keeps the bodies."""

    bodies: list[str]

    def do_POST(self) -> None:
        """See http.server."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        count = len(self.bodies)
        if count == 2:
            return
        self.send_response({1: 503, 3: 201}.get(count, 202))
        self.end_headers()
        self.wfile.write(b'{"id": "m", "seq": 1}')

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def moody() -> Iterator[tuple[str, list[str]]]:
    """Such a server's address, and what it was sent."""
    bodies: list[str] = []
    listening = HTTPServer(("127.0.0.1", 0), type("Own", (Moody,), {"bodies": bodies}))
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", bodies
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.mark.parametrize("language", FUNCTIONS)
def test_a_function_tries_again_what_may_pass(moody: tuple[str, list[str]], language: str) -> None:
    url, bodies = moody
    order = {"orderId": "1", "state": "paid", "conversationId": "c", "botId": "b", "customerId": "c"}
    child = run(language, url, "parley_st_x", order)
    assert child.process.returncode == 0, child.err.text()
    assert len(bodies) == 4
    assert len(set(bodies[:3])) == 1, "the same message each time"


def readme(heading: str) -> str:
    """The README's commands for a shell under this heading."""
    text = (PROJECT / "README.md").read_text()
    section = re.split(r"^##+ ", text.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    (script,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return str(script)


def put_in(script: str, *changes: tuple[str, str]) -> str:
    """The script with each of these replaced, which it must have once."""
    for old, new in changes:
        assert script.count(old) == 1
        script = script.replace(old, new)
    return script


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_the_readmes_commands_to_publish_work_as_they_stand(
    server: ServerProcess, alice: User, sock: SockFactory
) -> None:
    """Only the address, the name and the Python are put in."""
    script = put_in(
        readme("Functions, cron jobs, other backends"),
        ("http://localhost:3000", server.url),
        ("--act-as alice", f"--act-as {alice.username}"),
        (".venv/bin/flask", f"{sys.executable} -m flask"),
    )
    hers = sock(alice)
    child = Child(["bash", "-euc", script], env={**server.env, "PYTHONWARNINGS": "ignore"})
    assert child.wait(30) == 0, child.err.text()
    assert json.loads(child.out.text()) == {"duplicate": False}
    assert hers.wait_for("app:greeting") == {"text": "Hello"}


def test_the_readmes_commands_for_several_processes_work_as_they_stand(
    tmp_path: Path, postgres: Postgres, valkey: Valkey
) -> None:
    """Only the addresses are put in; `exec`, so that the signal meets the server and not the shell."""
    url = postgres.database()
    script = put_in(
        readme("Several processes"),
        ("postgres://parley:secret@localhost/parley", url),
        ("redis://localhost:6379", valkey.url),
        ("bin/run", "exec bin/run"),
    )
    child = Child(["bash", "-euc", script], env={**ServerProcess(tmp_path).env, "PORT": "0"})
    assert child.out.wait_for(rf"{READY} with 4 processes", 60), child.err.text()
    assert child.stop() == 0, child.err.text()
    postgres.drop(url)
