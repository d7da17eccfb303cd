"""The chat page in trouble: the server gone or restarting, messages refused, tokens that end, an account disabled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Entering
from tests.browser.person import STORED, Person
from tests.conftest import ServerFactory
from tests.support.api import Api, User
from tests.support.processes import PROJECT
from tests.support.server import ServerProcess

BACK_MS = 20_000
"""A page that lost its server tries again after at most 8 s, and a little by chance."""

LINE_LOST = r"ERR_CONNECTION|WebSocket connection to|status of 503"
"""What the browser itself says of a server that is away."""

People = Callable[..., tuple[ServerProcess, User, User, str]]


@pytest.fixture
def people(fresh_server: ServerFactory) -> People:
    """A server with these settings, two users of it, and the id of their conversation."""

    def make(**env: str) -> tuple[ServerProcess, User, User, str]:
        server = fresh_server(start=False)
        server.env |= env
        server.start()
        api = Api(server)
        alice, bob = api.register(displayName="Alice"), api.register(displayName="Bob")
        return server, alice, bob, str(alice.direct(bob)["id"])

    return make


def both(enter: Entering, alice: User, bob: User, conversation_id: str) -> tuple[Person, Person]:
    """The two at the page, in their conversation, ready to lose the server."""
    one, other = enter(alice), enter(bob)
    for person in (one, other):
        person.guest.expect_complaint(LINE_LOST)
        person.open(conversation_id)
    return one, other


def test_messages_wait_for_a_server_that_is_away_unless_discarded(enter: Entering, people: People) -> None:
    server, alice, bob, conversation_id = people()
    one, other = both(enter, alice, bob, conversation_id)
    one.write("Before")
    expect(other.message("Before")).to_be_visible()
    one.page.clock.install()
    server.kill()
    expect(one.see("banner")).to_have_attribute("data-state", "reconnecting")
    kept, discarded = one.write("Kept"), one.write("Discarded")
    for message in (kept, discarded):
        expect(message).to_have_attribute("data-status", "sending")
        expect(message.get_by_test_id("waiting")).to_be_visible()
    discarded.get_by_test_id("discard").click()
    expect(discarded).to_have_count(0)
    one.page.clock.pause_at(time.time() + BACK_MS / 1000)  # one more attempt by itself, and then none
    server.start()
    with one.page.expect_event("websocket"):
        kept.get_by_test_id("retry").click()
    one.page.clock.resume()
    expect(kept).to_have_attribute("data-status", STORED, timeout=BACK_MS)
    expect(one.see("banner")).to_have_count(0)
    expect(kept.get_by_test_id("waiting")).to_have_count(0)
    expect(other.message("Kept")).to_be_visible(timeout=BACK_MS)
    assert one.texts() == other.texts() == ["Before", "Kept"]


def test_a_planned_restart_is_announced_and_loses_and_doubles_nothing(enter: Entering, people: People) -> None:
    server, alice, bob, conversation_id = people()
    one, other = both(enter, alice, bob, conversation_id)
    one.write("Before the restart")
    expect(other.message("Before the restart")).to_be_visible()
    one.page.evaluate(
        """() => new MutationObserver(() => {
             const banner = document.querySelector('[data-testid="banner"]');
             if (banner?.dataset.state === 'draining') window.wasAnnounced = banner.textContent;
           }).observe(document.body, { childList: true, subtree: true })"""
    )
    assert server.stop() == 0
    one.write("From Alice, meanwhile")
    other.write("From Bob, meanwhile")
    server.start()
    for person, text in ((one, "From Bob, meanwhile"), (other, "From Alice, meanwhile")):
        expect(person.message(text)).to_be_visible(timeout=BACK_MS)
        expect(person.see("banner")).to_have_count(0)
    assert "restarting" in one.page.evaluate("window.wasAnnounced")
    after = one.write("After the restart")
    expect(after).to_have_attribute("data-status", "read")
    expect(other.message("After the restart")).to_be_visible()
    assert one.texts() == other.texts()
    assert sorted(one.texts()) == sorted(
        ["Before the restart", "From Alice, meanwhile", "From Bob, meanwhile", "After the restart"]
    )
    items = alice.answer("GET", f"/conversations/{conversation_id}/messages")["items"]
    assert [item["content"] for item in reversed(items)] == one.texts()


def test_a_refused_message_says_why_and_can_be_tried_again_or_discarded(enter: Entering, people: People) -> None:
    _, alice, _, conversation_id = people(CONTENT_MAX_CHARS="20")
    person = enter(alice)
    person.open(conversation_id)
    refused = person.write("This is longer than twenty characters.")
    expect(refused).to_have_attribute("data-status", "failed")
    expect(refused.get_by_role("alert")).not_to_be_empty()
    sent = person.write("This is not")
    expect(sent).to_have_attribute("data-status", "sent")
    refused.get_by_test_id("retry").click()
    expect(refused).to_have_attribute("data-status", "failed")
    refused.get_by_test_id("discard").click()
    expect(refused).to_have_count(0)
    assert person.texts() == ["This is not"]


def test_a_token_is_renewed_before_its_end_without_losing_the_connection(enter: Entering, people: People) -> None:
    server, alice, bob, conversation_id = people(TOKEN_HOURS="0.0015")
    person, other = enter(alice), enter(bob)
    person.open(conversation_id)
    first = person.session()
    assert first["lifetime"] == 5_000
    person.page.wait_for_function(
        "first => JSON.parse(localStorage.getItem('parley.session')).expiresAt > first.expiresAt", arg=first
    )
    person.page.wait_for_function("first => Date.now() > first.expiresAt + 1000", arg=first)
    said = person.write("Still here")
    expect(said).to_have_attribute("data-status", "delivered")
    expect(person.see("banner")).to_have_count(0)
    other.open(conversation_id)
    expect(said).to_have_attribute("data-status", "read")
    assert server.log_text().count('"event": "connected"') == 2
    assert server.log_text().count("/api/auth/refresh") <= 2 * 4, "tokens are renewed again and again"


def test_a_page_that_slept_past_its_token_comes_back(enter: Entering, people: People) -> None:
    _, alice, _, conversation_id = people(TOKEN_HOURS="0.0006")
    person = enter(alice)
    address = f"{person.page.url.split('#')[0]}#/c/{conversation_id}"
    ends = person.session()["expiresAt"]
    person.page.goto("about:blank")
    person.page.wait_for_function("ends => Date.now() > ends + 500", arg=ends)
    person.page.goto(address)
    expect(person.see("thread-title")).to_have_text("Bob")
    expect(person.write("Back again")).to_have_attribute("data-status", "sent")


def test_a_disabled_account_is_told_so_and_logged_out(enter: Entering, people: People) -> None:
    server, alice, _, conversation_id = people()
    person = enter(alice)
    person.open(conversation_id)
    person.guest.expect_complaint(f"{LINE_LOST}|status of 401")
    command = [sys.executable, "-m", "flask", "user", "disable", alice.username]
    environment = {**server.env, "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    server.restart()
    expect(person.see("login-form")).to_be_visible(timeout=BACK_MS)
    expect(person.see("toast")).to_contain_text(re.compile("disabled"))
    assert person.session() is None
    person.see("login-username").fill(alice.username)
    person.see("login-password").fill(alice.password)
    person.see("login-submit").click()
    expect(person.see("form-error")).to_contain_text("disabled")
