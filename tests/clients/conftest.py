"""What the client library's tests are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.driven import Driver
from tests.clients.proxy import Proxy
from tests.support.server import ServerProcess


@pytest.fixture
def driver() -> Iterator[Driver]:
    """A Node process for this test's clients; it must end well."""
    with Driver() as process:
        yield process


@pytest.fixture
def proxy(server: ServerProcess) -> Iterator[Proxy]:
    """A proxy before the shared server."""
    with Proxy(server.url) as before:
        yield before
