"""Flask-SocketIO's own API over nodes: `emit`, rooms, `skip_sid`, `disconnect`, acknowledgements."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.nodes.conftest import Cluster, People, wait_ready
from tests.support.postgres import Postgres
from tests.support.processes import PROJECT, Child
from tests.support.server import READY, ServerProcess
from tests.support.sockets import Sock
from tests.support.valkey import Valkey

LAUNCHER = Path(__file__).with_name("launcher.py")


class Programmable(ServerProcess):
    """A server with the routes of `launcher.py`."""

    def start(self, timeout: float = 30.0) -> ServerProcess:
        """See `ServerProcess.start`."""
        self._child = Child([sys.executable, LAUNCHER, PROJECT / "app.py"], env={"PORT": str(self.port), **self.env})
        ready = self._child.out.wait_for(READY, timeout)
        assert ready is not None, self.log_text()
        self.port = int(ready["port"])
        return self


def do(node: ServerProcess, verb: str, **body: object) -> dict[str, object]:
    """A call of the API in that node's process."""
    answer = requests.post(f"{node.url}/test/{verb}", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    result: dict[str, object] = answer.json()
    return result


@pytest.fixture(scope="module", params=["fast", "stock"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, relay: Valkey
) -> Iterator[list[ServerProcess]]:
    """Two of them, with our engine and with the stock one."""
    url = postgres.database()
    cluster = Cluster(tmp_path_factory.mktemp("socketio"), url, relay.url)
    try:
        for _ in range(2):
            node = cluster.add(start=False, kind=Programmable, ENGINE=request.param)
            node.start()
            wait_ready(node)
        yield cluster.nodes
    finally:
        cluster.stop()
        postgres.drop(url)


@pytest.fixture
def socks(pair: list[ServerProcess], people: People) -> list[Sock]:
    """A client on each, which gets nothing but what is sent."""
    return [people.sock(node, people.user(node), auth={"recovery": False}) for node in pair]


def test_emit_to_everybody_to_one_and_to_all_but_one(pair: list[ServerProcess], socks: list[Sock]) -> None:
    here, there = socks
    do(pair[0], "emit", event="all", args=[{"n": 1}])
    do(pair[0], "emit", event="one", args=["a", "b"], to=there.sid)
    do(pair[0], "emit", event="but", args=[2], skip_sid=there.sid)
    there.wait_for("one")  # what one node asks for comes in its order, and not in another node's
    do(pair[1], "emit", event="but", args=[3], skip_sid=here.sid)
    do(pair[0], "emit", event="last")
    for sock in socks:
        sock.wait_for("last")
        sock.settle()
    assert [(one.name, one.args) for one in here.history() if one.name != "user:status"] == [
        ("all", ({"n": 1},)),
        ("but", (2,)),
        ("last", ()),
    ]
    assert [(one.name, one.args) for one in there.history() if one.name != "user:status"] == [
        ("all", ({"n": 1},)),
        ("one", ("a", "b")),
        ("but", (3,)),
        ("last", ()),
    ]


def test_rooms_are_entered_left_and_closed_from_another_node(pair: list[ServerProcess], socks: list[Sock]) -> None:
    for sock in socks:
        do(pair[0], "room", change="enter_room", args=[sock.sid, "a room"])
    do(pair[0], "emit", event="inside", args=[1], to="a room")
    do(pair[0], "room", change="leave_room", args=[socks[1].sid, "a room"])
    do(pair[0], "emit", event="inside", args=[2], to="a room")
    do(pair[0], "emit", event="so far", to=socks[1].sid)
    socks[1].wait_for("so far")
    do(pair[1], "room", change="close_room", args=["a room"])
    do(pair[1], "emit", event="inside", args=[3], to="a room")
    do(pair[1], "emit", event="last")
    for sock in socks:
        sock.wait_for("last")
    assert [sock.events("inside") for sock in socks] == [[1, 2], [1]]


def test_an_acknowledgement_comes_back_to_the_node_that_asked(pair: list[ServerProcess], socks: list[Sock]) -> None:
    for sock in socks:
        sock.client.on("question", lambda data, sock=sock: {"twice": 2 * data, "sid": sock.sid})
    for node in pair:
        for sock in socks:
            answer = do(node, "call", event="question", data=21, to=sock.sid)
            assert answer == {"answers": [[{"twice": 42, "sid": sock.sid}]]}


def test_a_client_of_another_node_is_disconnected(pair: list[ServerProcess], socks: list[Sock]) -> None:
    do(pair[0], "disconnect", sid=socks[1].sid)
    socks[1].wait_closed()
    socks[0].settle()
    assert socks[0].closed_by is None
