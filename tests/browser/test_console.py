"""The console, `/console`: every form of it against the real server, and its log."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import VisitorFactory
from tests.support.api import User
from tests.support.browser import Visitor
from tests.support.server import ServerProcess


class Console:
    """The console in a browser profile of its own."""

    def __init__(self, guest: Visitor, url: str) -> None:
        self.guest = guest
        self.page: Page = guest.open(f"{url}/console")

    def see(self, hook: str) -> Locator:
        """What carries this hook."""
        return self.page.get_by_test_id(f"console-{hook}")

    def connect(self, token: str, *, transports: str = "polling,websocket", auto_join: bool = False) -> None:
        """Paste a token and connect."""
        self.see("token").fill(token)
        self.see("transports").select_option(transports)
        self.see("autojoin").set_checked(auto_join)
        self.see("connect").click()
        expect(self.see("status")).to_have_attribute("data-state", "connected")

    def send(self, event: str, /, **fields: str) -> None:
        """Fill in an event's form and send it."""
        details = self.see(f"details-{event}")
        if details.get_attribute("open") is None:
            details.locator("summary").click()
        for name, text in fields.items():
            field = self.see(f"field-{event}-{name}")
            if field.evaluate("(node) => node.tagName") == "SELECT":
                field.select_option(text)
            else:
                field.fill(text)
        self.see(f"send-{event}").click()

    def ask(self, event: str, /, **fields: str) -> dict[str, Any]:
        """Send an event's form; the acknowledgement, as the log shows it."""
        before = self.entries("ack").count()
        self.send(event, **fields)
        expect(self.entries("ack")).to_have_count(before + 1)
        answer: dict[str, Any] = self.data(self.entries("ack").last)["answer"]
        return answer

    def entries(self, direction: str, event: str = "") -> Locator:
        """Lines of the log: in, out, ack or info; of one event where it is given."""
        of_event = f'[data-event="{event}"]' if event else ""
        return self.page.locator(f'[data-testid="console-log-entry"][data-direction="{direction}"]{of_event}')

    @staticmethod
    def data(entry: Locator) -> Any:
        """What a line of the log holds."""
        return json.loads(entry.locator("pre").inner_text())


@pytest.fixture
def console(visitor: VisitorFactory, server: ServerProcess) -> Console:
    """The console, not connected."""
    return Console(visitor(), server.url)


def test_a_token_is_got_and_a_refusal_is_shown(console: Console, alice: User) -> None:
    console.guest.expect_complaint("status of 40[01]|closed before the connection is established")
    console.see("token").fill("nonsense")
    console.see("connect").click()
    expect(console.see("status")).to_have_text("Connection error: Authentication failed")
    refusal = console.data(console.entries("in", "connect_error").first)
    assert refusal == {"message": "Authentication failed", "data": {**refusal["data"], "error": "token_invalid"}}
    console.see("username").fill(alice.username)
    console.see("password").fill("not the password")
    console.see("login").click()
    expect(console.see("login-error")).to_be_visible()
    console.see("password").fill(alice.password)
    console.see("login").click()
    expect(console.see("login-error")).to_have_count(0)
    expect(console.see("token")).to_have_value(re.compile(r"^ey[\w-]+\.[\w-]+\.[\w-]+$"))
    console.see("connect").click()
    expect(console.see("status")).to_have_text("Connected (websocket)")
    assert alice.password not in console.page.inner_text("body")


@pytest.mark.parametrize(
    ("transports", "name"),
    [("polling,websocket", "websocket"), ("websocket", "websocket"), ("polling", "polling")],
)
def test_each_transport_connects(console: Console, alice: User, transports: str, name: str) -> None:
    console.connect(alice.token, transports=transports)
    expect(console.see("status")).to_have_text(f"Connected ({name})")
    console.see("disconnect").click()
    expect(console.see("status")).to_have_attribute("data-state", "disconnected")


