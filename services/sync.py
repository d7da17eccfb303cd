"""Coming back after an absence: everything that changed, in its present state, in one round trip.

There is no log of events. Every row keeps the rev of its newest change, so what a client has missed is one indexed
query: the rows with a newer rev. A fixed number of queries answers any number of conversations.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

import runtime
from models import EPOCH, Conversation, Message, Meta, Participant, User
from realtime.catchup import newer_messages
from realtime.views import View, participant_view, rendered, users_by_id
from schemas.base import iso
from schemas.sync import Sync
from services.access import reading
from services.conversations import conversation_views, memberships

T = TypeVar("T")
R = TypeVar("R")

DELTA_MESSAGES = 500
"""More changed messages than this in a conversation are answered by `reset` (protocol.md, promise 4)."""

PAGE = 50
"""Messages in the newest page of a `reset`."""

ANSWER_MESSAGES = 5000
"""Changed messages in one answer; conversations beyond it are reset with a short page, so that no answer is endless."""

TERMS, ROWS = 10, 20
"""Conversations asked for in one query, and rows read in one go: 1 to 2 ms. In between others have their turn."""

COUNTED = 100
"""Messages that are counted in one go: each is looked at, 0.01 ms."""

AT_ONCE = threading.BoundedSemaphore(4)
"""Who reads very much, pauses, and holds a connection meanwhile; the pool is for others too."""


@dataclass(slots=True, frozen=True)
class Mine:
    """A conversation that the caller may see, their row in it, and the rev that they have (None: reset)."""

    conversation: Conversation
    participant: Participant
    since: int | None


def sync(user_id: str, body: Sync) -> dict[str, Any]:
    """What changed for the user since the revs that they name; never a part passed off as the whole."""
    with reading() as session:
        epoch = current_epoch(session)
        same_life = body.epoch in (None, epoch)
        return {
            "epoch": epoch,
            "me": _my_changes(session, user_id, body.me if same_life else 0),
            "conversations": changes_since(session, user_id, body.conversations, same_life=same_life),
        }


def sync_one(user_id: str, conversation_id: str, since: int, epoch: str | None = None) -> View:
    """The same for one conversation."""
    with reading() as session:
        same_life = epoch in (None, current_epoch(session))
        return changes_since(session, user_id, {conversation_id: since}, same_life=same_life)[conversation_id]


def current_epoch(session: Session) -> str:
    """The name of this database's life."""
    return session.get_one(Meta, EPOCH).value


def changes_since(session: Session, user_id: str, known: dict[str, int], *, same_life: bool = True) -> dict[str, View]:
    """For each conversation what changed since the rev in `known`: `delta`, `reset` or `gone`."""
    with AT_ONCE if len(known) > TERMS else nullcontext():
        return _changes_since(session, user_id, known, same_life)


def _changes_since(session: Session, user_id: str, known: dict[str, int], same_life: bool) -> dict[str, View]:
    mine = {one.conversation.id: one for one in _visible(session, user_id, known, same_life)}
    deltas, resets = _sort_out(session, mine.values())
    answers = {conversation_id: _gone() for conversation_id in known if conversation_id not in mine}
    answers |= {one.conversation.id: _answer("delta", one.conversation) for one in deltas}
    answers |= {one.conversation.id: _answer("reset", one.conversation) for one in resets}
    changed = [one for one in deltas if one.since is not None and one.conversation.rev > one.since]
    for query in chain(_changed_messages(changed), _newest(resets)):
        for part in rendered(session, _read(session, query)):
            for view in part:
                answers[view["conversationId"]]["messages"].append(view)
            runtime.sleep(0)
    for one in changed:
        answers[one.conversation.id]["messages"].sort(key=operator.itemgetter("seq"))
    _add_participants(session, answers, changed, resets)
    _add_properties(session, answers, changed, resets)
    return answers


def _gone() -> View:
    return {"outcome": "gone", "rev": 0, "seq": 0, "messages": [], "receipts": [], "participants": []}


def _answer(outcome: str, conversation: Conversation) -> View:
    return {**_gone(), "outcome": outcome, "rev": conversation.rev, "seq": conversation.seq}


def _visible(session: Session, user_id: str, known: dict[str, int], same_life: bool) -> list[Mine]:
    found: list[Mine] = []
    ids = list(known)
    for start in range(0, len(ids), 250):
        query = memberships(user_id).where(Conversation.id.in_(ids[start : start + 250]))
        runtime.sleep(0)
        for part in session.execute(query, execution_options={"yield_per": ROWS}).partitions():
            for conversation, participant in part:
                since = known[conversation.id]
                follows = same_life and since <= conversation.rev
                found.append(Mine(conversation, participant, since if follows else None))
            runtime.sleep(0)
    return found


