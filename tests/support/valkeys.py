"""Several Valkeys together: a cluster, and one that a sentinel watches; and TLS before one."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.valkey import Valkey

SLOTS = 16_384


def ask(port: int, *command: str) -> object:
    """The reply to one command."""
    client = redis.Redis(port=port, socket_timeout=5)
    try:
        return client.execute_command(*command)  # type: ignore[no-untyped-call]
    finally:
        client.close()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it; a server that does not answer yet is no matter."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(redis.RedisError):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


class ValkeyCluster:
    """Three servers with a third of the slots each."""

    def __init__(self) -> None:
        """Start and join them."""
        self.servers: list[Valkey] = []
        try:
            for _ in range(3):
                self.servers.append(
                    Valkey("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", in_cluster=True)
                )
            first = self.servers[0]
            for number, server in enumerate(self.servers):
                low, high = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
                ask(server.port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))  # or they make them differ later on
                ask(server.port, "CLUSTER", "ADDSLOTSRANGE", str(low), str(high))
                if server is not first:
                    ask(first.port, "CLUSTER", "MEET", "127.0.0.1", str(server.port), str(server.bus_port))
            for server in self.servers:
                until(lambda port=server.port: self._complete(port))  # type: ignore[misc]
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def _complete(port: int) -> bool:
        info = ask(port, "CLUSTER", "INFO")
        assert isinstance(info, bytes)
        return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info

    @property
    def url(self) -> str:
        """As `REDIS_URL` takes it: two of them are enough to find the others."""
        return "redis://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers[:2])

    def move_slot(self, slot: int) -> None:
        """Give a slot, which must be without keys, to another server.

        As a migration, or the taker makes no new epoch, and whoever hears an older word of the owner may believe that.
        """
        number = next(number for number in range(3) if slot < SLOTS * (number + 1) // 3)
        owner, taker, third = (self.servers[(number + step) % 3] for step in range(3))
        old, new = self._name(owner), self._name(taker)
        ask(taker.port, "CLUSTER", "SETSLOT", str(slot), "IMPORTING", old)
        ask(owner.port, "CLUSTER", "SETSLOT", str(slot), "MIGRATING", new)
        for server in (taker, owner, third):
            ask(server.port, "CLUSTER", "SETSLOT", str(slot), "NODE", new)

    @staticmethod
    def _name(server: Valkey) -> str:
        name = ask(server.port, "CLUSTER", "MYID")
        assert isinstance(name, bytes)
        return name.decode()

    def stop(self) -> None:
        """End them."""
        for server in self.servers:
            server.stop()


class _Sentinel(Valkey):
    """Watches a server under a name, and puts its replica in its place half a second after it was last heard."""

    READY = "Sentinel ID is"

    def __init__(self, service: str, watched: Valkey) -> None:
        self._service, self._watched = service, watched
        super().__init__()

    def _arguments(self) -> list[str]:
        config = self._folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"sentinel monitor {self._service} 127.0.0.1 {self._watched.port} 1\n"
            f"sentinel down-after-milliseconds {self._service} 500\n"
            f"sentinel failover-timeout {self._service} 3000\n"
        )
        return [str(config), "--sentinel"]


class WatchedValkey:
    """A server with a replica, and a sentinel that puts the replica in its place when it is gone."""

    SERVICE = "parley"

    def __init__(self) -> None:
        """Start all three."""
        self.servers = [Valkey()]
        self._sentinel: _Sentinel | None = None
        try:
            master = self.servers[0]
            self.servers.append(Valkey("--replicaof", "127.0.0.1", str(master.port), "--repl-diskless-sync-delay", "0"))
            self._sentinel = _Sentinel(self.SERVICE, master)
            until(self._knows_replica)
        except BaseException:
            self.stop()
            raise

    def _knows_replica(self) -> bool:
        assert self._sentinel
        replicas = ask(self._sentinel.port, "SENTINEL", "REPLICAS", self.SERVICE)
        return isinstance(replicas, list) and len(replicas) == 1

    @property
    def url(self) -> str:
        """As `REDIS_URL` takes it."""
        assert self._sentinel
        return f"redis+sentinel://127.0.0.1:{self._sentinel.port}/{self.SERVICE}"

    def stop(self) -> None:
        """End them."""
        for server in [self._sentinel, *self.servers]:
            if server is not None:
                server.stop()


class TlsFront:
    """TLS with a certificate that nobody vouches for, before a server on the loopback."""

    def __init__(self, port: int) -> None:
        """Listen, and pass on to `port`."""
        self._target = port
        self._folder = Path(tempfile.mkdtemp(prefix="parley-tls-"))
        self.certificate = self._folder / "certificate.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, _make_certificate(self.certificate))
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()
        self._ready.wait(10)

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            await asyncio.gather(_copy(reader, outside), _copy(inside, writer))
        finally:
            outside.close()
            writer.close()

    def stop(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """What comes from one, to the other, until either ends."""
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError, RuntimeError):
        target.close()


def _make_certificate(path: Path) -> Path:
    """A self-signed certificate for the loopback at `path`; returns where its key is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = path.with_name("key.pem")
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return secret
