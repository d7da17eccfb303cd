"""Time and ids as the tables hold them."""

from __future__ import annotations

import os
import random
import time


def now_ms() -> int:
    """This moment in milliseconds since 1970, UTC: how every time is stored."""
    return time.time_ns() // 1_000_000


_random = random.Random(os.urandom(32))  # one call of the system for each id would cost more than the rest of it


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): its first 48 bits are the time, so that new rows stand together in an index.

    It need not be hard to guess: whoever names an id is asked for their right to what it names.
    """
    stamp, noise = f"{now_ms():012x}", f"{_random.getrandbits(74):019x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{noise[:3]}-{'89ab'[int(noise[3], 16) & 3]}{noise[4:7]}-{noise[7:]}"
