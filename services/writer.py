"""Group commit: what waits to be written goes into one transaction, so that one flush to disk serves it all.

Two kinds of requests take this way, the ones that are frequent: drafts of messages and marks of receipts.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import runtime
from realtime.events import Outcome as Committed
from schemas.errors import ChatError, internal, unavailable
from services.marks import Mark, move_all
from services.sending import Draft, Sent, send_all
from services.work import Work, commit, publish

log = logging.getLogger("parley.services")

BATCH = 256
"""Requests in one transaction at most, so that a burst does not make the first of them wait for all."""

WAITING = 10_000
"""Requests that may wait; beyond it the server says `unavailable` instead of falling ever further behind."""

Request = Draft | Mark
Outcome = Sent | ChatError | None
"""A stored message; an error, and then nothing was stored; None for a mark that was set."""


Done = Callable[[Any], None]


@dataclass(slots=True)
class _Batch:
    """Requests that were written together: what came of each, who is to be told, and what is to be published first."""

    outcomes: list[Outcome]
    done: list[Done]
    committed: list[Committed]


class Writer:
    """Gathers requests while a transaction is under way, and for one turn of the loop before it.

    While a batch is published and its senders are told, the next one is written already.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Request, Done]] = deque()
        self._written: deque[_Batch] = deque()
        self._running = False
        self._telling = False
        self._lock = runtime.guard()

    def submit(self, request: Request, done: Done) -> None:
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
            committed: list[Committed] = []
            outcomes = _commit([request for request, _ in batch], committed)
            with self._lock:
                self._written.append(_Batch(outcomes, [done for _, done in batch], committed))
                start, self._telling = not self._telling, True
            if start:
                runtime.spawn(self._tell)

    def _tell(self) -> None:
        """Publish what was written, in the order in which it was, and tell who waits for it."""
        while True:
            with self._lock:
                if not self._written:
                    self._telling = False
                    return
                batch = self._written.popleft()
            for committed in batch.committed:
                publish(committed)
            for done, outcome in zip(batch.done, batch.outcomes, strict=True):
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


def _commit(requests: Sequence[Request], committed: list[Committed]) -> list[Outcome]:
    """The outcome of each request. One that breaks the batch is found by running all of them singly."""
    try:
        return _run(requests, committed)
    except ChatError as error:
        return [error] * len(requests)
    except Exception:
        if len(requests) > 1:
            log.exception("a batch failed; its requests run singly", extra={"requests": len(requests)})
            return [outcome for request in requests for outcome in _commit([request], committed)]
        return [_alone(requests[0], committed)]


def _run(requests: Sequence[Request], committed: list[Committed]) -> list[Outcome]:
    outcomes, to_publish = commit(lambda work: run_all(work, requests))
    committed.append(to_publish)
    return outcomes


def _alone(request: Request, committed: list[Committed]) -> Outcome:
    """One more try for a request that failed alone: another node may have stored the same `temp_id` at that moment."""
    try:
        return _run([request], committed)[0]
    except ChatError as error:
        return error
    except Exception:
        log.exception("a request cannot be written")
        return internal()


writer = Writer()
