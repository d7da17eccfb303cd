"""What the documents say is there, is there; and no file names a machine's path or a package's host."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from schemas.errors import STATUS
from settings import PROJECT, Settings
from tests.support.api import Api
from tests.support.flask import flask_each
from tests.support.node import NodeScript
from tests.support.server import ServerProcess
from tests.support.sockets import Sock

CACHES = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
MADE = {".venv", ".build", "node_modules", "vendor", "data", ".git", *CACHES}
"""Folders whose content is not the project's."""

# In pieces, so that this file passes its own test.
MACHINES = [rf"(?<![\w.-])/{name}/" for name in ("work", "root", "home", "Users", "tmp")]
HOSTS = [rf"\b{name}\b" for name in ("registry\\.npmjs", "pypi\\.org", "pythonhosted", "proxy\\.golang", "artifactory")]
EXEMPT = {"tests/test_docs.py", "LICENSE"}


@functools.cache
def files() -> tuple[Path, ...]:
    """The project's files: those that git knows or would take; outside a checkout all that set-up did not make."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    if shutil.which("git") and (PROJECT / ".git").exists():
        listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0")
        found = [PROJECT / name for name in listed if name]
    else:
        found = [path for path in PROJECT.rglob("*") if not MADE & set(path.relative_to(PROJECT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


@functools.cache
def documents() -> dict[str, str]:
    """The text of every document by its name."""
    return {str(path.relative_to(PROJECT)): path.read_text() for path in files() if path.suffix == ".md"}


def readme() -> str:
    """The README."""
    return documents()["README.md"]


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for name, text in documents().items():
        plain = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        links = re.findall(r"\]\(([^)\s]+)\)", plain)
        for link in links:
            if not re.match(r"[a-z]+:", link) and not link.startswith("#"):
                target = (PROJECT / name).parent / link.partition("#")[0]
                if not target.exists():
                    broken.append(f"{name}: {link}")
    assert broken == []


def test_every_document_is_reached_from_the_readme() -> None:
    folders = {match.rstrip("/") for match in re.findall(r"\]\((docs/[^)]+/|docs/[^)]+\.md)\)", readme())}
    orphans = [
        name
        for name in documents()
        if name.startswith("docs/") and name not in folders and str(Path(name).parent) not in folders
    ]
    assert orphans == []


def test_every_variable_that_the_readme_names_is_a_setting() -> None:
    known = {item.metadata["name"] for item in dataclasses.fields(Settings)}
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})(?:=[^`]*)?`", readme()))
    named |= set(re.findall(r"\b([A-Z]+_[A-Z_]+)=", readme()))
    assert len(named & known) > 25
    assert named - known == {"DATABASE"}, "DATABASE is the tests' own (tests/conftest.py)"


def test_the_readme_says_every_code_of_an_error() -> None:
    (told,) = re.findall(r"^- `error` is a code(.*?)^- ", readme(), re.DOTALL | re.MULTILINE)
    assert set(STATUS) == set(re.findall(r"`([a-z_]+)`", told)) - {"fields", "message"}


def test_every_file_and_folder_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`((?:\.?[a-z_]+/)+|[a-z_]+\.py|[A-Z][a-z]+file|app\.json|bin/[a-z_]+)`", readme()))
    assert {"bin/test", "services/", "app.py", "Procfile"} <= named
    assert {name for name in named if not (PROJECT / name).exists()} == {"data/"} - {
        f"{path.name}/" for path in PROJECT.iterdir()
    }


def test_every_flask_command_of_the_readme_exists(tmp_path: Path) -> None:
    commands = sorted(set(re.findall(r"flask --app app ([a-z -]+[a-z])", readme())))
    assert len(commands) > 5
    env = {"PATH": os.environ.get("PATH", os.defpath), "DATA_DIR": str(tmp_path)}
    for command, told in zip(commands, flask_each(env, [[*one.split(), "--help"] for one in commands]), strict=True):
        assert told.status == 0, f"{command}: {told.err}"
        assert "Usage: " in told.out


def test_every_command_that_the_readme_starts_is_there() -> None:
    for block in re.findall(r"```sh\n(.*?)```", readme(), re.DOTALL):
        for line in block.splitlines():
            program = line.split()[0]
            assert (PROJECT / program).is_file() or shutil.which(program), line


def test_the_readmes_front_end_works_as_it_stands(server: ServerProcess, api: Api) -> None:
    """Only its address, the names and the password are put in."""
    (script,) = re.findall(r"```js\n(.*?)```", readme(), re.DOTALL)
    alice, bob = api.register(), api.register()
    for old, new in (
        ("http://localhost:3000", server.url),
        ("'alice'", f"'{alice.username}'"),
        ("query=bob", f"query={bob.username}"),
        ("'correct horse'", f"'{alice.password}'"),
    ):
        assert script.count(old) == 1
        script = script.replace(old, new)
    said = "socket.on('message:new', (message) => console.log("
    assert said in script
    with (
        Sock(server, bob.token, auto_join=True) as listening,
        NodeScript(script.replace(said, said + "JSON.stringify(message) && ")) as node,
    ):
        message = listening.wait_for("message:new", timeout=20)
        assert (message["content"], message["senderId"]) == ("Hello", alice.id)
        assert node.report().count("Error") == 0, node.report()


def test_no_file_names_a_machines_path_or_a_packages_host() -> None:
    found = []
    for path in files():
        name = str(path.relative_to(PROJECT))
        if name in EXEMPT or path.suffix in {".png", ".jpg", ".ico", ".woff2"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if any(re.search(pattern, line) for pattern in [*MACHINES, *HOSTS]):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    assert found == []


def test_documents_are_plain_text() -> None:
    """No emoji, no tabs, no lines that nobody wraps."""
    for name, text in documents().items():
        assert not re.search("[\u2600-\u27bf\U0001f300-\U0001faff]", text), name
        assert "\t" not in text, name
