"""Somebody at the chat page: what they do there and what they see, by the page's `data-testid` hooks."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.api import PASSWORD, User
from tests.support.browser import Visitor

STORED = re.compile("^(sent|delivered|read)$")
"""The `data-status` of a message that the server has."""


class Person:
    """One browser profile on the chat page."""

    def __init__(self, guest: Visitor, url: str) -> None:
        """The page at `url`, nobody logged in yet."""
        self.guest = guest
        self.page: Page = guest.open(url)

    def see(self, hook: str) -> Locator:
        """What carries this hook."""
        return self.page.get_by_test_id(hook)

    def fill_in_registration(self, name: str, *, shown: str, password: str = PASSWORD) -> None:
        """Fill in the form of a new account and send it."""
        self.see("tab-register").click()
        self.see("register-username").fill(name)
        self.see("register-display-name").fill(shown)
        self.see("register-password").fill(password)
        self.see("register-submit").click()

    def log_in(self, user: User) -> None:
        """Log in through the form, and wait until the live connection is there."""
        self.see("tab-login").click()
        self.see("login-username").fill(user.username)
        self.see("login-password").fill(user.password)
        with self.page.expect_response(re.compile("/api/users/me$")):
            self.see("login-submit").click()
        expect(self.see("me")).to_be_visible()

    def item(self, conversation_id: str) -> Locator:
        """A conversation in the list."""
        return self.page.locator(f'[data-testid="conversation-item"][data-conversation-id="{conversation_id}"]')

    def open(self, conversation_id: str) -> None:
        """Open a conversation from the list."""
        self.item(conversation_id).click()
        expect(self.see("composer")).to_be_visible()

    def write(self, text: str) -> Locator:
        """Write a message and send it; the message in the thread."""
        self.see("composer").fill(text)
        self.see("composer").press("Enter")
        return self.message(text)

    def message(self, text: str) -> Locator:
        """The messages of the open conversation with exactly this text."""
        return self.see("message").filter(has=self.page.locator("[data-testid=content]", has_text=exactly(text)))

    def texts(self) -> list[str]:
        """The texts of the open conversation, oldest first."""
        return self.see("content").all_inner_texts()

    def confirm(self) -> None:
        """Say yes to the page's question."""
        self.see("confirm").click()
        expect(self.see("dialog")).to_be_hidden()

    def session(self) -> Any:
        """What the page keeps of its login."""
        return json.loads(self.page.evaluate("localStorage.getItem('parley.session')") or "null")

    def __str__(self) -> str:
        return self.page.url


def exactly(text: str) -> re.Pattern[str]:
    """A pattern of this text and nothing else."""
    return re.compile(f"^{re.escape(text)}$")
