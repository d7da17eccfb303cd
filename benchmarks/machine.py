"""The machine: what it is, and how steady it was."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import node
from benchmarks.paths import PROJECT

SPIN = 2_000_000
"""Turns of an empty loop: about a tenth of a second."""

SPINS = 5


def describe() -> dict[str, Any]:
    """What was measured on, and what was measured."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return {
        "cores": os.cpu_count(),
        "cpu": cpu[1] if cpu else platform.machine(),
        "memory_gb": round(int(memory[1]) / 1e6, 1) if memory else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": _python_version(),
        "node": _node_version(),
        "commit": _commit(),
    }


def _python_version() -> str:
    """The servers' too."""
    asked = [sys.executable, "-I", "-S", str(PROJECT / "bin" / "bootstrap.py"), "--is-optimized"]
    optimized = subprocess.run(asked, check=False).returncode == 0
    return platform.python_version() + ("" if optimized else ", not an optimized build")


def _node_version() -> str:
    program = node.found()
    if program is None:
        return "none"
    return subprocess.run([str(program), "--version"], capture_output=True, text=True).stdout.strip()


def _commit() -> str:
    """The commit that is checked out, and whether files differ from it; empty outside a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def steadiness() -> dict[str, float]:
    """How busy the machine is, and the seconds of a loop that always does the same: what others take shows in it."""
    times = []
    for _ in range(SPINS):
        begun = time.perf_counter()
        for _ in range(SPIN):
            pass
        times.append(time.perf_counter() - begun)
    return {"load": os.getloadavg()[0], "spin_s": statistics.median(times), "spin_longest_s": max(times)}
