"""A small disk: a tmpfs in a user and mount namespace, made without root, full whenever we like."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.processes import Child

MEGABYTES = 64
CHUNK = 1 << 16


class SmallDisk:
    """64 MB at `folder`, for those inside the namespace only. A holder keeps it while the server is down."""

    def __init__(self, folder: Path) -> None:
        """Raises AssertionError where this system lets nobody make namespaces; see `missing()`."""
        script = f'mount -t tmpfs -o size={MEGABYTES}m tmpfs "$1" && echo mounted && exec sleep 100000'
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder)]
        self._holder = Child(command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        if self._holder.out.wait_for("^mounted$") is None:
            self._holder.kill()
            raise AssertionError(f"no small disk: {self._holder.err.text()}")
        self.inside = Path(f"/proc/{self._holder.pid}/root{folder}")
        """The same folder, seen from outside."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """A command that runs another one inside."""
        return ("nsenter", "-t", str(self._holder.pid), "--user", "--mount", "--preserve-credentials", "--")

    def fill(self) -> None:
        """Take all that is left."""
        with (self.inside / "filler").open("ab", buffering=0) as file:
            size = CHUNK
            while size:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Give it back."""
        (self.inside / "filler").unlink(missing_ok=True)

    def stop(self) -> None:
        """The disk is gone, with all that is on it."""
        self._holder.kill()


def missing() -> str | None:
    """Why there can be no small disk here; None where there can."""
    try:
        command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=10)
        entered = subprocess.run(["nsenter", "--version"], capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if made.returncode == entered.returncode == 0 else made.stderr.strip()
