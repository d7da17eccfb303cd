"""What the browser's tests are given beside the general fixtures."""

from __future__ import annotations

import json
from typing import Protocol

import jwt
import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.conftest import VisitorFactory
from tests.support.api import Addressed, User


class Entering(Protocol):
    """Opens the chat page."""

    def __call__(self, user: User | None = None, *, at: Addressed | None = None, **options: object) -> Person:
        """A fresh profile with `user` logged in, or nobody; `options` as for Playwright's `new_context`."""


def remembered(user: User) -> dict[str, object]:
    """The browser of somebody who has logged in on the chat page, as the page itself would have left it."""
    exp = jwt.decode(user.token, options={"verify_signature": False})["exp"]
    session = {
        "user": user.profile,
        "token": user.token,
        "refreshToken": user.refresh_token,
        "lifetime": user.expires_in * 1000,
        "expiresAt": exp * 1000,
    }
    kept = [{"name": "parley.session", "value": json.dumps(session)}, {"name": "parley.known", "value": "1"}]
    return {"cookies": [], "origins": [{"origin": user.server.url, "localStorage": kept}]}


@pytest.fixture
def enter(visitor: VisitorFactory, request: pytest.FixtureRequest) -> Entering:
    """Opens the chat page: `enter(alice)` is logged in, `enter(at=server)` is nobody yet."""

    def make(user: User | None = None, *, at: Addressed | None = None, **options: object) -> Person:
        server: Addressed = at or (user.server if user else request.getfixturevalue("server"))
        if user:
            options["storage_state"] = remembered(user)
        person = Person(visitor(**options), server.url)
        if user:
            expect(person.page.locator(".pane-thread .welcome:not(:has(.spinner))")).to_be_attached()
        return person

    return make
