"""`flask ...`, as an administrator types it on the server's machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.support.processes import PROJECT
from tests.support.server import ServerProcess


def flask(server: ServerProcess, *words: str, stdin: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
    """`flask --app app ...` with the server's settings; it must end with this status."""
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    env = {**server.env, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=PROJECT, env=env, input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def service_token(server: ServerProcess, name: str, *options: str) -> str:
    """A new service token: what `flask relay token` prints."""
    (token,) = flask(server, "relay", "token", "--name", name, *options).stdout.splitlines()
    return token


EACH = """
import json, sys
from flask.cli import ScriptInfo, cli
import app
made = app.create_app()
for words in json.load(sys.stdin):
    told = made.test_cli_runner().invoke(cli, words, obj=ScriptInfo(create_app=lambda: made))
    print(json.dumps([told.exit_code, told.stdout, told.stderr]))
"""


class Told(NamedTuple):
    """What a command came to."""

    status: int
    out: str
    err: str


def flask_each(env: Mapping[str, str], commands: Sequence[Sequence[str]]) -> list[Told]:
    """Each of them as `flask --app app ...` does it, all in one process: to start one takes far longer."""
    done = subprocess.run(
        [sys.executable, "-c", EACH],
        cwd=PROJECT,
        env={**env, "PYTHONWARNINGS": "ignore"},
        input=json.dumps([list(words) for words in commands]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [Told(*json.loads(line)) for line in done.stdout.splitlines()]