def _paced(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many at a time as one query asks for; in between others have their turn."""
    for start in range(0, len(items), TERMS):
        yield items[start : start + TERMS]
        runtime.sleep(0)


def _read(session: Session, query: Select[R]) -> list[R]:
    """The rows that a query finds, likewise."""
    found: list[R] = []
    for part in session.scalars(query.execution_options(yield_per=ROWS)).partitions():
        found += part
        for row in part:
            session.expunge(row)  # else the session lets go of all of them at once, in its end
        runtime.sleep(0)
    return found


def _sort_out(session: Session, mine: Iterable[Mine]) -> tuple[list[Mine], list[Mine]]:
    """Which conversations can be answered by a delta, and which must be reset.

    A conversation's rev grows by one with each change, so that a small step cannot hide many messages; only where
    the step is large are they counted.
    """
    deltas, resets, budget = [], [], ANSWER_MESSAGES
    for one in mine:
        if one.since is None:
            resets.append(one)
            continue
        step = one.conversation.rev - one.since
        count = step if step <= DELTA_MESSAGES else _count_changed(session, one)
        if count > DELTA_MESSAGES or count > budget:
            resets.append(one)
        else:
            budget -= count
            deltas.append(one)
    return deltas, resets


def _count_changed(session: Session, one: Mine) -> int:
    """How many messages changed, counted no further than it matters, and no more of them in one go than is quick."""
    here, since, newest = Message.conversation_id == one.conversation.id, one.since or 0, one.conversation.seq
    first = max(0, newest - min(one.conversation.rev - since, DELTA_MESSAGES + 1))
    older = select(Message.id).where(here, Message.changed_rev > since, Message.seq <= first)
    count = session.scalar(select(func.count()).select_from(older.limit(DELTA_MESSAGES + 1).subquery())) or 0
    for start in range(first, newest, COUNTED):
        runtime.sleep(0)
        if count > DELTA_MESSAGES:
            break
        here_too = (Message.seq > start, Message.seq <= start + COUNTED, Message.rev > since)
        count += session.scalar(select(func.count()).select_from(Message).where(here, *here_too)) or 0
    return count


def _newer(one: Mine) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What changed; of the new ones no more than one too many for a delta.

    Each new message was a step of the conversation's rev, so that there are no more of them than steps.
    """
    since = one.since or 0
    steps = min(one.conversation.rev - since, DELTA_MESSAGES + 1)
    return newer_messages(one.conversation.id, since, one.conversation.seq - steps)


def _changed_messages(changed: Sequence[Mine]) -> Iterator[Select[Message]]:
    for some in _by_weight(changed):
        terms = [term for one in some for term in _newer(one)]
        yield select(Message).where(or_(*terms))  # sorted afterwards: the database would do it in one go


def _by_weight(changed: Sequence[Mine]) -> Iterator[list[Mine]]:
    """As many conversations as one query asks for, fewer where much changed: what it finds is sorted in one go."""
    some: list[Mine] = []
    weight = 0
    for one in changed:
        some.append(one)
        weight += min(one.conversation.rev - (one.since or 0), DELTA_MESSAGES)
        if len(some) == TERMS or weight >= DELTA_MESSAGES:
            yield some
            some, weight = [], 0
            runtime.sleep(0)
    if some:
        yield some


def _newest(resets: Sequence[Mine]) -> Iterator[Select[Message]]:
    """The newest page of each conversation that is reset, oldest first; short pages where there are very many."""
    size = max(1, min(PAGE, ANSWER_MESSAGES // max(1, len(resets))))
    for some in _paced(resets):
        terms = [
            and_(Message.conversation_id == one.conversation.id, Message.seq > one.conversation.seq - size)
            for one in some
        ]
        yield select(Message).where(or_(*terms)).order_by(Message.conversation_id, Message.seq)


def _add_participants(
    session: Session, answers: dict[str, View], changed: Sequence[Mine], resets: Sequence[Mine]
) -> None:
    """Receipts and participants: those with a newer rev, or all present ones of a conversation that is reset."""
    since = {one.conversation.id: one.since for one in changed}
    for some in _paced([*changed, *resets]):
        terms = [_of_interest(one, since.get(one.conversation.id)) for one in some]
        rows = _read(session, select(Participant).where(or_(*terms)).order_by(Participant.rev))
        told = [row for row in rows if row.member_rev > (since.get(row.conversation_id) or 0)]
        users = users_by_id(session, {row.user_id for row in told if row.removed_at is None})
        for row in rows:
            if row.removed_at is None:
                answers[row.conversation_id]["receipts"].append(receipt_view(row))
        for row in told:
            answers[row.conversation_id]["participants"].append(_participant(row, users))


def _of_interest(one: Mine, since: int | None) -> ColumnElement[bool]:
    here = Participant.conversation_id == one.conversation.id
    return and_(here, Participant.removed_at.is_(None) if since is None else Participant.rev > since)


def receipt_view(row: Participant) -> View:
    """A participant's watermarks."""
    return {"userId": row.user_id, "deliveredSeq": row.delivered_seq, "readSeq": row.read_seq, "rev": row.rev}


def _participant(row: Participant, users: dict[str, View]) -> View:
    if row.removed_at is not None:
        return {"userId": row.user_id, "removedAt": iso(row.removed_at), "rev": row.member_rev}
    return {**participant_view(row, users[row.user_id]), "rev": row.member_rev}


def _add_properties(
    session: Session, answers: dict[str, View], changed: Sequence[Mine], resets: Sequence[Mine]
) -> None:
    """The conversation itself, where its properties changed or it is reset."""
    wanted = [one for one in changed if one.since is not None and one.conversation.props_rev > one.since]
    mine = [(one.conversation, one.participant) for one in (*wanted, *resets)]
    for some in _paced(mine):
        for view in conversation_views(session, some):
            answers[view["id"]]["conversation"] = view


def _my_changes(session: Session, user_id: str, since: int | None) -> View:
    """The conversations that the user came into and went out of since a rev of their memberships."""
    rev = session.scalar(select(User.rev).where(User.id == user_id)) or 0
    if since is None or since == rev:
        return {"rev": rev, "added": [], "removed": []}
    after = since if since < rev else 0
    added = [(row[0], row[1]) for row in session.execute(memberships(user_id).where(Participant.user_rev > after))]
    removed = session.scalars(
        select(Participant.conversation_id)
        .join(Conversation, Conversation.id == Participant.conversation_id)
        .where(
            Participant.user_id == user_id,
            Participant.user_rev > after,
            or_(Participant.removed_at.is_not(None), Conversation.deleted_at.is_not(None)),
        )
    ).all()
    views = conversation_views(session, added) if added else []
    return {"rev": rev, "added": views, "removed": list(removed) if after else []}
