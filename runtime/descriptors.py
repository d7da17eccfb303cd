"""Room for many connections: the system's limit of a process, and the kernel's own table of what it has open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
from pathlib import Path

MOST = 262_144
"""What a process may have open, where its user may: each connection is one. The limit that a shell or a service manager
sets for programs that do not ask is often 1,024; Node asks too."""

TABLE = 32_768
"""Entries of the kernel's table (256 KB). As it comes it grows by doubling. In a process with threads the `accept` that
opens one too many waits for all processors then: 10 to 30 ms, four times until 2,000 connections (`perf trace`)."""


def make_room() -> None:
    """Raise the limit as far as is allowed, and let the table have its size at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    entries = TABLE if soft == resource.RLIM_INFINITY else min(soft, TABLE)
    with Path(os.devnull).open("rb") as anything:
        os.close(fcntl.fcntl(anything, fcntl.F_DUPFD_CLOEXEC, entries - 1))
