"""Settings: what is read, what is refused, and that what is said of them elsewhere is true."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from settings import PROJECT, SettingError, Settings
from tests.conftest import ServerFactory
from tests.support.api import Api
from tests.support.processes import Child
from tests.support.server import SECRET
from tests.support.sockets import Sock

FIELDS = {item.metadata["name"]: item for item in dataclasses.fields(Settings)}
HEAD = "| Variable | Default | Meaning |\n| --- | --- | --- |\n"
SET_BY_HOSTS = {"DYNO"}
"""Settings that nobody sets by hand."""


def shown(value: object) -> str:
    """A default as the README and .env.example write it; empty where there is none."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Path):
        return str(value.relative_to(PROJECT))
    return str(value)


def table() -> str:
    """The README's table, as it must stand there."""
    rows = []
    for name, item in FIELDS.items():
        default = shown(item.default)
        rows.append(
            f"| `{name}` | {f'`{default}`' if default else ''} | {item.metadata['meaning']} |".replace("  ", " ")
        )
    return HEAD + "\n".join(rows) + "\n"


def load(**environ: str) -> Settings:
    """Settings of just these variables."""
    return Settings.load(environ)


def refusal(**environ: str) -> str:
    """The sentence that refuses these variables."""
    with pytest.raises(SettingError) as told:
        load(**environ)
    return str(told.value)


def test_the_readme_has_the_table_of_the_settings() -> None:
    text = (PROJECT / "README.md").read_text()
    found = re.search(re.escape(HEAD) + r"(\|.*\n)+", text)
    assert found
    assert found[0] == table()


def test_the_example_of_the_environment_is_the_table_too() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    listed = dict(re.findall(r"^#([A-Z_]+)=(.*)$", "\n".join(lines), re.MULTILINE))
    assert listed == {name: shown(item.default) for name, item in FIELDS.items() if name not in SET_BY_HOSTS}
    assert [line for line in lines if line and not line.startswith("#")] == [], "a copied file must change nothing"


def test_a_platforms_button_offers_only_what_there_is() -> None:
    described = json.loads((PROJECT / "app.json").read_text())
    assert set(described["env"]) <= set(FIELDS)
    offered = {name: entry["value"] for name, entry in described["env"].items() if "value" in entry}
    assert load(JWT_SECRET=SECRET, **offered).environment == "production"


def test_each_meaning_is_a_sentence_and_each_name_one_word() -> None:
    assert [name for name in FIELDS if not re.fullmatch(r"[A-Z][A-Z_]*[A-Z]", name)] == []
    meanings = {name: item.metadata["meaning"] for name, item in FIELDS.items()}
    assert {name: text for name, text in meanings.items() if not text.endswith(".") or "|" in text} == {}


def test_the_defaults_pass_their_own_parsers() -> None:
    assert load(**{name: shown(item.default) for name, item in FIELDS.items()}) == load()


