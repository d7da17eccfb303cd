"""The official client as it comes, in a Node process, over a connection that the test can break (recovering.mjs)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.support.node import NodeScript

SCRIPT = Path(__file__).with_name("recovering.mjs")


class Page:
    """One client with the token `token`; `auth` besides it, and the official client's own options."""

    def __init__(self, url: str, token: str, auth: Mapping[str, object] | None = None, **options: Any) -> None:
        options.setdefault("transports", ["websocket"])
        self._script = NodeScript(SCRIPT, url=url, auth={"token": token, **(auth or {})}, **options)

    def connected(self, number: int = 1, timeout: float = 15.0) -> dict[str, Any]:
        """How its `number`th connection began: `id`, `recovered`, `pid`, `offset`, `transport`."""
        found: dict[str, Any] = self._script.wait_for(f'^{{"connected":{number},', timeout)
        return found

    def refused(self, timeout: float = 15.0) -> dict[str, Any]:
        """Why the server did not let it in: `refused` and `data`. A connection that fails has no data."""
        found: dict[str, Any] = self._script.wait_for('^{"refused":.*"data":{', timeout)
        return found

    def ask(self, event: str, payload: object) -> Any:
        """Send an event; what it was acknowledged with."""
        answers = self._answers(event)
        self.send(event, payload)
        self._until(lambda: len(self._answers(event)) > len(answers))
        return self._answers(event)[len(answers)]

    def _answers(self, event: str) -> list[Any]:
        return [line["answer"] for line in self.lines() if line.get("answered") == event]

    def send(self, event: str, payload: object) -> None:
        """The same without waiting."""
        self._script.send({"emit": [event, payload]})

    def change(self, **auth: object) -> None:
        """Come with another `auth` from now on."""
        self._script.send({"change": auth})

    def close_transport(self) -> None:
        """The client closes its connection below Socket.IO, as a page that is left does."""
        self._script.send({"close": True})

    def open(self) -> None:
        """Connect, where it does not do so by itself."""
        self._script.send({"open": True})

    def wait(self, event: str, number: int = 1, timeout: float = 15.0) -> list[Any]:
        """Until it has heard so many events of this name; their first arguments."""
        self._until(lambda: len(self.events(event)) >= number, timeout)
        return self.events(event)

    def lines(self) -> list[dict[str, Any]]:
        """Everything that it told."""
        return self._script.lines()

    def arguments(self, event: str) -> list[list[Any]]:
        """All arguments of each of these events, the offset at their end."""
        return [line["args"] for line in self.lines() if line.get("event") == event]

    def events(self, event: str) -> list[Any]:
        """The first argument of each."""
        return [args[0] if args else None for args in self.arguments(event)]

    def contents(self) -> list[str]:
        """The contents of all messages that it heard of, in that order."""
        return [message["content"] for message in self.events("message:new")]

    def names(self) -> list[str]:
        """The names of everything heard."""
        return [line["event"] for line in self.lines() if "event" in line]

    def settle(self) -> None:
        """Wait, by a round trip, until all that was sent to it so far has come."""
        self.ask("echo", None)

    def _until(self, condition: Callable[[], object], timeout: float = 15.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, self._script.report()
            time.sleep(0.01)

    def close(self) -> None:
        """End it in order."""
        self._script.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._script.close()
