"""The library in a real browser: drafts in IndexedDB, and pages that know of each other by their locks."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.conftest import VisitorFactory
from tests.support.api import User
from tests.support.server import ServerProcess

MAKE = """async ([token, user, online]) => {
    const { Parley } = await import('/parley.js');
    const environment = online ? undefined : { isOnline: () => false, watch: () => () => {} };
    window.parley = new Parley({ token, user, ...(environment ? { environment } : {}) });
    window.sent = [];
    window.parley.on('outbox', ({ state, draft }) => state === 'sent' && window.sent.push(draft.content));
    await window.parley.connect();
}"""

SEND = """([conversationId, contents]) => {
    for (const content of contents) window.parley.send({ conversationId, content });
}"""

STORED = """async ([user, count]) => {
    const { indexedDbStorage } = await import('/parley.js');
    return (await indexedDbStorage(`parley::${user}`).drafts()).length === count;
}"""


def make(page: Page, user: User, *, online: bool) -> None:
    """A client of this user's in the page."""
    page.evaluate(MAKE, [user.token, user.id, online])


def stored(user: User, conversation: dict[str, str]) -> list[str]:
    """The contents of a conversation, oldest first."""
    items = user.answer("GET", f"/conversations/{conversation['id']}/messages")["items"]
    return [message["content"] for message in reversed(items)]


def test_drafts_survive_a_reload(server: ServerProcess, visitor: VisitorFactory, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    page = visitor().open(server.url)
    make(page, alice, online=False)
    page.evaluate(SEND, [conversation["id"], ["one", "two", "three"]])
    page.wait_for_function(STORED, arg=[alice.id, 3])
    page.reload()
    make(page, alice, online=True)
    page.wait_for_function("() => window.sent.length === 3")
    assert stored(bob, conversation) == ["one", "two", "three"]
    page.wait_for_function(STORED, arg=[alice.id, 0])


def test_a_page_takes_over_from_one_that_was_closed(
    server: ServerProcess, visitor: VisitorFactory, alice: User, bob: User
) -> None:
    conversation = alice.direct(bob)
    profile = visitor()
    first, second = profile.open(server.url), profile.open(server.url)
    make(first, alice, online=False)
    first.evaluate(SEND, [conversation["id"], ["left behind"]])
    first.wait_for_function(STORED, arg=[alice.id, 1])
    make(second, alice, online=True)
    second.evaluate(SEND, [conversation["id"], ["my own"]])
    second.wait_for_function("() => window.sent.length === 1")
    assert stored(bob, conversation) == ["my own"]
    first.close()
    second.wait_for_function("() => window.sent.length === 2")
    assert stored(bob, conversation) == ["my own", "left behind"]
