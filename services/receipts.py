"""Delivered and read: what a user acknowledges, gathered so that a room full of readers costs few commits."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import ScalarSelect, select

import runtime
from models import Message, Participant, Receipt, Unavailable
from realtime.places import Place, places
from realtime.views import View
from schemas.base import iso_or_none
from schemas.errors import ChatError, not_a_participant, not_found, unavailable
from schemas.messages import Acknowledge
from services.access import access_message, reading
from services.marks import Mark
from services.members import members
from services.writer import Outcome, writer

GATHER_SECONDS = 0.25
"""One update per user and conversation in this time (design.md, group commit); the first goes at once."""

CROWD = 100
CROWD_SECONDS = 1.0
"""In rooms of more participants, receipts are gathered and told once a second (protocol.md, promise 5)."""

Kind = Literal["delivered", "read"]
Done = Callable[[ChatError | None], None]


@dataclass(slots=True)
class _Gathered:
    """Marks that wait for their time, one a user, and who wants to know when they are set."""

    marks: dict[str, Mark] = field(default_factory=dict)
    waiting: dict[str, list[Done]] = field(default_factory=dict)


class Gatherer:
    """Holds back what would be written too often. A key is a user in a conversation, or a crowd's conversation."""

    def __init__(self) -> None:
        self._gathered: dict[str, _Gathered] = {}
        self._held: set[str] = set()
        self._due: list[tuple[float, str]] = []
        self._running = False
        self._sooner = threading.Event()
        self._lock = threading.Lock()

    def add(self, mark: Mark, crowd: bool, done: Done) -> None:
        """Have the mark set, now or as soon as its key is free again; `done` is told of the outcome."""
        key = mark.conversation_id if crowd else f"{mark.user_id} {mark.conversation_id}"
        with self._lock:
            gathered = self._gathered.get(key)
            if gathered is None:
                gathered = self._gathered[key] = _Gathered()
                if key not in self._held:
                    heapq.heappush(self._due, (0.0, key))
                    self._sooner.set()
            before = gathered.marks.get(mark.user_id)
            gathered.marks[mark.user_id] = before.and_also(mark) if before else mark
            gathered.waiting.setdefault(mark.user_id, []).append(done)
            start, self._running = not self._running, True
        if start:
            runtime.spawn(self._run)

    def _run(self) -> None:
        """Release what is due, until nothing waits and every key is free."""
        while True:
            for gathered in self._take_due(time.monotonic()):
                for user_id, mark in gathered.marks.items():
                    self._write(mark, gathered.waiting[user_id])
            with self._lock:
                if not self._due:
                    self._running = False
                    return
                self._sooner.clear()
                seconds = self._due[0][0] - time.monotonic()
            if seconds > 0:
                self._sooner.wait(seconds)

    def _take_due(self, now: float) -> list[_Gathered]:
        """What is to be written now; its keys are held from now on. Those for which nothing came are free again."""
        taken = []
        with self._lock:
            while self._due and self._due[0][0] <= now:
                _, key = heapq.heappop(self._due)
                gathered = self._gathered.pop(key, None)
                if gathered is None:
                    self._held.discard(key)
                else:
                    self._held.add(key)
                    heapq.heappush(self._due, (now + (GATHER_SECONDS if " " in key else CROWD_SECONDS), key))
                    taken.append(gathered)
        return taken

    @staticmethod
    def _write(mark: Mark, waiting: list[Done]) -> None:
        def done(outcome: Outcome) -> None:
            error = outcome if isinstance(outcome, ChatError) else None
            for one in waiting:
                one(error)

        try:
            writer.submit(mark, done)
        except ChatError as error:
            done(error)


gatherer = Gatherer()


def acknowledge(user_id: str, kind: Kind, body: Acknowledge, done: Done) -> None:
    """The user has received, or read, what `body` names and all below it; `done` is told once that is committed.

    What is below a watermark already is told to nobody. Raises ChatError `not_found`, `not_a_participant`; then
    nothing was stored. `done` may be given `not_a_participant`, `validation_failed`, `unavailable`.
    """
    wanted = _wanted(user_id, body)
    outcomes: list[ChatError | None] = []

    def one_done(error: ChatError | None) -> None:
        outcomes.append(error)
        if len(outcomes) == len(wanted):
            done(next((error for error in outcomes if error is not None), None))

    for conversation_id, seq in wanted.items():
        crowd = members.count(conversation_id) > CROWD
        gatherer.add(Mark(user_id, conversation_id, seq, seq if kind == "read" else 0), crowd, one_done)


def _wanted(user_id: str, body: Acknowledge) -> dict[str, int]:
    """The seq that is acknowledged in each conversation. Raises ChatError where the user may not see one."""
    wanted: dict[str, int] = {}
    if body.conversation_id is not None and body.seq is not None:
        members.check(body.conversation_id, user_id)
        wanted[body.conversation_id] = body.seq
    ids = set(body.ids)
    if ids:
        found = _places(ids)
        try:
            if len(found) < len(ids):
                raise not_a_participant()
            for conversation_id in {place[0] for place in found}:
                members.check(conversation_id, user_id)
        except ChatError:
            raise not_found("Message", "messageIds" if body.message_ids is not None else "messageId") from None
        for conversation_id, seq in found:
            wanted[conversation_id] = max(seq, wanted.get(conversation_id, 0))
    return wanted


def _places(message_ids: set[str]) -> list[Place]:
    try:
        return places.of(message_ids)
    except Unavailable as error:
        raise unavailable() from error


def of_message(user_id: str, message_id: str) -> dict[str, list[View]]:
    """When each participant but the sender had a message delivered and read; null where not yet, or where they came
    after it. Raises ChatError `not_found`."""
    with reading() as session:
        message, _ = access_message(session, user_id, message_id)
        rows = session.execute(
            select(Participant.user_id, _passed(message, "delivered"), _passed(message, "read"))
            .where(
                Participant.conversation_id == message.conversation_id,
                Participant.removed_at.is_(None),
                Participant.user_id != message.sender_id,
            )
            .order_by(Participant.joined_at, Participant.user_id)
        )
        items = [{"userId": row[0], "deliveredAt": iso_or_none(row[1]), "readAt": iso_or_none(row[2])} for row in rows]
        return {"items": items}


def _passed(message: Message, kind: Kind) -> ScalarSelect[int]:
    """When a participant's watermark passed the message: its first move to it or beyond."""
    return (
        select(Receipt.at)
        .where(
            Receipt.conversation_id == Participant.conversation_id,
            Receipt.user_id == Participant.user_id,
            Receipt.kind == kind,
            Receipt.upto_seq >= message.seq,
        )
        .order_by(Receipt.upto_seq)
        .limit(1)
        .scalar_subquery()
    )
