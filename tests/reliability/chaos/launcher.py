"""Starts the server with a bomb in it: SIGKILL on the n-th commit with messages, before it is published.

`python launcher.py APP N`. The server itself has no hooks for tests; this one replaces `services.work.publish` at the
moment of that module's import, which must stay where it is: after the monkey patch that `app.py` begins with.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import itertools
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

TARGET = "services.work"


class Bomb(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `services.work` as ever, and changes it once it is loaded."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._stock: importlib.abc.Loader | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See importlib."""
        if fullname != TARGET:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        self._stock, spec.loader = spec.loader, self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """See importlib."""
        assert self._stock is not None
        self._stock.exec_module(module)
        publish = module.publish
        calls = itertools.count(1)

        def publish_or_die(outcome: Any) -> None:
            told = {event.name for packet in outcome.packets for event in packet.events}
            if "message:new" in told and next(calls) >= self._at:  # receipts are committed too, and named by nobody
                os.kill(os.getpid(), signal.SIGKILL)
            publish(outcome)

        setattr(module, publish.__name__, publish_or_die)


def main() -> None:
    """Run the server until the bomb goes off."""
    app, at = Path(sys.argv[1]), int(sys.argv[2])
    sys.path[0] = str(app.parent)
    sys.argv = [str(app)]
    sys.meta_path.insert(0, Bomb(at))
    runpy.run_path(str(app), run_name="__main__")


if __name__ == "__main__":
    main()
