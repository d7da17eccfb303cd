"""The house's import rule, read from the source: a room may skip floors, and never climbs."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import PROJECT

FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"app"}),
    frozenset({"blueprints", "sockets", "commands"}),
    frozenset({"services"}),
    frozenset({"realtime"}),
    frozenset({"schemas"}),
    frozenset({"models"}),
    frozenset({"extensions"}),
    frozenset({"engine", "starting"}),
    # `origins` (whose pages may call) and `logs` know settings and nothing else of ours, as `runtime` does.
    frozenset({"runtime", "origins", "logs"}),
    frozenset({"settings"}),
)
"""From the top down. A module imports from the floors below its own; rooms of one floor do not know each other."""

OUTSIDE = {"migrations": {"extensions", "models", "settings"}, "bin": set[str](), "benchmarks": {"models", "tests"}}
"""Folders that nobody imports, and all that they may know: bin/ runs before anything is installed."""

MADE = {".build", "node_modules"}
"""Folders of what is fetched and built, not written."""

OF_A_REQUEST = {"request", "g", "session", "abort"}
"""What Flask knows of the request under way; below the second floor there is none."""

ENVIRONMENT = {"environ", "environb", "getenv"}

FILE_LINES = 300
LONGER = {"settings.py": 400}
"""A table with an entry a setting may be longer; code may not."""

FUNCTION_LINES = 40


@dataclass(frozen=True)
class Source:
    """One of our modules. `room` is its first folder, or its own name at the top level."""

    path: Path
    room: str
    tree: ast.Module

    def __str__(self) -> str:
        return str(self.path.relative_to(PROJECT))

    def imports(self) -> Iterator[tuple[str, str, int]]:
        """Module, imported name (empty for a plain `import`) and line, also of those inside functions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "", node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self}:{node.lineno}: a relative import hides which room it is from"
                yield from ((node.module or "", alias.name, node.lineno) for alias in node.names)

    def rooms(self) -> Iterator[tuple[str, int]]:
        """The rooms of ours that it imports, with the line."""
        for module, _, line in self.imports():
            first = module.partition(".")[0]
            if first in ROOMS or first in OUTSIDE or first == "tests":
                yield first, line

    def request_lines(self) -> set[int]:
        """The lines where it touches a name of Flask's request, a `flask.request` included."""
        lines = {line for module, name, line in self.imports() if module == "flask" and name in {*OF_A_REQUEST, "*"}}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and node.attr in OF_A_REQUEST and _is_name(node.value, "flask"):
                lines.add(node.lineno)
        return lines


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


ROOMS = frozenset[str]().union(*FLOORS)


@functools.cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the project but the tests."""
    paths = [*PROJECT.glob("*.py")]
    for folder in (*ROOMS, *OUTSIDE):
        paths += [path for path in (PROJECT / folder).rglob("*.py") if not MADE & set(path.parts)]
    return tuple(
        Source(path, path.relative_to(PROJECT).parts[0].removesuffix(".py"), ast.parse(path.read_text()))
        for path in sorted(paths)
    )


def floor(room: str) -> int:
    """How many floors are above it."""
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def below(room: str) -> set[str]:
    """The rooms of ours that it may import: itself, and those of lower floors."""
    return {room, *OUTSIDE[room]} if room in OUTSIDE else {room, *frozenset[str]().union(*FLOORS[floor(room) + 1 :])}


def test_every_python_file_has_a_place_in_the_rule() -> None:
    tops = {path.name.removesuffix(".py") for path in PROJECT.glob("*.py")}
    tops |= {
        path.parent.name
        for path in PROJECT.glob("*/*.py")
        if path.parent.name not in {"tests", "node_modules"} and not path.parent.name.startswith(".")
    }
    assert tops == ROOMS | set(OUTSIDE)
    assert {source.room for source in sources()} == ROOMS | set(OUTSIDE)


@pytest.mark.parametrize("room", sorted(ROOMS | set(OUTSIDE)))
def test_a_room_imports_downwards_only(room: str) -> None:
    climbs = [
        f"{source}:{line} imports {imported}"
        for source in sources()
        if source.room == room
        for imported, line in source.rooms()
        if imported not in below(room)
    ]
    assert climbs == []


def test_the_rule_sees_what_it_forbids() -> None:
    """The rule, held against code that breaks it."""
    text = "def f():\n    from services import messages\n    import flask\n    return flask.request\n"
    source = Source(PROJECT / "realtime" / "x.py", "realtime", ast.parse(text))
    assert [room for room, _ in source.rooms() if room not in below("realtime")] == ["services"]
    assert source.request_lines() == {4}
    assert "sockets" not in below("blueprints")
    assert "origins" not in below("runtime")
    assert below("settings") == {"settings"}


def test_no_room_is_told_of_a_request_but_those_that_face_it() -> None:
    quiet = [source for source in sources() if source.room in ROOMS and floor(source.room) >= floor("services")]
    assert len(quiet) > 30
    assert [f"{source}:{line}" for source in quiet for line in sorted(source.request_lines())] == []


def test_only_runtime_knows_eventlet() -> None:
    users = {
        str(source)
        for source in sources()
        for module, _, _ in source.imports()
        if module.partition(".")[0] in {"eventlet", "greenlet"}
    }
    assert users == {"runtime/hub.py", "runtime/loop.py"}


def test_only_settings_reads_the_environment() -> None:
    readers = set()
    for source in sources():
        if any(module == "os" and name in ENVIRONMENT for module, name, _ in source.imports()):
            readers.add(str(source))
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and _is_name(node.value, "os"):
                readers.add(str(source))
    passes_it_on = {"bin/bootstrap.py", "bin/checks.py", "benchmarks/node.py", "benchmarks/paths.py"}
    assert readers == {"settings.py", *passes_it_on}, (
        "they pass it on to pip, npm, pytest and servers, and read no setting"
    )


def test_bin_needs_nothing_installed() -> None:
    needed = {
        module.partition(".")[0] for source in sources() if source.room == "bin" for module, _, _ in source.imports()
    }
    assert needed - set(sys.stdlib_module_names) == set()


def test_files_stay_short() -> None:
    counts = {str(source): len(source.path.read_text().splitlines()) for source in sources()}
    for path in (PROJECT / "web").rglob("*"):
        if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.relative_to(PROJECT).parts:
            counts[str(path.relative_to(PROJECT))] = len(path.read_text().splitlines())
    counts = {name: count for name, count in counts.items() if not name.startswith("migrations/")}
    assert {name: count for name, count in counts.items() if count >= LONGER.get(name, FILE_LINES)} == {}


def test_functions_stay_short() -> None:
    long = {
        f"{source}: {node.name}": node.end_lineno - node.lineno + 1
        for source in sources()
        if source.room != "migrations"
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 >= FUNCTION_LINES
    }
    assert long == {}
