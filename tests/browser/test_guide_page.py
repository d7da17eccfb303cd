"""The guide's own test page, as it stands in the guide, against Parley: its six test scenarios.

Only two things in the page are changed: the address of its script, to the one that this server has, and its token,
which a person would paste. It connects to http://localhost:3000, wherever our server is; the detour leads there.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.detour import detour, serving
from tests.conftest import TRACEBACK, Databases, VisitorFactory
from tests.support.api import Api
from tests.support.browser import Visitor
from tests.support.server import ServerProcess

GUIDE_PAGE = Path(__file__).with_name("guide_page.html")
SCRIPT = "https://cdn.socket.io/4.7.2/socket.io.min.js"
OUR_SCRIPT = "http://localhost:3000/vendor/socket.io.min.js"
ADDRESS_IN_PAGE = ("localhost", 3000)

UPGRADE_CUT_SHORT = "closed before the connection is established|polling.* status of 400|status of 400 .*polling"
"""What Chromium says where a refused client gives up the upgrade, or the next poll, that it had already begun."""


class GuidePage:
    """The page in one browser profile, used with mouse and keyboard."""

    def __init__(self, guest: Visitor, address: str) -> None:
        self.guest = guest
        self.page: Page = guest.open(address)
        self.status = self.page.locator("#status")

    def connect(self, token: str) -> None:
        """Paste a token and connect."""
        self.page.locator("#token").fill(token)
        self.page.get_by_role("button", name="Connect", exact=True).click()

    def ask_to_join(self, conversation_id: str) -> None:
        """Ask for a room."""
        self.page.locator("#conversationId").fill(conversation_id)
        self.page.get_by_role("button", name="Join Room").click()

    def join(self, conversation_id: str) -> None:
        """Join a room and wait until it says so."""
        self.ask_to_join(conversation_id)
        expect(self.entries("Room")).to_have_text(f"Room: Joined room: {conversation_id}")

    def send(self, content: str) -> None:
        """Write a message and send it."""
        self.page.locator("#messageContent").fill(content)
        self.page.get_by_role("button", name="Send Message").click()

    def entries(self, kind: str) -> Locator:
        """The lines of one kind below the forms."""
        return self.page.locator("#messages .message").filter(has_text=re.compile(rf"^{kind}:"))

    def data(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """What the page shows as JSON in its `count` lines of a kind, awaited."""
        expect(self.entries(kind)).to_have_count(count)
        return [json.loads(text.split(":", maxsplit=1)[1]) for text in self.entries(kind).all_text_contents()]

    def transport(self) -> str:
        """What carries the connection once it has upgraded, or cannot."""
        self.page.wait_for_function(
            "socket.io.engine.upgrading !== true && socket.io.engine.transport.name !== 'polling'"
        )
        return str(self.page.evaluate("socket.io.engine.transport.name"))


People = tuple[Callable[[], GuidePage], Api]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[tuple[str, ServerProcess]]:
    """The site of the guide's page, and a server of which CLIENT_URL allows it."""
    source = GUIDE_PAGE.read_text()
    assert source.count(SCRIPT) == 1
    url = databases.make()
    with serving(source.replace(SCRIPT, OUR_SCRIPT)) as site:
        env = {"CLIENT_URL": f"http://{site}", **({"DATABASE_URL": url} if url else {})}
        server = ServerProcess(tmp_path_factory.mktemp("guide"), env).start()
        yield site, server
        assert server.stop() == 0, server.log_text()
        assert TRACEBACK not in server.log_text(), server.log_text()
    databases.drop(url)


@pytest.fixture
def people(place: tuple[str, ServerProcess], visitor: VisitorFactory) -> Iterator[People]:
    """Opens the guide's page for its server."""
    site, server = place
    with contextlib.ExitStack() as stack:
        road = stack.enter_context(detour({ADDRESS_IN_PAGE: (server.host, server.port)}))
        guests: list[Visitor] = []

        def make() -> GuidePage:
            guests.append(visitor(proxy={"server": f"socks5://{road}"}))
            return GuidePage(guests[-1], f"http://{site}/")

        api = stack.enter_context(contextlib.closing(Api(server)))
        yield make, api
        for guest in guests:
            guest.close()


