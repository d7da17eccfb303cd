"""Whatever people type is shown as text, in the chat and in the console, and runs nothing."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Entering
from tests.browser.pictures import png
from tests.conftest import VisitorFactory
from tests.support.api import PASSWORD, User, unique
from tests.support.server import ServerProcess

ATTACK = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>'
LINKS = "javascript:window.hacked=3 https://example.org/?a=<b>x</b>&c=1. data:text/html,<i>"


def injected(page: Page) -> object:
    """What an attack would have left: a variable, or an element that only the attack would bring."""
    return page.evaluate(
        """() => window.hacked
             ?? document.querySelector('[onerror], img[src="x"], a[href^="javascript:"], a[href^="data:"]')?.outerHTML
             ?? null"""
    )


def test_markup_in_everything_is_text_on_the_page(enter: Entering, alice: User, bob: User) -> None:
    alice.answer("PATCH", "/users/me", {"displayName": ATTACK})
    conversation = alice.group(bob, title=ATTACK)
    name = '<img src=x onerror="window.hacked=4">.png'
    files = {"file": (name, png(60, 40), "image/png"), "conversationId": (None, conversation["id"])}
    attachment = alice.answer("POST", "/upload", status=201, files=files)
    alice.say(conversation, ATTACK, attachmentIds=[attachment["id"]])
    alice.say(conversation, LINKS)
    person = enter(bob)
    expect(person.item(conversation["id"])).to_contain_text(ATTACK)
    person.open(conversation["id"])
    expect(person.see("thread-title")).to_have_text(ATTACK)
    expect(person.message(ATTACK)).to_be_visible()
    expect(person.message(ATTACK).locator(".author")).to_have_text(ATTACK)
    expect(person.see("attachment")).to_have_attribute("title", attachment["filename"])
    expect(person.message(LINKS).get_by_role("link")).to_have_text(["https://example.org/?a="])
    person.see("attachment").click()
    expect(person.see("dialog")).to_contain_text(attachment["filename"])
    person.page.keyboard.press("Escape")
    person.see("conversation-settings").click()
    expect(person.see("participant").first).to_be_visible()
    expect(person.see("participant").filter(has_text=ATTACK)).to_have_count(1)
    person.page.keyboard.press("Escape")
    expect(person.see("dialog")).to_be_hidden()
    person.see("user-search").fill(alice.username)
    expect(person.see("user-result")).to_contain_text(ATTACK)
    person.write(ATTACK + "!").hover()
    expect(person.message(ATTACK + "!")).to_have_attribute("data-status", "sent")
    assert injected(person.page) is None


def test_markup_as_a_name_is_refused_or_text(enter: Entering) -> None:
    newcomer = enter()
    newcomer.guest.expect_complaint("status of 422")
    newcomer.fill_in_registration("<b>bold</b>", shown=ATTACK)
    expect(newcomer.see("form-error")).to_be_visible()
    newcomer.fill_in_registration(unique("plain"), shown=ATTACK, password=PASSWORD)
    expect(newcomer.see("me")).to_contain_text(ATTACK)
    assert injected(newcomer.page) is None


def test_markup_is_text_in_the_console(visitor: VisitorFactory, server: ServerProcess, alice: User, bob: User) -> None:
    conversation = alice.group(bob, title=ATTACK)
    page = visitor().open(f"{server.url}/console")
    page.get_by_test_id("console-token").fill(bob.token)
    page.get_by_test_id("console-autojoin").check()
    page.get_by_test_id("console-connect").click()
    expect(page.get_by_test_id("console-status")).to_have_attribute("data-state", "connected")
    alice.say(conversation, ATTACK)
    alice.answer("PATCH", f"/conversations/{conversation['id']}", {"title": ATTACK + "!"})
    log = page.get_by_test_id("console-log-entry")
    expect(log.filter(has_text="message:new")).to_contain_text("<script>window.hacked=2</script>")
    expect(log.filter(has_text="conversation:updated")).to_contain_text("<img src=x")
    assert injected(page) is None


def test_the_pages_own_policy_would_stop_what_slipped_through(enter: Entering) -> None:
    stranger = enter()
    stranger.guest.expect_complaint("Content Security Policy")
    stranger.page.evaluate(
        "text => { document.getElementById('app').insertAdjacentHTML('beforeend', text); }",
        '<img src="data:," onerror="window.hacked=5">',
    )
    stranger.page.wait_for_function("document.querySelector('img[onerror]').complete")
    assert stranger.page.evaluate("window.hacked ?? null") is None
