"""What the process is like once it is cooperative."""

from __future__ import annotations

import subprocess
import sys

from settings import PROJECT

LOCK_OF_SESSIONS = """
import runtime
runtime.patch()
from sqlalchemy.orm import session
print(*{type(cell.cell_contents).__module__ for cell in session._new_sessionid.__closure__})
"""


def test_sessions_are_numbered_under_a_plain_lock() -> None:
    """SQLite's thread waited for ever for a cooperative one that the loop held as it was interrupted."""
    command = [sys.executable, "-c", LOCK_OF_SESSIONS]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert "_thread" in found
    assert not [name for name in found if name.startswith("eventlet")]
