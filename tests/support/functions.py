"""The functions in docs/examples, each as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.node import node_program
from tests.support.processes import PROJECT, Child

EXAMPLES = PROJECT / "docs" / "examples"
FUNCTIONS: dict[str, list[str | Path]] = {
    "Python": [sys.executable, "-I", EXAMPLES / "order_function.py"],
    "Node": [node_program(), EXAMPLES / "order-function.mjs"],
}
"""`-I`: with nothing but the standard library's own."""

Order = dict[str, str]


def run(language: str, url: str, token: str, order: Order) -> Child:
    """The function with this event, ended."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "PARLEY_URL": url, "PARLEY_TOKEN": token}
    child = Child([*FUNCTIONS[language], *(f"{name}={value}" for name, value in order.items())], env=env)
    child.wait(30)
    return child
