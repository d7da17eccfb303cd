"""A function's message on the chat page: published without a socket, seen in a real browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Entering
from tests.support.api import User, unique
from tests.support.flask import flask, service_token
from tests.support.functions import run
from tests.support.server import ServerProcess


def test_a_functions_message_and_the_shells_are_seen(
    enter: Entering, server: ServerProcess, alice: User, bob: User
) -> None:
    conversation_id = alice.direct(bob)["id"]
    person = enter(alice)
    person.open(conversation_id)
    token = service_token(server, unique("orders"), "--act-as", bob.id)
    order = {"orderId": "7", "conversationId": conversation_id, "botId": bob.id, "customerId": alice.id}
    child = run("Python", server.url, token, {**order, "state": "shipped"})
    assert child.process.returncode == 0, child.err.text()
    expect(person.message("Your order 7 is shipped.")).to_be_visible()
    draft = f"schemas.messages.SendMessage(conversation_id={conversation_id!r}, content='From the shell')"
    flask(server, "shell", stdin=f"sent = services.messages.send({bob.id!r}, {draft})\n")
    expect(person.message("From the shell")).to_be_visible()