def test_messages_receipts_typing_and_reactions_have_forms(console: Console, alice: User, bob: User) -> None:
    conversation_id = str(alice.direct(bob)["id"])
    console.connect(alice.token)
    joined = console.ask("join-room", conversationId=conversation_id, since="0")
    assert (joined["ok"], joined["conversationId"], joined["seq"]) == (True, conversation_id, 0)
    assert joined["changes"]["outcome"] == "delta"
    expect(console.entries("in", "room-joined")).to_have_count(1)

    sent = console.ask("send-message", conversationId=conversation_id, content="From the console")
    assert (sent["ok"], sent["duplicate"], sent["message"]["content"]) == (True, False, "From the console")
    again = console.ask("send-message")
    assert (again["duplicate"], again["message"]["id"]) == (True, sent["message"]["id"])
    expect(console.entries("in", "message:new")).to_have_count(1)

    theirs = bob.say({"id": conversation_id}, "From REST")
    expect(console.entries("in", "message:new")).to_have_count(2)
    assert console.ask("delivered-ack", messageId=theirs["id"])["ok"]
    status = console.entries("in", "message:status")
    expect(status).to_have_count(1)
    assert console.data(status)["status"] == "delivered"
    assert console.ask("read", messageIds=f"{theirs['id']}, {theirs['id']}")["ok"]
    expect(status).to_have_count(2)
    assert console.data(status.last)["status"] == "read"
    assert console.ask("read", messageIds="", conversationId=conversation_id, seq="2")["ok"]

    assert console.ask("typing", conversationId=conversation_id, isTyping="true")["ok"]
    assert console.ask("react", messageId=theirs["id"], on="true")["ok"]
    reaction = console.entries("in", "reaction:update")
    expect(reaction).to_have_count(1)
    assert console.data(reaction)["reactions"]["👍"]["users"] == [alice.id]
    left = console.ask("leave-room", conversationId=conversation_id)
    assert left["ok"]
    expect(console.entries("in", "room-left")).to_have_count(1)


def test_the_other_events_have_forms_too(console: Console, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    console.connect(alice.token, auto_join=True)
    sync = console.ask("sync", conversations=json.dumps({conversation["id"]: 0}))
    assert sync["conversations"][conversation["id"]]["outcome"] == "delta"
    assert console.ask("presence", userIds=bob.id)["users"][bob.id]["status"] == "offline"
    assert console.ask("auth:refresh", token=alice.token)["ok"]
    console.ask("echo", payload='{"message": "hello", "list": [1, null, "é"]}')
    echo = console.entries("in", "echo-response")
    expect(echo).to_have_count(1)
    assert console.data(echo) == {"message": "hello", "list": [1, None, "é"]}
    assert console.ask("free", event="typing", json='{"isTyping": true}')["error"] == "validation_failed"
    console.see("field-free-event").fill("no-such-event")
    console.see("ack-free").uncheck()
    console.see("send-free").click()
    error = console.entries("in", "error")
    expect(error).to_have_count(1)
    assert console.data(error)["error"] == "unknown_event"
    console.see("field-free-json").fill("{not JSON")
    console.see("send-free").click()
    expect(console.see("problem-free")).to_contain_text("JSON")
    expect(console.see("status")).to_have_attribute("data-state", "connected")


def test_the_log_is_filtered_paused_exported_and_cleared(console: Console, alice: User) -> None:
    console.connect(alice.token, transports="websocket")
    console.see("filter").fill("echo*, -connect")
    console.ask("echo")
    expect(console.see("log-entry")).to_have_count(3)
    console.see("direction").select_option("out")
    expect(console.see("log-entry")).to_have_count(1)
    console.see("direction").select_option("")
    console.see("pause").click()
    console.send("echo")
    expect(console.see("count")).to_contain_text("3 waiting")
    expect(console.see("log-entry")).to_have_count(3)
    console.see("pause").click()
    expect(console.see("log-entry")).to_have_count(6)
    with console.page.expect_download() as download:
        console.see("export").click()
    exported = json.loads(download.value.path().read_text())
    assert sorted(entry["event"] for entry in exported) == ["echo"] * 4 + ["echo-response"] * 2
    console.see("filter").fill("")
    console.see("clear").click()
    expect(console.see("log-entry")).to_have_count(0)


def test_sending_without_a_connection_says_so(console: Console) -> None:
    console.send("echo")
    expect(console.see("problem-echo")).to_have_text("Not connected.")
