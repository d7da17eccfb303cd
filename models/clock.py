"""Time and ids as the tables hold them."""

from __future__ import annotations

import os
import time


def now_ms() -> int:
    """This moment in milliseconds since 1970, UTC: how every time is stored."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): its first 48 bits are the time, so that new rows stand together in an index."""
    random = os.urandom(10).hex()
    stamp = f"{now_ms():012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{random[:3]}-{'89ab'[int(random[3], 16) & 3]}{random[4:7]}-{random[7:19]}"
