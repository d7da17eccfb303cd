"""Group commit: the sends that are waiting go into one transaction, so that one flush to disk serves them all."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

import runtime
from schemas.errors import ChatError, internal, unavailable
from services.sending import Draft, Sent, send_all
from services.work import perform

log = logging.getLogger("parley.services")

BATCH = 256
"""Drafts in one transaction at most, so that a burst does not make the first of them wait for all."""

WAITING = 10_000
"""Drafts that may wait; beyond it the server says `unavailable` instead of falling ever further behind."""


class _Waiting:
    """A draft, and the caller that waits for its outcome."""

    __slots__ = ("done", "draft", "outcome")

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.outcome: Sent | ChatError | None = None
        self.done = threading.Event()


class Writer:
    """Gathers drafts while a transaction is under way, and for one turn of the loop before it."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._running = False
        self._lock = threading.Lock()

    def send(self, draft: Draft) -> Sent:
        """Wait until the draft is committed. Raises ChatError; then it is not stored."""
        waiting = _Waiting(draft)
        with self._lock:
            if len(self._waiting) >= WAITING:
                raise unavailable()
            self._waiting.append(waiting)
            start, self._running = not self._running, True
        if start:
            runtime.spawn(self._run)
        waiting.done.wait()
        if isinstance(waiting.outcome, Sent):
            return waiting.outcome
        raise waiting.outcome or internal()

    def _run(self) -> None:
        """Commit batch after batch until nobody waits."""
        runtime.sleep(0)
        while True:
            with self._lock:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                if not batch:
                    self._running = False
                    return
            outcomes = _commit([waiting.draft for waiting in batch])
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.outcome = outcome
                waiting.done.set()


def _commit(drafts: Sequence[Draft]) -> list[Sent | ChatError]:
    """The outcome of each draft. One that breaks the batch is found by running all of them singly."""
    try:
        return perform(lambda work: send_all(work, drafts))
    except ChatError as error:
        return [error] * len(drafts)
    except Exception:
        if len(drafts) > 1:
            log.exception("a batch failed; its drafts run singly", extra={"drafts": len(drafts)})
            return [outcome for draft in drafts for outcome in _commit([draft])]
        return [_alone(drafts[0])]


def _alone(draft: Draft) -> Sent | ChatError:
    """One more try for a draft that failed alone: another node may have stored the same `temp_id` at that moment."""
    try:
        return perform(lambda work: send_all(work, [draft]))[0]
    except ChatError as error:
        return error
    except Exception:
        log.exception("a draft cannot be stored")
        return internal()


writer = Writer()
