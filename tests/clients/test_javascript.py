"""The official client, socket.io-client 4.8 in Node: what browsers run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ServerFactory
from tests.support.api import Api, User
from tests.support.node import NodeScript, run_node
from tests.support.server import ServerProcess

pytestmark = pytest.mark.core

HERE = Path(__file__).parent
WAYS = {
    "websocket": (["websocket"], True, "websocket"),
    "polling": (["polling"], False, "polling"),
    "polling, then websocket": (["polling", "websocket"], True, None),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_event_over_every_transport(server: ServerProcess, alice: User, bob: User, way: str) -> None:
    transports, upgrade, expected = WAYS[way]
    refusals, end = run_node(
        HERE / "walk.mjs",
        timeout=60,
        url=server.url,
        transports=transports,
        upgrade=upgrade,
        anna={"id": alice.id, "token": alice.token},
        ben={"id": bob.id, "token": bob.token},
        conversationId=alice.direct(bob)["id"],
    )
    assert refusals == {
        "none": {"message": "Authentication token required", "code": "token_required"},
        "bad": {"message": "Authentication failed", "code": "token_invalid"},
    }
    assert end["acknowledged"] is True
    assert end["transport"] == expected or expected is None


UPGRADE = """
import { io } from "socket.io-client";
const { url, token, conversationId } = JSON.parse(process.env.ARGUMENTS);
const socket = io(url, { auth: { token, autoJoin: true }, transports: ["polling", "websocket"], forceNew: true });
const echoed = [], told = [];
let upgraded = 0, sent = 0;
const emit = () => {
  socket.emit("echo", sent);
  socket.emit("send-message", { conversationId, content: `${sent++}` });
};
socket.on("echo-response", (value) => echoed.push(value));
socket.on("message:new", (message) => told.push(message));
socket.on("connect", async () => {
  // Without a pause while the transport changes, and on for a while after it has.
  while (!upgraded || sent < upgraded + 30) {
    emit();
    if (!upgraded && socket.io.engine.transport.name === "websocket") upgraded = sent;
    await new Promise(setImmediate);
    if (sent % 5 === 0) await socket.emitWithAck("echo", -1);
  }
  await socket.emitWithAck("echo", -1);
  const counts = echoed.filter((value) => value !== -1);
  const inOrder = (list) => list.length === sent && list.every((value, index) => value === index);
  console.log(JSON.stringify({
    transport: socket.io.engine.transport.name, upgraded, sent,
    echoes: inOrder(counts), contents: inOrder(told.map((message) => Number(message.content))),
  }));
  socket.disconnect();
});
"""


def test_nothing_is_lost_or_reordered_while_a_client_upgrades(server: ServerProcess, alice: User, bob: User) -> None:
    for _ in range(3):
        conversation = alice.group(bob)
        (end,) = run_node(UPGRADE, url=server.url, token=alice.token, conversationId=conversation["id"])
        assert (end["transport"], end["echoes"], end["contents"]) == ("websocket", True, True), end


@pytest.mark.parametrize(
    ("transports", "kill"), [(["websocket"], False), (["polling"], False), (["polling", "websocket"], True)]
)
def test_a_client_comes_back_after_a_restart(fresh_server: ServerFactory, kill: bool, transports: list[str]) -> None:
    server = fresh_server()
    api = Api(server)
    anna, ben = api.register(), api.register()
    conversation = anna.direct(ben)
    with NodeScript(HERE / "reconnect.mjs", url=server.url, token=ben.token, transports=transports) as page:
        page.wait_for('"connected":1')
        anna.say(conversation, "hello")
        page.wait_for('"heard":"hello"')
        server.restart(kill=kill)
        page.wait_for('"connected":2', timeout=20)
        anna.say(conversation, "goodbye")
        page.wait_for('"heard":"goodbye"')
        lines = page.finish()
    assert [line["heard"] for line in lines if "heard" in line] == ["hello", "goodbye"]
    told = len([line for line in lines if "draining" in line])
    assert told == (0 if kill else 1)
    api.close()
