"""The library's types: generated from the schemas, and good for an app in TypeScript."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from schemas.sockets import CLIENT_EVENTS, SERVER_EVENTS
from schemas.typescript import document, models
from tests.support.node import node_program
from tests.support.processes import PROJECT

WEB = PROJECT / "web"
FLAGS = ("--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "--types", "")


def check(file: Path) -> str:
    """What the TypeScript compiler complains of."""
    compiler = PROJECT / "node_modules" / "typescript" / "lib" / "tsc.js"
    command: list[str | Path] = [node_program(), compiler, *FLAGS, file]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def test_the_committed_types_are_those_of_the_schemas() -> None:
    assert (WEB / "parley.d.ts").read_text() == document(), "run bin/types"


def test_every_event_and_every_model_has_its_type() -> None:
    text = document()
    assert len(models()) > 60
    for model in models():
        assert re.search(rf"^export (interface|type) {model.__name__}\b", text, re.MULTILINE), model
    for name in (*CLIENT_EVENTS, *SERVER_EVENTS):
        assert f'  "{name}": ' in text


def test_an_app_in_typescript_compiles() -> None:
    assert check(Path(__file__).with_name("usage.mts")) == ""


def test_the_compiler_sees_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.mts"
    wrong.write_text(f"import {{ Parley }} from '{WEB / 'parley.js'}';\nnew Parley().send({{ content: 'x' }});\n")
    assert "conversationId" in check(wrong)


def test_every_method_option_and_event_is_explained() -> None:
    types = (WEB / "parley" / "client.d.ts").read_text()
    names: list[str] = []
    for part in ("interface ParleyOptions", "interface ParleyEvents", "class Parley "):
        body = types.split(f"export {part}", 1)[1].split("\n}", 1)[0]
        names += re.findall(r"^  (?:readonly )?'?([\w:]+)\b'?[?<(:]", body, re.MULTILINE)
    assert len(names) > 60
    explained = (PROJECT / "docs" / "client.md").read_text()
    assert [name for name in names if f"`{name}" not in explained and name != "constructor"] == []
