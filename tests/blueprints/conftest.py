"""In these tests every answer and every event is held against its schema, whatever else the test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import requests

from tests.blueprints.answers import check_answer, check_event
from tests.conftest import SockFactory
from tests.support.api import Api, User
from tests.support.sockets import Sock

PASSING = {"user:status"}
"""Events that come from sockets' coming and going, not from what a test does."""


@pytest.fixture(autouse=True)
def schemas_are_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check every call as it is answered, and at the end every event that any socket heard."""
    send, on_event = Api._send, Sock._on_event
    events: list[tuple[str, Any]] = []

    def checked_send(self: Api, method: str, url: str, json: object, options: dict[str, Any]) -> requests.Response:
        response = send(self, method, url, json, options)
        if not options.get("stream"):
            check_answer(method, url, response)
        return response

    def checked_event(self: Sock, name: str, *args: Any) -> None:
        events.append((name, args[0] if args else None))
        on_event(self, name, *args)

    monkeypatch.setattr(Api, "_send", checked_send)
    monkeypatch.setattr(Sock, "_on_event", checked_event)
    yield
    for name, data in events:
        check_event(name, data)


class Listeners:
    """Sockets of several people, each in all of their conversations, and what an action made each of them hear."""

    def __init__(self, sock: SockFactory, people: dict[str, User]) -> None:
        self.socks = {name: sock(user, auto_join=True) for name, user in people.items()}

    def __getitem__(self, name: str) -> Sock:
        return self.socks[name]

    def hear(self, action: Callable[[], Any]) -> dict[str, list[str]]:
        """The names of the events that each of them heard of `action`, in order; nobody else's are left out."""
        for listener in self.socks.values():
            listener.settle()
            listener.clear()
        action()
        for listener in self.socks.values():
            listener.settle()
        return {
            name: [event for event in listener.names() if event not in PASSING] for name, listener in self.socks.items()
        }


ListenersFactory = Callable[..., Listeners]


@pytest.fixture
def listeners(sock: SockFactory) -> ListenersFactory:
    """Makes listeners: `listeners(alice=alice, bob=bob)`."""
    return lambda **people: Listeners(sock, people)


def bad_bodies(send: Callable[[Any], requests.Response], cases: Iterable[tuple[Any, str]]) -> None:
    """Send each body, which must be refused as `validation_failed` naming the field; all that are not are told."""
    wrong = []
    for body, field in cases:
        response = send(body)
        fields = response.json().get("fields", {}) if response.status_code == 422 else {}
        if not any(name == field or name.startswith(f"{field}.") for name in fields):
            wrong.append((body, field, response.status_code, response.text[:300]))
    assert not wrong
