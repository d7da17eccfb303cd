"""A disk that takes 50 ms for a flush delays those who wait for their commit, and nobody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from settings import PROJECT
from tests.support.server import SECRET

pytestmark = pytest.mark.alone

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

FLUSH_MS = 50
GAP_MS = 20
"""Between two beats of the loop, at p99.9, in the best of three parts: a flush would be in each of them, while what
else the machine has to do comes and goes."""

SLOW_FLUSH = f"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int late(const char *name, int fd) {{
    struct timespec pause = {{0, {FLUSH_MS} * 1000000L}};
    nanosleep(&pause, 0);
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}}
int fsync(int fd) {{ return late("fsync", fd); }}
int fdatasync(int fd) {{ return late("fdatasync", fd); }}
"""

TICKING = """
import runtime
runtime.patch()
import json, time
import app, flask_migrate, models
from models import Meta, store

BEATS, SECONDS, PARTS = 0.001, 6.0, 3
ticks, commits, moved = [], [], []

def tick():
    while True:
        ticks.append(time.monotonic())
        runtime.sleep(BEATS)

def write():
    while time.monotonic() < until:
        began = time.monotonic()
        rows = [(f"{len(commits)} {number}", "x" * 500) for number in range(200)]
        store.transact(lambda transaction: transaction.driver.executemany("INSERT INTO meta VALUES (?, ?)", rows))
        commits.append(time.monotonic() - began)

def move():
    while time.monotonic() < until:
        began = time.monotonic()
        store.checkpoint()
        moved.append(time.monotonic() - began)
        runtime.sleep(0.25)

with app.create_app().app_context():
    flask_migrate.upgrade()
    store.write(lambda session: session.add(Meta(key="first", value="")))
    until = time.monotonic() + SECONDS
    ticks.clear()
    for one in (tick, write, move):
        runtime.spawn(one)
    runtime.sleep(SECONDS)
    while not commits:
        runtime.sleep(0.01)
    gaps = [b - a for a, b in zip(ticks, ticks[1:])]
    size = len(gaps) // PARTS
    parts = [sorted(gaps[start * size : (start + 1) * size]) for start in range(PARTS)]
print(json.dumps(dict(
    ticks=len(gaps), gap=min(part[int(size * 0.999)] for part in parts),
    commit=sorted(commits)[len(commits) // 2], moved=max(moved),
)))
"""


@pytest.mark.skipif(COMPILER is None, reason="no C compiler (cc, gcc or clang) to make a slow disk with")
def test_a_flush_of_50_ms_stops_nobody(tmp_path: Path) -> None:
    source, library = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW_FLUSH)
    assert COMPILER
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "JWT_SECRET": SECRET,
        "DATA_DIR": str(tmp_path / "data"),
        "SQLITE_SYNCHRONOUS": "full",
        "LD_PRELOAD": str(library),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, "-c", TICKING], cwd=PROJECT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["commit"] >= FLUSH_MS / 1000, "each commit waited for its flush"
    assert found["moved"] >= FLUSH_MS / 1000, "and so did a move of the log"
    assert found["ticks"] > 500
    assert found["gap"] < GAP_MS / 1000
