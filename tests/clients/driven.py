"""Clients of web/parley.js in a Node process, spoken with line by line (driver.mjs)."""

from __future__ import annotations

import json
from pathlib import Path
from signal import Signals
from typing import Any, Self

from tests.support.api import User
from tests.support.node import node_program
from tests.support.processes import Child

DRIVER = Path(__file__).with_name("driver.mjs")


class Driver:
    """One process, with any number of clients in it."""

    def __init__(self) -> None:
        self.child = Child([node_program(), DRIVER], env={"NODE_NO_WARNINGS": "1"}, stdin=True)
        self._asked = 0
        self._seen = 0
        self._lines: list[dict[str, Any]] = []

    def client(self, user: User, url: str | None = None, name: str = "", **options: Any) -> Driven:
        """A client of this user; `options` as the library's, and `tokens`, `storage`, `withLocks` of driver.mjs."""
        name = name or user.username
        if "tokens" not in options:
            options.setdefault("token", user.token)
        given = {"url": url or user.server.url, "user": user.id, **options}
        self.ask(name, "make", given)
        return Driven(self, name)

    def start(self, client: str, method: str, *args: object) -> int:
        """Begin a call; its number."""
        self._asked += 1
        call = {"id": self._asked, "client": client, "method": method, "args": args}
        self.child.write_line(json.dumps(call))
        return self._asked

    def answer(self, number: int, timeout: float = 20.0) -> dict[str, Any]:
        """What a call came to: `{value}` or `{error: {code, message}}`."""
        return self._wait(rf'^{{"answer":{number},', timeout)

    def ask(self, client: str, method: str, *args: object) -> Any:
        """A call's value; it must succeed."""
        answer = self.answer(self.start(client, method, *args))
        assert "error" not in answer, answer["error"]["message"]
        return answer["value"]

    def heard(self) -> list[dict[str, Any]]:
        """All lines so far."""
        lines = self.child.out.lines()
        self._lines += [json.loads(line) for line in lines[self._seen :]]
        self._seen = len(lines)
        return self._lines

    def wait(self, client: str, event: str, number: int, timeout: float) -> dict[str, Any]:
        """The client's `number`th such event, heard already or awaited."""
        return self._wait(rf'^{{"client":{json.dumps(client)},"event":{json.dumps(event)},"n":{number},', timeout)

    def _wait(self, pattern: str, timeout: float) -> dict[str, Any]:
        found = self.child.out.wait_for(pattern, timeout)
        if not found:
            last = "\n".join(self.child.out.lines()[-60:])
            raise AssertionError(f"no {pattern} in {timeout} s\n{last}\n{self.child.err.text()}")
        line: dict[str, Any] = json.loads(found.string)
        return line

    def finish(self) -> None:
        """Close all clients; the process must end by itself, and well."""
        assert self.child.process.stdin
        self.child.process.stdin.close()
        status = self.child.wait(15)
        assert (status, self.child.err.text()) == (0, ""), self.child.err.text()

    def kill(self) -> None:
        """No farewell."""
        self.child.signal(Signals.SIGKILL)
        self.child.wait(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self.child.running:
            self.finish()
        elif self.child.running:
            self.child.kill()


class Driven:
    """One client."""

    def __init__(self, driver: Driver, name: str) -> None:
        self.driver = driver
        self.name = name

    def __getattr__(self, method: str) -> Any:
        """A method of the library by its own name: `client.join(id)`."""
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *args: self.driver.ask(self.name, method, *args)

    def refused(self, method: str, *args: object) -> str:
        """The error code of a call that must fail."""
        answer = self.driver.answer(self.driver.start(self.name, method, *args))
        code: str = answer["error"]["code"]
        return code

    def online(self) -> Driven:
        """Connect, and wait until it has synced."""
        before = self.count("synced")
        self.driver.ask(self.name, "connect")
        self.wait("synced", before + 1)
        return self

    def say(self, conversation: dict[str, Any], content: str, **more: object) -> str:
        """Send a message; its `temp_id`."""
        temp_id: str = self.send({"conversationId": conversation["id"], "content": content, **more})["temp_id"]
        return temp_id

    def wait(self, event: str, number: int = 1, timeout: float = 20.0) -> Any:
        """What the `number`th such event told."""
        return self.driver.wait(self.name, event, number, timeout)["data"]

    def wait_where(self, event: str, timeout: float = 20.0, **fields: object) -> Any:
        """What the first such event told whose fields are these."""
        number = 1
        while True:
            data = self.wait(event, number, timeout)
            if all(data.get(name) == value for name, value in fields.items()):
                return data
            number += 1

    def wait_state(self, state: str, after: int = 0, timeout: float = 20.0) -> int:
        """Wait for the first change to `state` later than the `after`th change; which change it was."""
        number = after + 1
        while self.wait("state", number, timeout) != state:
            number += 1
        return number

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Its events of this name, with `n` and `at` (ms)."""
        return [line for line in self.driver.heard() if line.get("client") == self.name and line["event"] == event]

    def events(self, event: str) -> list[Any]:
        """What they told."""
        return [line["data"] for line in self.lines(event)]

    def count(self, event: str) -> int:
        """How many there were."""
        return len(self.lines(event))

    def seqs(self) -> list[int]:
        """The `seq` of each message that the app was told of, in that order."""
        return [message["seq"] for message in self.events("message")]

    def contents(self) -> list[str]:
        """Their contents."""
        return [message["content"] for message in self.events("message")]
