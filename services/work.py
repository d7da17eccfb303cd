"""The unit of work: every change runs in one, and what it sets off is published once it is committed.

def rename(work: Work) -> None:
    change = work.change(conversation_id)
    change.row.title = title
    change.event("conversation:updated", {...})

perform(rename)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Conversation, Transaction, Unavailable, User, store
from realtime.events import Closing, Data, Event, Notice, Outcome, Packet
from realtime.publishing import publisher
from schemas.errors import not_a_participant, unavailable
from services.members import members

log = logging.getLogger("parley.services")
T = TypeVar("T")


class Counters(Protocol):
    """A conversation's counters, as a row or as what the hot statements read."""

    id: Any
    seq: Any
    rev: Any


class Turn:
    """What one unit of work does to one conversation, whose row it holds locked."""

    def __init__(self, clock: Counters) -> None:
        self._clock = clock
        self.packet = Packet(clock.id, clock.rev, clock.rev, clock.seq)

    def next_rev(self) -> int:
        """Allot the next rev, for one more durable change."""
        self._clock.rev += 1
        self.packet.end = self._clock.rev
        return self.packet.end

    def event(self, name: str, data: Data, *, to_users: Iterable[str] = (), to_room: bool = True) -> None:
        """Tell the room, and these users, of the change whose rev was allotted last."""
        rev = self.packet.end
        data = {"conversationId": self.packet.conversation_id, **data, "rev": rev}
        self.packet.events.append(Event(name, rev, data, tuple(to_users), to_room))


class Change(Turn):
    """A turn of a conversation whose whole row is at hand."""

    def __init__(self, row: Conversation) -> None:
        super().__init__(row)
        self.row = row


class Work:
    """One transaction and what it will set off."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.outcome = Outcome()
        self._changes: dict[str, Change] = {}

    @property
    def session(self) -> Session:
        """A session in the transaction."""
        return self.transaction.session

    def change(self, conversation_id: str) -> Change:
        """Lock the conversation's row for a change. Raises ChatError `not_a_participant` where there is none."""
        if conversation_id not in self._changes:
            self.changes([conversation_id])
        if conversation_id not in self._changes:
            raise not_a_participant()
        return self._changes[conversation_id]

    def changes(self, conversation_ids: Iterable[str]) -> dict[str, Change]:
        """Lock those of these conversations that exist, in id order, so that no two nodes wait for each other."""
        rows = self.session.scalars(
            select(Conversation)
            .where(Conversation.id.in_(conversation_ids), Conversation.deleted_at.is_(None))
            .order_by(Conversation.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {row.id: self._adopt(row) for row in rows}

    def create(self, row: Conversation) -> Change:
        """A new conversation, which nobody else can see yet."""
        self.session.add(row)
        self.session.flush()
        return self._adopt(row)

    def _adopt(self, row: Conversation) -> Change:
        change = self._changes[row.id] = Change(row)
        self.outcome.packets.append(change.packet)
        return change

    def turn(self, clock: Counters) -> Turn:
        """A turn of a conversation that the caller has locked, and whose counters it writes back."""
        turn = Turn(clock)
        self.outcome.packets.append(turn.packet)
        return turn

    def next_user_rev(self, user_id: str) -> int:
        """Allot the next rev of a user's memberships."""
        statement = update(User).where(User.id == user_id).values(rev=User.rev + 1).returning(User.rev)
        return int(self.session.execute(statement).scalar_one())

    def notify(self, name: str, data: dict[str, Any], users: Iterable[str]) -> None:
        """Tell these users something that belongs to no conversation."""
        self.outcome.notices.append(Notice(name, data, tuple(users)))

    def close(self, closing: Closing) -> None:
        """Close these sockets after the commit."""
        self.outcome.closings.append(closing)


def perform(function: Callable[[Work], T]) -> T:
    """Run `function` in a unit of work, commit, publish, and return what it returned. Raises as `commit` does."""
    result, outcome = commit(function)
    publish(outcome)
    return result


Committed = tuple[T, Outcome]
"""What a unit of work returned, and what is to be published."""


def commit(function: Callable[[Work], T]) -> Committed[T]:
    """Run `function` in a unit of work and commit.

    It may run more than once, each time with a fresh `Work`, and on SQLite in another thread: it waits for nothing
    and changes nothing outside. Raises what it raises, and ChatError `unavailable`; nothing was stored then.
    """

    def run(transaction: Transaction) -> Committed[T]:
        work = Work(transaction)
        return function(work), work.outcome

    try:
        result, outcome = store.transact(run)
    except Unavailable as error:
        raise unavailable() from error
    for packet in outcome.packets:
        if packet.admitted or packet.evicted or packet.closed:
            members.forget(packet.conversation_id)
    return result, outcome


def write(function: Callable[[Session], T]) -> T:
    """A bare transaction, for what no client is told of. Raises ChatError `unavailable`."""
    try:
        return store.write(function)
    except Unavailable as error:
        raise unavailable() from error


def publish(outcome: Outcome) -> None:
    """Hand a commit's events to the relay. What is saved stays saved, whatever happens here."""
    try:
        publisher.publish(outcome)
    except Exception:
        log.exception("a committed change could not be published; rooms catch up by themselves")
