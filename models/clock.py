"""Time and ids as the tables hold them."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator


def now_ms() -> int:
    """This moment in milliseconds since 1970, UTC: how every time is stored."""
    return time.time_ns() // 1_000_000


_random = random.Random(os.urandom(32))  # one call of the system for each id would cost more than the rest of it


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): its first 48 bits are the time, so that new rows stand together in an index.

    It need not be hard to guess: whoever names an id is asked for their right to what it names.
    """
    now, noise = now_ms(), _random.getrandbits(60)
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 (half the time of the others)
        now >> 16,
        now & 0xFFFF,
        noise >> 48,
        0x8000 | _random.getrandbits(14),
        noise & 0xFFFFFFFFFFFF,
    )


def new_ids(now: int) -> Iterator[str]:
    """Such ids of one moment, in order (RFC 9562, 6.2, method 2): a database puts each behind the last.

    The first of them is drawn, and each other is the next number: a quarter of the time.
    """
    prefix = "%08x-%04x-7%03x-%04x-" % (  # noqa: UP031 (as above)
        now >> 16,
        now & 0xFFFF,
        _random.getrandbits(12),
        0x8000 | _random.getrandbits(14),
    )
    for number in itertools.count(_random.getrandbits(47)):
        yield "%s%012x" % (prefix, number)  # noqa: UP031 (as above)
