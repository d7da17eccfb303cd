"""A process that serves has room for more connections than its shell gave it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import descriptors
from settings import PROJECT

PROGRAM = """
import json, os, resource, sys
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
import runtime
before = sorted(os.listdir("/proc/self/fd"))
runtime.make_room()
table = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("FDSize"))
same = sorted(os.listdir("/proc/self/fd")) == before
print(json.dumps([*resource.getrlimit(resource.RLIMIT_NOFILE), int(table), same]))
"""

LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not show its table")
@pytest.mark.skipif(LIMIT < 4096, reason="nobody may have so many open here")
@pytest.mark.parametrize(("soft", "hard"), [(256, LIMIT), (256, 2048), (1024, 1024), (LIMIT, LIMIT)])
def test_the_limit_is_raised_as_far_as_is_allowed_and_the_table_is_there(soft: int, hard: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout
    now_soft, now_hard, table, same = json.loads(found)
    assert (now_soft, now_hard) == (max(soft, min(hard, descriptors.MOST)), hard)
    assert table >= min(now_soft, descriptors.TABLE)
    assert same, "nothing stays open"
