"""Every environment variable that Parley reads: once, typed and checked.

A bad value stops the start with a sentence. The README's table is compared with `Settings` by a test, so that
neither can be changed alone. Nothing else in the project reads `os.environ`.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PROJECT = Path(__file__).resolve().parent
VERSION = "0.1.0"
DATA = PROJECT / "data"


class SettingError(ValueError):
    """A setting that cannot be used; its text is the sentence that the operator is shown."""


Parser = Callable[[str], Any]


def integer(low: int, high: int) -> Parser:
    """A parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) or not low <= int(text) <= high:
            raise SettingError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def number(low: float, high: float) -> Parser:
    """A parser of numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise SettingError(f"must be a number from {low:g} to {high:g}, not {text!r}") from None
        if not low <= value <= high:
            raise SettingError(f"must be a number from {low:g} to {high:g}, not {text!r}")
        return value

    return parse


def choice(*allowed: str) -> Parser:
    """A parser of one word out of `allowed`, whatever its case."""

    def parse(text: str) -> str:
        if text.strip().lower() not in allowed:
            raise SettingError(f"must be one of {', '.join(allowed)}, not {text!r}")
        return text.strip().lower()

    return parse


def switch(text: str) -> bool:
    """`1`, `on`, `true`, `yes` or their opposites."""
    word = text.strip().lower()
    if word in ("1", "on", "true", "yes"):
        return True
    if word in ("0", "off", "false", "no"):
        return False
    raise SettingError(f"must be on or off, not {text!r}")


def words(*allowed: str) -> Parser:
    """A parser of a comma-separated list; any words at all where `allowed` is empty."""

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(word.strip() for word in text.split(",") if word.strip())
        unknown = [word for word in found if allowed and word not in allowed]
        if unknown or (allowed and not found):
            raise SettingError(f"must be a list of {', '.join(allowed)}, not {text!r}")
        return found

    return parse


def origins(text: str) -> tuple[str, ...]:
    """Origins as browsers send them (`https://chat.example.com`), without a trailing slash; `null` where listed."""
    found = tuple(word.lower().rstrip("/") for word in words()(text))
    for origin in found:
        if origin != "null" and not re.fullmatch(r"https?://[^/?#@\s]+", origin):
            raise SettingError(f"must be a list of origins such as https://chat.example.com, not {origin!r}")
    return found


def database_url(text: str) -> str:
    """A PostgreSQL address in either spelling, rewritten to the one driver that does not stop the event loop."""
    match = re.fullmatch(r"(?:postgresql\+psycopg2|postgresql|postgres)://(\S*)", text.strip())
    if match and not re.search(r":(?![0-9]+$)[^:@\]]*$", match[1].partition("/")[0]):
        return f"postgresql+psycopg2://{match[1]}"
    raise SettingError("must begin with postgres:// or postgresql:// (leave it out for the embedded SQLite)")


def redis_url(text: str) -> str:
    """The address of a Redis or Valkey, in one of the spellings that hosting providers hand out."""
    if not re.match(r"(redis|valkey)s?(\+sentinel)?://", text):
        raise SettingError("must begin with redis://, rediss://, valkey:// or valkeys://, each perhaps with +sentinel")
    return text.strip()


def folder(text: str) -> Path:
    """A folder, relative ones counted from the project."""
    return (PROJECT / Path(text).expanduser()).resolve()


def setting(name: str, default: Any, meaning: str, parse: Parser = str) -> Any:
    """One field of `Settings`, with what the README's table says of it."""
    return field(default=default, metadata={"name": name, "meaning": meaning, "parse": parse})


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's configuration. Each field names its environment variable, its default and its meaning."""

    port: int = setting("PORT", 3000, "Port to listen on; 0 asks the system for a free one.", integer(0, 65535))
    host: str = setting("HOST", "0.0.0.0", "Address to listen on.")  # noqa: S104 (a dyno's router needs it)
    environment: str = setting(
        "ENVIRONMENT",
        "development",
        "`production` refuses to start without a `JWT_SECRET`; it is the default on a dyno.",
        choice("development", "production"),
    )
    client_url: tuple[str, ...] = setting(
        "CLIENT_URL",
        ("http://localhost:5173",),
        "Origins of other sites' pages that may use REST and sockets, comma-separated.",
        origins,
    )
    data_dir: Path = setting(  # noqa: RUF009 (a field, as the others)
        "DATA_DIR",
        DATA,
        "Folder for the embedded database, uploads and the development secret.",
        folder,
    )
    database_url: str = setting(
        "DATABASE_URL", "", "PostgreSQL address; empty means SQLite in `DATA_DIR`.", database_url
    )
    database_pool: int = setting(
        "DATABASE_POOL", 10, "PostgreSQL connections at most, for one process.", integer(2, 500)
    )
    sqlite_synchronous: str = setting(
        "SQLITE_SYNCHRONOUS",
        "full",
        "`full` flushes each commit to disk before it is acknowledged; `normal` survives the server's crash only.",
        choice("full", "normal"),
    )
    redis_url: str = setting(
        "REDIS_URL",
        "",
        "Redis or Valkey address, the relay between several servers; not needed for one.",
        redis_url,
    )
    redis_tls_verify: bool = setting(
        "REDIS_TLS_VERIFY",
        True,
        "`off` takes any certificate of `rediss://`; Heroku's own are self-signed.",
        switch,
    )
    redis_prefix: str = setting(
        "REDIS_PREFIX", "parley", "Before every name in Redis; installations that share a Redis need different ones."
    )
    jwt_secret: str = setting(
        "JWT_SECRET",
        "",
        "Secret that signs tokens (HS256), 32 bytes or more; in development one is made into `DATA_DIR`.",
    )
    jwt_public_key: str = setting(
        "JWT_PUBLIC_KEY",
        "",
        "PEM public key of a host application that mints its own tokens (RS256, ES256, EdDSA).",
    )
    jwt_jwks_file: str = setting("JWT_JWKS_FILE", "", "JSON file with such keys as a key set.")
    auto_provision: bool = setting(
        "AUTO_PROVISION", False, "Create unknown users of validly signed tokens at first sight.", switch
    )
    token_hours: float = setting("TOKEN_HOURS", 24.0, "Life of an access token, hours.", number(0.0001, 8760))
    refresh_days: float = setting("REFRESH_DAYS", 30.0, "Life of a refresh token, days.", number(0.0001, 3650))
    rate_limits: bool = setting(
        "RATE_LIMITS", True, "`off` lifts the limits on guessing passwords and on service tokens.", switch
    )
    relay_per_minute: int = setting(
        "RELAY_PER_MINUTE", 6000, "Calls of one service token to `/api/relay` in a minute.", integer(1, 10_000_000)
    )
    trusted_proxies: int = setting(
        "TRUSTED_PROXIES",
        0,
        "Proxies in front whose `X-Forwarded-For` is believed; 1 on a dyno.",
        integer(0, 10),
    )
    transports: tuple[str, ...] = setting(
        "TRANSPORTS",
        ("polling", "websocket"),
        "Socket.IO transports that are offered.",
        words("polling", "websocket"),
    )
    ping_interval: float = setting("PING_INTERVAL", 25.0, "Seconds between two pings to a client.", number(0.1, 3600))
    ping_timeout: float = setting(
        "PING_TIMEOUT", 60.0, "Seconds that a client has to answer a ping.", number(0.1, 3600)
    )
    presence_grace: float = setting(
        "PRESENCE_GRACE",
        5.0,
        "Seconds after the last socket of a user until they are offline.",
        number(0, 600),
    )
    presence_lease: float = setting(
        "PRESENCE_LEASE",
        20.0,
        "Seconds after which a server that says nothing any more is dead, and its users offline.",
        number(0.4, 600),
    )
    drain_seconds: float = setting(
        "DRAIN_SECONDS",
        8.0,
        "Seconds that requests and events under way have to finish on SIGTERM.",
        number(0, 25),
    )
    async_mode: str = setting(
        "ASYNC_MODE",
        "eventlet",
        "`threading` serves with threads, without eventlet (slower).",
        choice("eventlet", "threading"),
    )
    engine: str = setting(
        "ENGINE",
        "fast",
        "`stock` serves sockets with the libraries as they come (much slower).",
        choice("fast", "stock"),
    )
    send_queue_bytes: int = setting(
        "SEND_QUEUE_BYTES", 4_194_304, "Unsent bytes of one socket before it is cut.", integer(65_536, 1_000_000_000)
    )
    send_queue_seconds: float = setting(
        "SEND_QUEUE_SECONDS", 30.0, "Seconds that a socket may take nothing before it is cut.", number(1, 3600)
    )
    recovery_seconds: float = setting(
        "RECOVERY_SECONDS",
        120.0,
        "Seconds that a client whose connection broke has to come back to its session.",
        number(0, 3600),
    )
    recovery_sessions: int = setting(
        "RECOVERY_SESSIONS", 10_000, "Sessions that wait for their client at most.", integer(0, 1_000_000)
    )
    recovery_bytes: int = setting(
        "RECOVERY_BYTES",
        33_554_432,
        "Memory for what such clients missed, all together; `0` turns connection state recovery off.",
        integer(0, 10_000_000_000),
    )
    events_in_flight: int = setting(
        "EVENTS_IN_FLIGHT",
        64,
        "Events of one client that may wait for their turn; then it is read no further.",
        integer(1, 10_000),
    )
    connect_seconds: float = setting(
        "CONNECT_SECONDS", 45.0, "Seconds that a new connection has until its Socket.IO CONNECT.", number(0.1, 600)
    )
    log_level: str = setting(
        "LOG_LEVEL",
        "info",
        "`debug` traces every packet, without its content.",
        choice("debug", "info", "warning", "error"),
    )
    content_max_chars: int = setting("CONTENT_MAX_CHARS", 8000, "Characters in a message.", integer(1, 1_000_000))
    upload_max_mb: float = setting("UPLOAD_MAX_MB", 25.0, "Size of an uploaded file, MiB.", number(0.001, 10_240))
    packet_max_bytes: int = setting(
        "PACKET_MAX_BYTES",
        1_000_000,
        "Size of a socket packet or a JSON body, bytes.",
        integer(1000, 100_000_000),
    )
    web_concurrency: int = setting(
        "WEB_CONCURRENCY",
        1,
        "Processes that share the port. More than one need `DATABASE_URL`, `REDIS_URL` and `TRANSPORTS=websocket`; "
        "else one serves, and says why.",
        integer(1, 1000),
    )
    dyno: str = setting(
        "DYNO",
        "",
        "Set by dyno hosts: makes `production` the default and warns of a disk that goes with the dyno.",
    )

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Settings from `environ`; empty variables count as absent. Raises SettingError naming the variable."""
        values: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            name, text = item.metadata["name"], environ.get(item.metadata["name"], "")
            if text.strip():
                try:
                    values[item.name] = item.metadata["parse"](text)
                except SettingError as error:
                    raise SettingError(f"{name} {error}.") from None
        if "environment" not in values and values.get("dyno"):
            values["environment"] = "production"
        if "trusted_proxies" not in values and values.get("dyno"):
            values["trusted_proxies"] = 1
        loaded = cls(**values)
        loaded.check()
        return loaded

    def check(self) -> None:
        """Rules that span settings. Raises SettingError."""
        if self.jwt_secret and len(self.jwt_secret.encode()) < 32:
            raise SettingError("JWT_SECRET must have 32 bytes or more (RFC 7518, section 3.2).")
        if self.environment == "production" and not self.jwt_secret:
            raise SettingError(
                "JWT_SECRET must be set in production: 32 bytes or more, for example from `openssl rand -hex 32`."
            )
        if self.jwt_public_key and not re.match(r"\s*-----BEGIN (RSA )?PUBLIC KEY-----", self.jwt_public_key):
            raise SettingError("JWT_PUBLIC_KEY must be a public key in PEM (-----BEGIN PUBLIC KEY-----).")
        if self.jwt_jwks_file and not Path(self.jwt_jwks_file).is_file():
            raise SettingError(f"JWT_JWKS_FILE names no file: {self.jwt_jwks_file}.")

    def against_several(self) -> list[str]:
        """What keeps this from being several processes on one port; empty where nothing does.

        SQLite is one process's own, the relay connects them, and polls of one client would come to either.
        """
        found = [f"{name} is not set" for name in ("DATABASE_URL", "REDIS_URL") if not getattr(self, name.lower())]
        return [*found, "TRANSPORTS is not websocket"] if self.transports != ("websocket",) else found

    @property
    def processes(self) -> int:
        """How many processes share the port."""
        return 1 if self.against_several() else self.web_concurrency

    @property
    def upload_max_bytes(self) -> int:
        """The largest file that is taken, in bytes."""
        return int(self.upload_max_mb * 1024 * 1024)

    @property
    def database_uri(self) -> str:
        """The SQLAlchemy address of the database in use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'parley.db'}"


def read_environment() -> Settings:
    """The settings of this process; leaves with a sentence on standard error where one is bad."""
    try:
        return Settings.load(os.environ)
    except SettingError as error:
        sys.exit(f"Parley cannot start: {error}")


settings = read_environment()
