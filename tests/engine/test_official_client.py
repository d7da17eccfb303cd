"""The official client against the engine by itself, ours and the stock one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.raw import Peer
from tests.support.node import run_node

SCRIPT = Path(__file__).parent / "official.mjs"


@pytest.mark.parametrize(
    ("options", "transport"),
    [
        ({"transports": ["polling"], "upgrade": False}, "polling"),
        ({"transports": ["websocket"]}, "websocket"),
        ({"transports": ["polling", "websocket"]}, "websocket"),
    ],
    ids=["polling", "websocket", "upgrade"],
)
def test_text_bytes_and_acknowledgements_go_both_ways_in_order(
    patient_server: Peer, options: dict[str, Any], transport: str
) -> None:
    (end,) = run_node(SCRIPT, url=f"http://{patient_server.host}", options=options)
    assert end["transport"] == transport
