"""Where the server is and how to get in: what the spellings of `REDIS_URL` mean."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

from redis import Connection, RedisError, ResponseError, SSLConnection
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

OPEN_SECONDS = 2.0
"""How long a server may take to accept a connection, and for each answer until it is open."""

PORT, SENTINEL_PORT = 6379, 26379

SCHEME = re.compile(r"(?:redis|valkey)(?P<tls>s?)(?P<sentinel>\+sentinel)?")


class AddressError(ValueError):
    """The address cannot be used; its text is a sentence."""


class Opened:
    """A connection of the redis library that is open, logged in, its database chosen."""

    def __init__(self, connection: Connection) -> None:
        raw = connection._get_socket()
        if raw is None:
            raise OSError("the connection is gone")
        self._connection = connection
        self.socket: socket.socket = raw

    def ask(self, *command: str) -> Any:
        """The reply to one command; a refusal is returned. Raises RedisError, OSError."""
        try:
            self._connection.send_command(*command)  # type: ignore[no-untyped-call]
            return self._connection.read_response()
        except ResponseError as error:
            return error

    def close(self) -> None:
        """Let go of it."""
        self._connection.disconnect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Address:
    """A server, or the sentinels that know it by the name `service`. `options` are those of redis's `Connection`."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    tls: bool
    database: int
    options: dict[str, Any] = field(default_factory=dict)
    sentinel_options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str, *, verify: bool = True) -> Self:
        """The address in `url`; `verify` off takes any certificate. Raises AddressError.

        `redis`, `rediss`, `valkey`, `valkeys`, each also with `+sentinel`:
        `redis+sentinel://user:password@host:port,host:port/service/database?sentinel_password=…`.
        """
        split = urlsplit(url)
        match = SCHEME.fullmatch(split.scheme)
        if match is None or not split.netloc:
            raise AddressError("must begin with redis://, rediss://, valkey:// or valkeys://, each perhaps +sentinel")
        sentinel = bool(match["sentinel"])
        service, database = _path(split, sentinel)
        options = _options(split, bool(match["tls"]))
        own = {name.removeprefix("sentinel_"): options.pop(name) for name in [*options] if name.startswith("sentinel_")}
        if match["tls"] and not verify:
            options["ssl_cert_reqs"] = "none"
        hosts = _hosts(split, SENTINEL_PORT if sentinel else PORT)
        return cls(hosts, service, bool(match["tls"]), database, options, own)

    def resolve(self) -> tuple[str, int]:
        """The server's host and port at this moment. Raises RedisError where no sentinel knows it."""
        if not self.service:
            return self.hosts[0]
        options = {"socket_timeout": OPEN_SECONDS, "retry": Retry(NoBackoff(), 0), **self.sentinel_options}
        sentinel = Sentinel(list(self.hosts), sentinel_kwargs=options)  # type: ignore[no-untyped-call]
        try:
            host, port = sentinel.discover_master(self.service)  # type: ignore[no-untyped-call]
        finally:
            for client in sentinel.sentinels:
                client.close()
        return str(host), int(port)

    def open(self, host: str, port: int, name: str) -> Opened:
        """An open connection, under this name for whoever looks. Raises RedisError, OSError."""
        kind = SSLConnection if self.tls else Connection
        try:
            connection = kind(
                host=host,
                port=port,
                db=self.database,
                client_name=name,
                protocol=2,
                driver_info=None,
                socket_timeout=OPEN_SECONDS,
                socket_connect_timeout=OPEN_SECONDS,
                **self.options,
            )
            connection.connect()  # type: ignore[no-untyped-call]
        except (ValueError, TypeError) as error:  # an option that the library does not take
            raise RedisError(str(error)) from error
        return Opened(connection)


def _hosts(split: SplitResult, port: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for text in split.netloc.rpartition("@")[2].split(","):
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/]+)(?::([0-9]{1,5}))?", text)
        if match is None:
            raise AddressError(f"has no host and port in {text!r}")
        hosts.append((match[1].strip("[]"), int(match[2] or port)))
    return tuple(hosts)


def _path(split: SplitResult, sentinel: bool) -> tuple[str, int]:
    """The sentinels' name for the service, and the database's number."""
    parts = [part for part in split.path.split("/") if part]
    service = parts.pop(0) if sentinel and parts else ""
    if sentinel and not service:
        raise AddressError("must name the sentinels' service: redis+sentinel://host:port,host:port/service")
    if len(parts) > 1 or any(not part.isascii() or not part.isdigit() for part in parts):
        raise AddressError("may end with the number of a database, as in redis://host:6379/0")
    return service, int(parts[0]) if parts else 0


def _options(split: SplitResult, tls: bool) -> dict[str, Any]:
    """User, password and what the query says, as the redis library reads it."""
    login = split.netloc.rpartition("@")[0]
    scheme = "rediss" if tls else "redis"
    try:
        found = parse_url(  # type: ignore[no-untyped-call]
            f"{scheme}://{login + '@' if login else ''}host?{split.query}"
        )
    except ValueError as error:
        raise AddressError(str(error)) from error
    unknown = [name for name in found if not name.startswith(("ssl_", "sentinel_")) and name not in KNOWN]
    if unknown:
        raise AddressError(f"has an option that is not known here: {', '.join(sorted(unknown))}")
    return {name: value for name, value in found.items() if name not in ("host", "connection_class")}


KNOWN = {"host", "connection_class", "username", "password"}
