"""Many things, a few at a time: databases bound the parameters of a query, and others want their turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` of them, the last one perhaps shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
