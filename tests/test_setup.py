"""The files that set-up and hosting read say what they must, and the commands keep their promises."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packaging.markers import Marker

from settings import Settings
from tests.support.processes import PROJECT

SET_BY_HOSTS = {"DYNO"}
"""Settings that nobody sets by hand."""


def pins(name: str) -> list[str]:
    """What a requirements file installs on this machine, without the condition where one is said."""
    lines = (PROJECT / name).read_text().splitlines()
    found = [line.partition("; ") for line in lines if line and not line.startswith(("#", "-r "))]
    return [pin for pin, _, condition in found if not condition or Marker(condition).evaluate()]


def modules(root: Path) -> dict[str, bytes]:
    """The page's modules by name."""
    return {path.name: path.read_bytes() for path in sorted((root / "web" / "vendor").iterdir())}


def bare_checkout(tmp_path: Path) -> Path:
    """The folder of programs of a machine that has no Python yet, and bin/setup in a checkout beside it."""
    folder = tmp_path / "a checkout" / "bin"
    folder.mkdir(parents=True)
    shutil.copy(PROJECT / "bin" / "setup", folder / "setup")
    path = tmp_path / "path"
    path.mkdir()
    for tool in ("sh", "dirname"):
        found = shutil.which(tool)
        assert found
        (path / tool).symlink_to(found)
    return path


def shim(program: Path, cases: str) -> None:
    """A program that answers by what it is given."""
    program.write_text(f'#!/bin/sh\ncase "$*" in {cases};; esac\n')
    program.chmod(0o755)


def set_up(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the checkout's bin/setup where there are only these programs."""
    command: list[str | Path] = ["/bin/sh", path.parent / "a checkout" / "bin" / "setup", "--dev"]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"])
def test_every_requirement_is_pinned_exactly_and_once(name: str) -> None:
    lines = pins(name)
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line)] == []
    names = [line.partition("==")[0].lower().replace("_", "-") for line in lines]
    assert len(set(names)) == len(names)


def test_what_is_installed_is_what_is_pinned() -> None:
    command = [sys.executable, "-m", "pip", "freeze", "--disable-pip-version-check"]
    frozen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.lower().replace("_", "-")
    wanted = {pin.lower().replace("_", "-") for pin in pins("requirements.txt") + pins("requirements-dev.txt")}
    assert wanted - set(frozen.split()) == set()
    node = {pin.lower() for pin in pins("requirements-node.txt")}
    assert set(frozen.split()) - wanted - node == set(), "installed, but not pinned"


def test_the_lock_names_no_package_host_and_pins_by_digest() -> None:
    text = (PROJECT / "package-lock.json").read_text()
    assert "resolved" not in text
    assert "registry" not in text
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []


def test_the_example_of_the_environment_lists_every_setting() -> None:
    listed = re.findall(r"^#([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)
    known = {item.metadata["name"] for item in dataclasses.fields(Settings)} - SET_BY_HOSTS
    assert len(set(listed)) == len(listed)
    assert set(listed) == known


def test_the_example_shows_the_defaults() -> None:
    text = (PROJECT / ".env.example").read_text()
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert Settings.load(shown) == Settings.load({})


@pytest.mark.parametrize("name", ["setup", "run", "test", "post_compile", "../.ci/run"])
def test_commands_can_be_executed(name: str) -> None:
    assert (PROJECT / "bin" / name).stat().st_mode & stat.S_IXUSR


@pytest.mark.alone
def test_setup_is_instant_when_there_is_nothing_to_do() -> None:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        done = subprocess.run([PROJECT / "bin" / "setup", "--dev"], cwd="/", capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - started)
        assert (done.stdout, done.stderr) == ("", "")
    assert min(seconds) < 0.5


def test_the_page_has_its_modules() -> None:
    found = modules(PROJECT)
    assert set(found) == {
        "htm-preact.js",
        "htm.js",
        "preact-hooks.js",
        "preact.js",
        "socket.io.esm.min.js",
        "socket.io.min.js",
    }
    assert b"Socket.IO v4.8" in found["socket.io.esm.min.js"]
    imported = {match for text in found.values() for match in re.findall(rb'from ?"([^"]+)"', text)}
    assert imported == {b"preact", b"htm"}, "the page's import map knows these names"


def test_procfile_and_app_json_start_what_is_there() -> None:
    assert (PROJECT / "Procfile").read_text().splitlines() == [
        "release: python -m flask --app app db upgrade",
        "web: python app.py",
    ]
    described = json.loads((PROJECT / "app.json").read_text())
    names = {item.metadata["name"] for item in dataclasses.fields(Settings)}
    assert set(described["env"]) <= names
    assert described["env"]["JWT_SECRET"]["generator"] == "secret"
    python = (PROJECT / ".python-version").read_text().strip()
    assert tuple(int(part) for part in python.split(".")) >= (3, 11)


@pytest.mark.parametrize(
    ("optimized", "taken"),
    [(("python3", "python3.12"), "python3"), (("python3.12", "python3.11"), "python3.12")],
)
def test_setup_takes_a_python_that_was_built_to_be_fast(tmp_path: Path, optimized: tuple[str, ...], taken: str) -> None:
    """A checkout without .venv, on a machine with a few that say of themselves how they were built."""
    path = bare_checkout(tmp_path)
    for name in ("python3", "python3.12", "python3.11"):
        shim(
            path / name,
            f'*version_info*) echo "$0";; *--is-optimized*) exit {int(name not in optimized)};; *) echo "{name}: $*"',
        )
    told = set_up(path)
    assert told.stderr == ""
    assert told.stdout == f"{taken}: -I {tmp_path}/a checkout/bin/bootstrap.py --dev\n"


def test_setup_refuses_an_old_python_in_a_sentence(tmp_path: Path) -> None:
    """A checkout without .venv, on a machine whose only Python says that it is too old."""
    path = bare_checkout(tmp_path)
    shim(path / "python3", "*3,\\ 11*) exit 1;; *) echo 3.9")
    told = set_up(path)
    assert told.returncode == 1
    assert told.stderr == (
        "Parley needs Python 3.11 or newer, but python3 here is 3.9. Install a newer one and run bin/setup again.\n"
    )
