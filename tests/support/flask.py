"""`flask ...`, as an administrator types it on the server's machine."""

from __future__ import annotations

import subprocess
import sys

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
