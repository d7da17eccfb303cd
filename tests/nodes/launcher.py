"""Starts the server as an application that uses Flask-SocketIO's own API: a few calls to it, over HTTP.

`python launcher.py APP`. The routes are added when `blueprints.register` runs, which is after the monkey patch that
`app.py` begins with; the server itself knows nothing of them.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import runpy
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

TARGET = "blueprints"


class Addition(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `blueprints` as ever, and adds to its `register`."""

    def __init__(self) -> None:
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
        register = module.register

        def register_more(app: Any) -> None:
            register(app)
            add_routes(app)

        setattr(module, register.__name__, register_more)


def add_routes(app: Any) -> None:
    """One for each verb of Flask-SocketIO; the JSON body has its arguments, `{"bytes": [0, 255]}` for bytes."""
    from flask import jsonify, request  # noqa: PLC0415 (after the patch)

    from extensions import socketio  # noqa: PLC0415

    def emit() -> Any:
        body = request.get_json()
        args = (
            bytes(one["bytes"]) if isinstance(one, dict) and "bytes" in one else one for one in body.pop("args", [])
        )
        socketio.emit(body.pop("event"), tuple(args), **body)
        return jsonify(ok=True)

    def call() -> Any:
        body, answers, answered = request.get_json(), [], threading.Event()

        def take(*args: Any) -> None:
            answers.append(args)
            answered.set()

        socketio.emit(body["event"], body["data"], to=body["to"], callback=take)
        answered.wait(5)
        return jsonify(answers=answers)

    def disconnect() -> Any:
        socketio.server.disconnect(request.get_json()["sid"], namespace="/")
        return jsonify(ok=True)

    def room() -> Any:
        body = request.get_json()
        getattr(socketio.server, body["change"])(*body["args"], namespace="/")
        return jsonify(ok=True)

    for verb in (emit, call, disconnect, room):
        app.post(f"/test/{verb.__name__}")(verb)


def main() -> None:
    """Run the server."""
    app = Path(sys.argv[1])
    sys.path[0] = str(app.parent)
    sys.argv = [str(app)]
    sys.meta_path.insert(0, Addition())
    runpy.run_path(str(app), run_name="__main__")


if __name__ == "__main__":
    main()
