"""`flask ...`, as an administrator types it on the server's machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from tests.support.processes import PROJECT, Child
from tests.support.server import ServerProcess


def flask(server: ServerProcess, *words: str, stdin: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
    """`flask --app app ...` with the server's settings; it must end with this status."""
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    env = {**server.env, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=PROJECT, env=env, input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def quickly(server: ServerProcess, *words: str, status: int = 0) -> Told:
    """The same, without a process of its own."""
    told = Administrator.of(server).run(*words)
    assert told.status == status, told.out + told.err
    return told


def service_token(server: ServerProcess, name: str, *options: str) -> str:
    """A new service token: what `flask relay token` prints."""
    (token,) = quickly(server, "relay", "token", "--name", name, *options).out.splitlines()
    return token


EACH = """
import json, sys
from flask.cli import ScriptInfo, cli
import app
made = app.create_app()
for line in sys.stdin:
    told = made.test_cli_runner().invoke(cli, json.loads(line), obj=ScriptInfo(create_app=lambda: made))
    print(json.dumps([told.exit_code, told.stdout, told.stderr]), flush=True)
"""
"""Runs a command a line: to start a process for each takes far longer than the command."""


class Told(NamedTuple):
    """What a command came to."""

    status: int
    out: str
    err: str


class Administrator:
    """A process that runs one `flask --app app ...` after the other."""

    _last: ClassVar[Administrator | None] = None

    def __init__(self, env: Mapping[str, str]) -> None:
        """`env` as the server's."""
        self._env = dict(env)
        self._child = Child([sys.executable, "-c", EACH], env={**env, "PYTHONWARNINGS": "ignore"}, stdin=True)
        self._asked = 0

    @classmethod
    def of(cls, server: ServerProcess) -> Administrator:
        """The server's, kept until that of another is asked for."""
        last = cls._last
        if last is None or last._env != server.env or not last._child.running:
            if last is not None:
                last.close()
            cls._last = last = cls(server.env)
        return last

    def run(self, *words: str) -> Told:
        """What the command came to."""
        self._asked += 1
        self._child.write_line(json.dumps(words))
        line = self._child.out.wait_count(self._asked, timeout=60)
        assert line is not None, self._child.err.text()
        return Told(*json.loads(line))

    def close(self) -> None:
        """End it."""
        self._child.kill()


def flask_each(env: Mapping[str, str], commands: Sequence[Sequence[str]]) -> list[Told]:
    """Each of them as `flask --app app ...` does it, all in one process."""
    administrator = Administrator(env)
    try:
        return [administrator.run(*words) for words in commands]
    finally:
        administrator.close()
