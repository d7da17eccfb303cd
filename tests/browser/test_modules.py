"""The browser's modules: from this server where set-up put them, else from a CDN, and only with their hashes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueprints import pages
from tests.support.api import Api
from tests.support.processes import PROJECT

MODULES: dict[str, dict[str, str]] = json.loads((PROJECT / "web" / "vendor.json").read_text())


@pytest.fixture
def empty_vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web folder into which set-up has put nothing yet."""
    web = tmp_path / "web"
    web.mkdir()
    shutil.copy(PROJECT / "web" / "vendor.json", web)
    monkeypatch.setattr(pages, "WEB", web)
    pages._modules.cache_clear()
    yield web
    pages._modules.cache_clear()


def import_map(page: str) -> dict[str, Any]:
    """The import map of a page."""
    found = re.search(r'<script type="importmap" nonce="[\w-]+">(.*?)</script>', page)
    assert found, page
    served: dict[str, Any] = json.loads(found[1])
    return served


def integrity(content: bytes) -> str:
    """As `integrity` attributes have it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


@pytest.mark.parametrize("path", ["/", "/console"])
def test_the_pages_take_their_modules_from_this_server(api: Api, path: str) -> None:
    response = api.root(path)
    assert import_map(response.text) == {
        "imports": {name: f"/vendor/{module['file']}" for name, module in MODULES.items()},
        "integrity": {},
    }
    assert "https://" not in response.headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]


def test_each_module_that_is_served_is_the_one_that_is_pinned(api: Api) -> None:
    for module in MODULES.values():
        response = api.root(f"/vendor/{module['file']}")
        assert response.headers["Content-Type"].startswith("text/javascript")
        assert integrity(response.content) == module["integrity"], module["file"]


def test_without_them_a_cdn_serves_them_with_their_hashes(empty_vendor: Path) -> None:
    served, hosts = pages._import_map()
    assert served["imports"] == {name: module["url"] for name, module in MODULES.items()}
    assert served["integrity"] == {module["url"]: module["integrity"] for module in MODULES.values()}
    assert hosts == ["https://cdn.jsdelivr.net", "https://cdn.socket.io"]
    (empty_vendor / "vendor").mkdir()
    (empty_vendor / "vendor" / MODULES["htm"]["file"]).write_text("")
    served, _ = pages._import_map()
    assert served["imports"]["htm"] == f"/vendor/{MODULES['htm']['file']}"
    assert MODULES["htm"]["url"] not in served["integrity"]


@pytest.mark.parametrize("name", MODULES)
def test_the_pins_agree_with_the_packages(name: str) -> None:
    module = MODULES[name]
    package = PROJECT / "node_modules" / module["package"]
    if not package.is_dir():
        pytest.skip("no node_modules")
    assert json.loads((package / "package.json").read_text())["version"] == module["version"]
    assert module["version"] in module["url"]
    assert integrity((package / module["path"]).read_bytes()) == module["integrity"]
