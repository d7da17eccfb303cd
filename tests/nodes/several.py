"""A server of several processes, each of which a test can find."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections import Counter
from pathlib import Path

import requests

from tests.nodes.conftest import eventually
from tests.support.server import ServerProcess

SEVERAL = {"WEB_CONCURRENCY": "2", "TRANSPORTS": "websocket"}


class Several(ServerProcess):
    """`python app.py` with `SEVERAL`."""

    def events(self, event: str) -> list[dict[str, str]]:
        """What the parent logged under this name, in order."""
        lines = [line for line in self.child.err.lines() if f'"event": "{event}"' in line]
        return [dict(re.findall(r'"(\w+)": "?([^",}]+)', line)) for line in lines]

    def pids(self) -> dict[int, int]:
        """Who serves, by number; those that have been replaced are not among them."""
        return {int(line["number"]): int(line["pid"]) for line in self.events("a process serves")}

    def started(self) -> list[int]:
        """All that have ever served."""
        return [int(line["pid"]) for line in self.events("a process serves")]

    def send(self, number: int, what: signal.Signals) -> int:
        """A signal to one process; its pid."""
        pid = self.pids()[number]
        os.kill(pid, what)
        return pid

    def figures(self) -> dict[int, dict[str, float]]:
        """Each process's own, by its pid: asked, over new connections, until each has answered."""
        found: dict[int, dict[str, float]] = {}

        def all_answered() -> bool:
            answer = requests.get(f"{self.url}/metrics", timeout=10)
            (pid,) = re.findall(r'^parley_process_info\{.*pid="(\d+)"', answer.text, re.MULTILINE)
            found[int(pid)] = {
                name: float(value) for name, value in re.findall(r"^(\w+) ([0-9.e+]+)$", answer.text, re.MULTILINE)
            }
            return set(self.pids().values()) <= set(found)

        eventually(all_answered)
        return found

    def connections(self) -> Counter[int]:
        """How many sockets each process has, by its pid."""
        return Counter({pid: int(figures["parley_connections"]) for pid, figures in self.figures().items()})


def lives(pid: int) -> bool:
    """Whether there is such a process. One that nobody has waited for counts as gone, where that can be seen."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        with contextlib.suppress(FileNotFoundError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return True
    return False


def end_without_trace(pids: list[int], seconds: float = 10.0) -> None:
    """Wait until none of them lives."""
    eventually(lambda: not any(lives(pid) for pid in pids), seconds)
