"""How much work a packet's JSON is, guessed without reading it: a megabyte may hold one text, or 300,000 lists."""

from __future__ import annotations

LIGHT_CHARS = 8192
"""A packet that is shorter is not weighed."""

EVENT_WEIGHT = 25_000
"""An event of the namespace `/` at most. To read, check and echo it takes 2 to 3 ms (66 to 120 ns a unit, measured);
the largest `sync` that is taken weighs a fifth of it."""

OTHER_WEIGHT = 5_000
"""What the standard library or python-socketio has to read at most: they take five times as long and more."""


def check_weight(text: str, most: int) -> None:
    """Raise ValueError for JSON with more values than the loop has time for.

    Each sign that separates values counts, also where it stands inside a text.
    """
    if len(text) > LIGHT_CHARS:
        weight = text.count(",") + 2 * text.count("[") + 2 * text.count("{") + 4 * text.count(":")
        if weight > most:
            raise ValueError("more values than anybody sends")