GOOD: list[tuple[str, str, Any]] = [
    ("PORT", " 8080 ", 8080),
    ("PORT", "0", 0),
    ("CLIENT_URL", "https://Chat.Example.com/, http://localhost:5173,null", None),
    ("CLIENT_URL", ",", ()),
    ("DATA_DIR", "/srv/parley", Path("/srv/parley")),
    ("DATA_DIR", "elsewhere/..", PROJECT),
    ("DATABASE_URL", "postgres://u:p@db.example.com/x", "postgresql+psycopg2://u:p@db.example.com/x"),
    ("DATABASE_URL", "postgresql://u:p@h:5433/x?sslmode=require", "postgresql+psycopg2://u:p@h:5433/x?sslmode=require"),
    ("DATABASE_URL", "postgresql+psycopg2:///x\n", "postgresql+psycopg2:///x"),
    ("DATABASE_URL", "postgres://u:p@[::1]/x", "postgresql+psycopg2://u:p@[::1]/x"),
    ("REDIS_URL", "rediss://:secret@h:6380/0", "rediss://:secret@h:6380/0"),
    ("SQLITE_SYNCHRONOUS", "Normal", "normal"),
    ("AUTO_PROVISION", "1", True),
    ("AUTO_PROVISION", "No", False),
    ("TOKEN_HOURS", "0.5", 0.5),
    ("TRANSPORTS", "websocket", ("websocket",)),
    ("LOG_LEVEL", "DEBUG", "debug"),
    ("TRUSTED_PROXIES", "2", 2),
    ("JWT_SECRET", "é" * 16, "é" * 16),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_good_values_are_read(name: str, text: str, value: Any) -> None:
    expected = ("https://chat.example.com", "http://localhost:5173", "null") if value is None else value
    assert getattr(load(**{name: text}), FIELDS[name].name) == expected


BAD = [
    ("PORT", "http"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("PORT", "--1"),
    ("PORT", "²"),
    ("PORT", "9" * 5000),
    ("CLIENT_URL", "*"),
    ("CLIENT_URL", "chat.example.com"),
    ("CLIENT_URL", "https://"),
    ("CLIENT_URL", "https://example.com/chat"),
    ("CLIENT_URL", "http://localhost:5173, https://user@example.com"),
    ("DATABASE_URL", "sqlite:///x.db"),
    ("DATABASE_URL", "mysql://h/x"),
    ("DATABASE_URL", "postgres://u:p@h:port/x"),
    ("REDIS_URL", "localhost:6379"),
    ("SQLITE_SYNCHRONOUS", "off"),
    ("AUTO_PROVISION", "maybe"),
    ("TOKEN_HOURS", "a day"),
    ("TOKEN_HOURS", "nan"),
    ("TOKEN_HOURS", "inf"),
    ("TOKEN_HOURS", "0"),
    ("TRANSPORTS", "webtransport"),
    ("TRANSPORTS", ","),
    ("ENVIRONMENT", "staging"),
    ("JWT_SECRET", "x" * 31),
    ("JWT_PUBLIC_KEY", "ssh-ed25519 AAAA"),
    ("JWT_PUBLIC_KEY", "-----BEGIN PRIVATE KEY-----"),
    ("JWT_JWKS_FILE", "/no/such/file.json"),
]


@pytest.mark.parametrize(("name", "text"), BAD)
def test_bad_values_are_refused_in_a_sentence_that_names_the_variable(name: str, text: str) -> None:
    told = refusal(**{name: text})
    assert told.startswith(f"{name} ")
    assert told.endswith(".")
    assert "\n" not in told


def test_every_setting_that_has_rules_is_tried_with_a_bad_value() -> None:
    """A new setting must come with a bad value above, unless its parser is tried there under another name."""
    tried = {FIELDS[name].metadata["parse"].__qualname__ for name, _ in BAD}
    parsers = {item.metadata["parse"].__qualname__ for item in FIELDS.values()}
    assert parsers - tried == {"folder"}, "a folder may have any name"


def test_an_empty_variable_counts_as_absent() -> None:
    assert load(PORT="", DATABASE_URL=" ", JWT_SECRET="") == load()


def test_a_secret_is_not_changed() -> None:
    """Whoever else signs with it would sign with something else."""
    assert load(JWT_SECRET=f" {SECRET}\n").jwt_secret == f" {SECRET}\n"


def test_production_wants_a_secret_and_a_dyno_is_production() -> None:
    assert "JWT_SECRET must be set in production" in refusal(ENVIRONMENT="production")
    assert "JWT_SECRET must be set in production" in refusal(DYNO="web.1")
    assert load(DYNO="web.1", ENVIRONMENT="development").environment == "development"
    dyno = load(DYNO="web.1", JWT_SECRET=SECRET)
    assert (dyno.environment, dyno.trusted_proxies) == ("production", 1)
    assert load(DYNO="web.1", JWT_SECRET=SECRET, TRUSTED_PROXIES="2").trusted_proxies == 2
    assert (load().environment, load().trusted_proxies) == ("development", 0)


def start(data_dir: Path, **env: str) -> Child:
    """`python app.py` as an operator starts it, with just these variables."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOST": "127.0.0.1", "PORT": "0", "DATA_DIR": str(data_dir)}
    return Child([sys.executable, "-W", "ignore", PROJECT / "app.py"], env={**environ, **env})


STOPS = [
    ({"PORT": "http"}, "PORT must be a whole number from 0 to 65535, not 'http'."),
    ({"ENVIRONMENT": "production"}, "JWT_SECRET must be set in production"),
    ({"JWT_SECRET": "short"}, "JWT_SECRET must have 32 bytes or more"),
    ({"DATA_DIR": "/proc/nothing/can/be/made/here", "JWT_SECRET": SECRET}, "directory. DATA_DIR says where"),
    ({"HOST": "192.0.2.1", "JWT_SECRET": SECRET}, "cannot listen on 192.0.2.1"),
    ({"DATABASE_URL": "postgres://u:p@127.0.0.1:1/x", "JWT_SECRET": SECRET}, "refused. Is the server running"),
]
"""192.0.2.0/24 is nobody's (RFC 5737); port 1 of the loopback has no listener."""


@pytest.mark.parametrize(("env", "sentence"), STOPS)
def test_what_cannot_start_says_why_in_one_line_and_leaves_with_1(
    tmp_path: Path, env: dict[str, str], sentence: str
) -> None:
    child = start(tmp_path, **env)
    assert child.wait(timeout=30) == 1
    (line,) = child.err.lines()
    assert line.startswith("Parley cannot start: ")
    assert sentence in line
    assert child.out.lines() == []


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        child = start(tmp_path, PORT=str(port), JWT_SECRET=SECRET)
        assert child.wait(timeout=30) == 1
    told = f"Parley cannot start: cannot listen on 127.0.0.1, port {port}: Address already in use."
    assert child.err.lines() == [told]


def test_a_dyno_without_a_database_is_warned_loudly(fresh_server: ServerFactory, tmp_path: Path) -> None:
    child = start(tmp_path, DYNO="web.1", JWT_SECRET=SECRET, WEB_CONCURRENCY="2")
    assert child.err.wait_for(r"^WARNING: no DATABASE_URL on a dyno\..* LOST ", timeout=30)
    why = "DATABASE_URL is not set, REDIS_URL is not set, TRANSPORTS is not websocket"
    assert child.out.wait_for(rf"^Parley serves with one process\. WEB_CONCURRENCY=2 is not used: {why}\.$")
    assert child.stop() == 0
    calm = fresh_server()
    assert "WARNING" not in calm.log_text()


def test_development_makes_one_secret_and_keeps_it(tmp_path: Path) -> None:
    secrets = []
    for _ in range(2):
        child = start(tmp_path)
        ready = child.out.wait_for(r"^Parley is listening on (http://\S+) \(ready in [0-9.]+ s\)$", timeout=30)
        assert ready
        assert requests.get(f"{ready[1]}/readyz", timeout=10).json() == {"status": "ok"}
        assert child.stop() == 0
        secrets.append((tmp_path / "jwt_secret").read_text())
    assert secrets[0] == secrets[1]
    assert len(secrets[0]) == 64
    assert (tmp_path / "jwt_secret").stat().st_mode & 0o077 == 0, "it is its owner's alone"


@pytest.mark.parametrize("level", ["debug", "info"])
def test_debug_traces_packets_without_their_content(fresh_server: ServerFactory, level: str) -> None:
    server = fresh_server(LOG_LEVEL=level)
    api = Api(server)
    alice, bob = api.register("alice"), api.register("bob")
    conversation = alice.direct(bob)
    with Sock(server, alice.token) as sock:
        sock.ok("join-room", {"conversationId": conversation["id"]})
        sock.ok("send-message", {"conversationId": conversation["id"], "content": "a secret word", "temp_id": "t1"})
        sock.wait_for("message:new")
        sock.settle()
    api.close()
    assert server.stop() == 0
    log = server.log_text()
    assert ('"packet in"' in log, '"packet out"' in log) == ((True, True) if level == "debug" else (False, False))
    assert "a secret word" not in log
    assert alice.token not in log
    assert alice.password not in log
