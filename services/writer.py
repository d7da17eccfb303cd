"""Group commit: what waits to be written goes into one transaction, so that one flush to disk serves it all.

Two kinds of requests take this way, the ones that are frequent: drafts of messages and marks of receipts.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import runtime
from schemas.errors import ChatError, internal, unavailable
from services.marks import Mark, move_all
from services.sending import Draft, Sent, send_all
from services.work import Work, perform

log = logging.getLogger("parley.services")

BATCH = 256
"""Requests in one transaction at most, so that a burst does not make the first of them wait for all."""

WAITING = 10_000
"""Requests that may wait; beyond it the server says `unavailable` instead of falling ever further behind."""

Request = Draft | Mark
Outcome = Sent | ChatError | None
"""A stored message; an error, and then nothing was stored; None for a mark that was set."""


class Writer:
    """Gathers requests while a transaction is under way, and for one turn of the loop before it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Request, Callable[[Outcome], None]]] = deque()
        self._running = False
        self._lock = runtime.guard()

    def submit(self, request: Request, done: Callable[[Any], None]) -> None:
        """Have the request written; `done` is told its outcome, and must not wait. Raises ChatError `unavailable`."""
        with self._lock:
            if len(self._waiting) >= WAITING:
                raise unavailable()
            self._waiting.append((request, done))
            start, self._running = not self._running, True
        if start:
            runtime.spawn(self._run)

    def write(self, request: Request) -> Outcome:
        """Wait until the request is committed. Raises ChatError; then it is not stored."""
        outcomes: list[Outcome] = []
        finished = threading.Event()

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            finished.set()

        self.submit(request, done)
        finished.wait()
        if isinstance(outcomes[0], ChatError):
            raise outcomes[0]
        return outcomes[0]

    def _run(self) -> None:
        """Commit batch after batch until nobody waits."""
        runtime.sleep(0)
        while True:
            with self._lock:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                if not batch:
                    self._running = False
                    return
            outcomes = _commit([request for request, _ in batch])
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                try:
                    done(outcome)
                except Exception:
                    log.exception("an outcome could not be told")


def run_all(work: Work, requests: Sequence[Request]) -> list[Outcome]:
    """Write drafts, then marks, in one unit of work; the outcome of each request, in the order given."""
    drafts = [request for request in requests if isinstance(request, Draft)]
    marks = [request for request in requests if isinstance(request, Mark)]
    sent = iter(send_all(work, drafts) if drafts else [])
    moved = iter(move_all(work, marks) if marks else [])
    return [next(sent) if isinstance(request, Draft) else next(moved) for request in requests]


def _commit(requests: Sequence[Request]) -> list[Outcome]:
    """The outcome of each request. One that breaks the batch is found by running all of them singly."""
    try:
        return perform(lambda work: run_all(work, requests))
    except ChatError as error:
        return [error] * len(requests)
    except Exception:
        if len(requests) > 1:
            log.exception("a batch failed; its requests run singly", extra={"requests": len(requests)})
            return [outcome for request in requests for outcome in _commit([request])]
        return [_alone(requests[0])]


def _alone(request: Request) -> Outcome:
    """One more try for a request that failed alone: another node may have stored the same `temp_id` at that moment."""
    try:
        return perform(lambda work: run_all(work, [request]))[0]
    except ChatError as error:
        return error
    except Exception:
        log.exception("a request cannot be written")
        return internal()


writer = Writer()
