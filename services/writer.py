"""Group commit: what waits to be written goes into one transaction, so that one flush to disk serves it all.

Two kinds of requests take this way, the ones that are frequent: drafts of messages and marks of receipts.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

import runtime
from models import store
from realtime.events import Outcome as Committed
from schemas.errors import ChatError, internal, unavailable
from services.health import MESSAGES
from services.marks import Mark, move_all
from services.placing import Draft, Sent
from services.sending import send_ahead, send_all
from services.work import Work, commit, publish

log = logging.getLogger("parley.services")

BATCH = 256
"""Requests in one transaction at most, so that a burst does not make the first of them wait for all."""

EVEN = 32
"""Requests that go into one batch on PostgreSQL; of more, as many as leave the next one the same number.

It works beside the loop: while it has half of what is under way, the loop tells the other half, and hears their senders
again. 100 busy pairs send 6 % more. (On SQLite, whose thread and the loop share one interpreter: none.)
"""

DOUBTS = 50
"""Batches that look first which of their messages are stored already, after one that found some: they come in herds,
of clients that have lost their line. To be wrong about it costs a batch twice its time."""

GATHER_SECONDS = 0.0005
"""How long requests are gathered where one batch follows the other at once (`GAP_SECONDS`) and each has only a `FEW`.

1,000 pairs with 4,000 messages a second then take half the processor's time, and the slowest hundredth of them 1.3 to
2 ms instead of 5 to 10 (docs/decisions/0026-gathered-for-half-a-millisecond.md).
"""

GAP_SECONDS, FEW = 0.0005, 6

LONELY = 100
"""Batches before which nothing is gathered, after one for which nothing came but from those whom the last one answered:
a client, or a few, that wait for each answer."""

WAITING = 10_000
"""Requests that may wait; beyond it the server says `unavailable` instead of falling ever further behind."""

Request = Draft | Mark
Outcome = Sent | ChatError | None
"""A stored message; an error, and then nothing was stored; None for a mark that was set."""


Done = Callable[[Any], None]
Waiting = tuple[Request, Done]


@dataclass(slots=True)
class _Batch:
    """Requests that were written together: what came of each, who is to be told, and what is to be published first."""

    outcomes: Sequence[Outcome]
    done: list[Done]
    committed: list[Committed]


class Writer:
    """Gathers requests while a transaction is under way, and before it for one turn of the loop, or a little longer.

    Few large batches beat many small ones: the thread that writes and the loop share one interpreter and, often enough,
    one core of the machine.
    """

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._written: deque[_Batch] = deque()
        self._running = False
        self._telling = False
        self._doubts = 0
        self._lonely = 0
        self._last: Sequence[Waiting] = ()
        self._ended = 0.0
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
        """Commit batch after batch until nobody waits; the next is on its way while the last is told."""
        window = self._window()
        runtime.sleep(window)
        if window and self._in_vain():
            self._lonely = LONELY
        while batch := self._take():
            self._last = batch
            committed: list[Committed] = []
            outcomes = self._commit([request for request, _ in batch], committed)
            with self._lock:
                self._written.append(_Batch(outcomes, [done for _, done in batch], committed))
            self._ended = time.monotonic()
            runtime.spawn(self._tell)

    def _window(self) -> float:
        """For how many seconds requests are gathered before the first batch."""
        if self._lonely:
            self._lonely -= 1
            return 0.0
        follows_on = len(self._last) <= FEW and time.monotonic() - self._ended < GAP_SECONDS
        return GATHER_SECONDS if follows_on and not runtime.others_wait() else 0.0

    def _in_vain(self) -> bool:
        """Whether nothing was gathered but of those who were in the last batch: each waits for its answer."""
        with self._lock:
            senders = _senders(self._waiting)
        return len(senders) == 1 or senders <= _senders(self._last)

    def _take(self) -> list[Waiting]:
        """What is to be written next; where that is nothing, nobody writes from now on."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(self._size())]
            self._running = bool(batch)
            return batch

    def _size(self) -> int:
        """How many requests the next batch has: see `EVEN`. Whoever was in the last one is taken to go on."""
        waiting = len(self._waiting)
        if waiting > EVEN and not store.is_sqlite:
            waiting = min(waiting, max(EVEN, (waiting + len(self._last) + 1) // 2))
        return min(BATCH, waiting)

    def _is_careful(self) -> bool:
        """Whether the next batch looks first which of its messages are stored already: after one that had such."""
        self._doubts -= self._doubts > 0
        return self._doubts > 0

    def _commit(self, requests: Sequence[Request], committed: list[Committed]) -> Sequence[Outcome]:
        """The outcome of each request. One that breaks the batch is found by running all of them singly."""
        careful = self._is_careful()
        try:
            try:
                if not careful and (outcomes := self._ahead(requests, committed)) is not None:
                    return outcomes
                return _write(requests, committed, careful=careful)
            except IntegrityError:
                if careful:
                    raise
                self._doubts = DOUBTS
                return _write(requests, committed, careful=True)
        except ChatError as error:
            return [error] * len(requests)
        except Exception:
            log.exception("a batch failed; its requests run singly", extra={"requests": len(requests)})
            return _singly(requests, committed)

    def _ahead(self, requests: Sequence[Request], committed: list[Committed]) -> Sequence[Outcome] | None:
        """What most batches are: messages that refer to nothing. None where this is not one, or nothing was stored.

        Those that were left out go the other way, after these: one client that sends what it may not must not bring
        everybody's messages there.
        """
        drafts = [request for request in requests if isinstance(request, Draft) and request.plain]
        found = send_ahead(drafts) if len(drafts) == len(requests) else None
        if found is None:
            return None
        sent, to_publish = found
        committed.append(to_publish)
        left = [draft for draft, one in zip(drafts, sent, strict=True) if one is None]
        if not left:
            return sent
        others = iter(self._commit(left, committed))
        return [next(others) if one is None else one for one in sent]

    def _tell(self) -> None:
        """Publish what was written, in the order in which it was, and tell who waits for it; one greenlet at a time."""
        with self._lock:
            if self._telling:
                return
            self._telling = True
        while True:
            with self._lock:
                if not self._written:
                    self._telling = False
                    return
                batch = self._written.popleft()
            for committed in batch.committed:
                publish(committed)
            MESSAGES.inc(sum(isinstance(one, Sent) and not one.duplicate for one in batch.outcomes))
            for done, outcome in zip(batch.done, batch.outcomes, strict=True):
                try:
                    done(outcome)
                except Exception:
                    log.exception("an outcome could not be told")


def _senders(waiting: Iterable[Waiting]) -> set[str]:
    return {one.sender_id if isinstance(one, Draft) else one.user_id for one, _ in waiting}


def run_all(work: Work, requests: Sequence[Request], *, careful: bool = True) -> list[Outcome]:
    """Write drafts, then marks, in one unit of work; the outcome of each request, in the order given.

    See `send_all` for `careful`.
    """
    drafts = [request for request in requests if isinstance(request, Draft)]
    marks = [request for request in requests if isinstance(request, Mark)]
    sent = iter(send_all(work, drafts, careful=careful) if drafts else [])
    moved = iter(move_all(work, marks) if marks else [])
    return [next(sent) if isinstance(request, Draft) else next(moved) for request in requests]


def _write(requests: Sequence[Request], committed: list[Committed], *, careful: bool) -> list[Outcome]:
    outcomes: list[Outcome]
    outcomes, to_publish = commit(functools.partial(run_all, requests=requests, careful=careful))
    committed.append(to_publish)
    return outcomes


def _singly(requests: Sequence[Request], committed: list[Committed]) -> list[Outcome]:
    """Each request by itself, so that one that cannot be written harms no other."""
    return [_alone(request, committed) for request in requests]


def _alone(request: Request, committed: list[Committed]) -> Outcome:
    """Twice, since another node may have stored the same `temp_id` at the first moment."""
    for last in (False, True):
        try:
            return _write([request], committed, careful=True)[0]
        except ChatError as error:
            return error
        except Exception:
            if last:
                log.exception("a request cannot be written")
    return internal()


writer = Writer()
