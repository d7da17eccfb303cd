"""The helpers themselves: a helper that lies would make every other test worthless."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
import redis
from playwright.sync_api import expect

from tests.conftest import VisitorFactory
from tests.support.node import NodeScript, run_node
from tests.support.postgres import Postgres
from tests.support.processes import Child
from tests.support.valkey import Valkey

ENV = {"PATH": os.environ["PATH"]}


def query(url: str, statement: str) -> str:
    """The one value that a statement answers."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return str(cursor.fetchone()[0])  # type: ignore[index]
    finally:
        connection.close()


def test_postgres_is_real_durable_and_gives_separate_databases(postgres: Postgres) -> None:
    one, other = postgres.database(), postgres.database()
    assert query(one, "SHOW server_version").startswith("18")
    assert query(one, "SHOW fsync") == "on"
    assert query(one, "SHOW synchronous_commit") == "on"
    assert query(one, "SHOW server_encoding") == "UTF8"
    assert query(one, "SELECT current_database()") != query(other, "SELECT current_database()")
    held = psycopg2.connect(other)
    postgres.drop(other)
    held.close()
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(other)
    postgres.drop(one)


def test_postgres_wants_its_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(postgres.url("postgres").replace(postgres.password, "wrong"))


def test_postgres_leaves_no_process_and_no_file_behind() -> None:
    cluster = Postgres()
    pid, folder = cluster.pid, cluster.folder
    assert query(cluster.url("postgres"), "SELECT 1") == "1"
    cluster.stop()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_valkey_can_freeze_die_and_come_back_empty(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"
        assert str(client.info("server")["valkey_version"]).startswith("9.")
    with redis.Redis.from_url(valkey.url, socket_timeout=0.2, retry=None) as impatient:
        impatient.ping()
        valkey.freeze()
        with pytest.raises(redis.TimeoutError):
            impatient.ping()
        valkey.thaw()
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("key") is None


def test_node_runs_the_official_client() -> None:
    script = """
    import { io } from "socket.io-client";
    const { port } = JSON.parse(process.env.ARGUMENTS);
    const socket = io(`http://127.0.0.1:${port}`, { reconnection: false });
    socket.on("connect_error", (error) => { console.log(JSON.stringify({ type: error.type, port })); });
    """
    assert run_node(script, port=1) == [{"type": "TransportError", "port": 1}]


def test_node_scripts_are_spoken_with_and_ended() -> None:
    echo = """
    import { createInterface } from "node:readline";
    for await (const line of createInterface({ input: process.stdin })) console.log(line);
    setInterval(() => {}, 1000);
    """
    with NodeScript(echo) as script:
        script.send({"hello": "you"})
        assert script.wait_for("hello") == {"hello": "you"}
        with pytest.raises(AssertionError, match="did not end within"):
            script.finish(timeout=0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(script.pid, 0)


def test_a_failing_node_script_fails_with_what_it_said() -> None:
    with pytest.raises(AssertionError, match="no such thing"):
        run_node("throw new Error('no such thing');")


def test_a_child_that_ignores_sigterm_is_killed_and_told_of() -> None:
    stubborn = "from signal import *; signal(SIGTERM, SIG_IGN); print('on', flush=True); pause()"
    child = Child([sys.executable, "-c", stubborn], env=ENV)
    assert child.out.wait_for("^on$")
    with pytest.raises(AssertionError, match="did not end within"):
        child.stop(timeout=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_output_is_awaited_until_the_stream_ends() -> None:
    child = Child([sys.executable, "-c", "import sys; print('one'); print('two', file=sys.stderr)"], env=ENV)
    assert child.out.wait_for("never", timeout=30) is None
    assert child.err.wait_for("t(w)o")
    assert child.wait(timeout=10) == 0
    assert (child.out.lines(), child.err.lines()) == (["one"], ["two"])


def test_the_browser_runs_scripts_and_each_visitor_is_somebody_else(
    visitor: VisitorFactory, page_file: Callable[[str], str]
) -> None:
    # The form controls: without fonts they end the browser.
    controls = "<input><select><option>\u2713</select>"
    script = "<script>document.querySelector('h1').textContent = [1, 2].join('-')</script>"
    url = page_file(f"{controls}<h1></h1>{script}")
    one, other = visitor(), visitor()
    expect(one.open(url).get_by_role("heading")).to_have_text("1-2")
    one.context.add_cookies([{"name": "mine", "value": "1", "url": "http://127.0.0.1"}])
    assert other.context.cookies() == []


def test_what_the_browsers_console_says_fails_unless_expected(
    visitor: VisitorFactory, page_file: Callable[[str], str]
) -> None:
    guest = visitor()
    guest.open(page_file("<script>console.error('first'); console.log('not this'); throw Error('second')</script>"))
    with pytest.raises(AssertionError, match=r"(?s)first.*second"):
        guest.close()
    assert len(guest.unexpected()) == 2
    guest.expect_complaint("first")
    guest.expect_complaint("second")


@pytest.fixture
def page_file(tmp_path: Path) -> Callable[[str], str]:
    """Writes a page and answers its address."""

    def write(body: str) -> str:
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><title>A page</title>{body}")
        return path.as_uri()

    return write
