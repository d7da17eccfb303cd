"""Where the benchmarks find and leave things, and what they tell whom."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "benchmarks"
BUILD = FOLDER / ".build"
"""What is compiled or fetched; git ignores it."""

RESULTS = PROJECT / "docs" / "benchmarks"

PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")


class CannotMeasure(Exception):
    """Something that a measurement needs is not here; the text is the sentence that the user is shown."""


def environment(**more: str) -> dict[str, str]:
    """A process's environment: what any program needs of ours, and `more`; no setting leaks in."""
    return {**{name: os.environ[name] for name in PASSED_ON if name in os.environ}, **more}


def say(text: str) -> None:
    """One line to the person who waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
