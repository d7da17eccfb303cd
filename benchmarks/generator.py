"""The load generator: compiled on first use, run as a process, its JSON lines read."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.paths import BUILD, FOLDER, CannotMeasure, environment
from tests.support.processes import Child

SOURCES = FOLDER / "loadgen"
Figures = dict[str, Any]
"""What a line of the generator says: names and numbers."""


@functools.cache
def program() -> Path:
    """The generator, compiled from the sources as they are now. Raises CannotMeasure."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.iterdir()):
        digest.update(path.read_bytes())
    made = BUILD / f"loadgen-{digest.hexdigest()[:16]}"
    if not made.is_file():
        _compile(made)
    return made


def _compile(made: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotMeasure("the load generator is written in C, and no compiler (cc, gcc or clang) was found here.")
    made.parent.mkdir(parents=True, exist_ok=True)
    draft = made.with_suffix(".new")
    command = [compiler, "-O2", "-o", str(draft), *(str(path) for path in sorted(SOURCES.glob("*.c")))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotMeasure(f"the load generator cannot be compiled:\n{done.stderr}")
    draft.replace(made)


class Load:
    """One run of the generator. Where it was told to hold (`-k`), `release` lets it go on."""

    def __init__(self, plan: Path, port: int | str, pid: int | str, options: str) -> None:
        """Connect the plan's clients to the server with this port and process id; to several: `3001,3002`."""
        command: list[str | Path] = [program(), plan, "-p", str(port), "-P", str(pid), *options.split()]
        self._child = Child(command, env=environment(), stdin=True)

    def event(self, name: str, timeout: float) -> Figures:
        """The line of this phase. Raises CannotMeasure where none comes in `timeout` seconds."""
        found = self._child.out.wait_for(rf'^{{"event":"{re.escape(name)}"', timeout)
        if found is None:
            said = self._child.err.text() or self._child.out.text()
            how = (
                f"within {timeout:.0f} s"
                if self._child.running
                else f"(it ended with {self._child.process.returncode})"
            )
            raise CannotMeasure(f"the load generator did not get to '{name}' {how}. It said: {said or 'nothing'}")
        figures: Figures = json.loads(found.string)
        return figures

    def release(self) -> None:
        """Let a held run go on."""
        assert self._child.process.stdin
        self._child.process.stdin.close()

    def end(self, timeout: float = 30.0) -> None:
        """Wait until it has ended."""
        self._child.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.running:
            self._child.kill()


def run(plan: Path, port: int, pid: int, options: str, event: str = "measured", timeout: float = 180.0) -> Figures:
    """A whole run; the line of its last phase."""
    with Load(plan, port, pid, options) as load:
        figures = load.event(event, timeout)
        load.end()
    return figures
