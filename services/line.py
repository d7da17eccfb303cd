"""What waits to be written, and in which batches it goes: whoever was first in the line for something stays it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from services.marks import Mark
from services.sending import Draft

BATCH = 256
"""Requests in one transaction at most, so that a burst does not make the first of them wait for all."""

Request = Draft | Mark
Done = Callable[[Any], None]


@dataclass(slots=True)
class Waiting:
    """A request, and who is to be told what became of it."""

    request: Request
    done: Done

    @property
    def about(self) -> tuple[str, str]:
        """The conversation that it changes, and its user."""
        request = self.request
        return request.conversation_id, request.sender_id if isinstance(request, Draft) else request.user_id


class Line:
    """Requests in the order in which they came.

    Batches that are written beside each other have no conversation and no user in common, so that neither a
    conversation's changes nor a user's sends overtake each other. The caller guards it against other threads.
    """

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._taken: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Waiting) -> None:
        """Put it at the end."""
        self._waiting.append(waiting)

    def take(self, *, alone: bool) -> list[Waiting]:
        """The next batch; empty where nothing can go now. `alone`: no other is ever written beside it."""
        if alone:
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        batch: list[Waiting] = []
        passed: list[Waiting] = []
        blocked = set(self._taken)
        while self._waiting and len(batch) < BATCH:
            waiting = self._waiting.popleft()
            if blocked.isdisjoint(waiting.about):
                batch.append(waiting)
            else:
                blocked.update(waiting.about)  # what comes after it waits for it
                passed.append(waiting)
        self._waiting.extendleft(reversed(passed))
        self._taken.update(_about(batch))
        return batch

    def done(self, batch: Iterable[Waiting]) -> None:
        """The batch is written; what waited for it can go."""
        self._taken.difference_update(_about(batch))


def _about(batch: Iterable[Waiting]) -> Iterable[str]:
    return (one for waiting in batch for one in waiting.about)