def test_connection_with_a_valid_token(people: People) -> None:
    open_page, api = people
    page = open_page()
    expect(page.status).to_have_text("Status: Disconnected")
    page.connect(api.register().token)
    expect(page.status).to_have_text("Status: Connected")
    expect(page.entries("System")).to_have_text("System: Connected to server")
    assert page.transport() == "websocket", "the upgrade failed"
    page.page.get_by_role("button", name="Disconnect").click()
    expect(page.status).to_have_text("Status: Disconnected: io client disconnect")


def test_connection_rejection_with_an_invalid_token(people: People) -> None:
    open_page, api = people
    page = open_page()
    page.guest.expect_complaint(UPGRADE_CUT_SHORT)
    page.connect(api.register().token + "x")
    expect(page.status).to_have_text("Status: Connection Error: Authentication failed")
    expect(page.entries("Error")).to_have_text("Error: Authentication failed")
    expect(page.entries("System")).to_have_count(0)


def test_echo_event(people: People) -> None:
    open_page, api = people
    page = open_page()
    page.connect(api.register().token)
    expect(page.status).to_have_text("Status: Connected")
    page.page.locator("#echoMessage").fill("Is anybody there?")
    page.page.get_by_role("button", name="Send Echo").click()
    (echo,) = page.data("Echo Response")
    assert echo["message"] == "Is anybody there?"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", echo["timestamp"])


def test_join_room(people: People) -> None:
    open_page, api = people
    alice, bob, stranger = api.register(), api.register(), api.register()
    conversation_id = alice.direct(bob)["id"]
    page, foreign = open_page(), open_page()
    for each, user in ((page, alice), (foreign, stranger)):
        each.connect(user.token)
        expect(each.status).to_have_text("Status: Connected")
    page.join(conversation_id)
    foreign.ask_to_join(conversation_id)
    (refusal,) = foreign.data("Error")
    assert refusal["message"] == "You are not a participant in this conversation"
    expect(foreign.entries("Room")).to_have_count(0)


def test_send_message(people: People) -> None:
    open_page, api = people
    alice, bob = api.register(), api.register()
    conversation_id = alice.direct(bob)["id"]
    page = open_page()
    page.connect(alice.token)
    page.join(conversation_id)
    page.send("Hello from the guide")
    (message,) = page.data("New Message")
    expect(page.entries("Sent")).to_have_text(f"Sent: temp_id: {message['temp_id']}, content: Hello from the guide")
    assert message["content"] == "Hello from the guide"
    assert (message["senderId"], message["conversationId"]) == (alice.id, conversation_id)
    assert (message["status"], message["sentAt"]) == ("sent", message["createdAt"])
    assert message["sender"] == {**message["sender"], "id": alice.id, "username": alice.username}
    (stored,) = bob.answer("GET", "/messages", params={"conversationId": conversation_id})["items"]
    assert (stored["id"], stored["content"]) == (message["id"], "Hello from the guide")


def test_view_received_messages(people: People) -> None:
    open_page, api = people
    alice, bob = api.register(), api.register()
    conversation_id = alice.direct(bob)["id"]
    one, other = open_page(), open_page()
    for page, user in ((one, alice), (other, bob)):
        page.connect(user.token)
        page.join(conversation_id)
    one.send("Can you see this?")
    (sent,), (received,) = one.data("New Message"), other.data("New Message")
    assert received == {**sent, "rev": received["rev"]}
    other.send("I can")
    assert [message["content"] for message in one.data("New Message", 2)] == ["Can you see this?", "I can"]
    bob.say({"id": conversation_id}, "And this, from REST")
    for page in (one, other):
        assert page.data("New Message", 3)[-1]["content"] == "And this, from REST"
