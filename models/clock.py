"""Time and ids as the tables hold them."""

from __future__ import annotations

import os
import random
import time


def now_ms() -> int:
    """This moment in milliseconds since 1970, UTC: how every time is stored."""
    return time.time_ns() // 1_000_000


_LAST = (1 << 62) - 1
_random = random.Random(os.urandom(32))  # one call of the system for each id would cost more than the rest of it


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): its first 48 bits are the time, so that new rows stand together in an index.

    It need not be hard to guess: whoever names an id is asked for their right to what it names.
    """
    noise = _random.getrandbits(74)
    digits = "%032x" % (now_ms() << 80 | 0x7 << 76 | noise >> 62 << 64 | 0b10 << 62 | noise & _LAST)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
