"""Coming back after an absence: everything that changed, in its present state, in one round trip.

There is no log of events. Every row keeps the rev of its newest change, so what a client has missed is one indexed
query: the rows with a newer rev. A fixed number of queries answers any number of conversations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models import EPOCH, Conversation, Message, Meta, Participant, User
from realtime.catchup import newer_messages
from realtime.views import View, messages_view, participant_view, users_by_id
from schemas.base import iso
from schemas.sync import Sync
from services.access import reading
from services.conversations import conversation_views, memberships

DELTA_MESSAGES = 500
"""More changed messages than this in a conversation are answered by `reset` (protocol.md, promise 4)."""

PAGE = 50
"""Messages in the newest page of a `reset`."""

ANSWER_MESSAGES = 5000
"""Changed messages in one answer; conversations beyond it are reset with a short page, so that no answer is endless."""

TERMS = 100
"""Conversations asked for in one query; databases bound the size of an expression."""


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
    mine = {one.conversation.id: one for one in _visible(session, user_id, known, same_life)}
    deltas, resets = _sort_out(session, mine.values())
    answers = {conversation_id: _gone() for conversation_id in known if conversation_id not in mine}
    answers |= {one.conversation.id: _answer("delta", one.conversation) for one in deltas}
    answers |= {one.conversation.id: _answer("reset", one.conversation) for one in resets}
    changed = [one for one in deltas if one.since is not None and one.conversation.rev > one.since]
    messages = [*_changed_messages(session, changed), *_newest(session, resets)]
    for view in messages_view(session, messages):
        answers[view["conversationId"]]["messages"].append(view)
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
    for start in range(0, len(ids), 500):
        rows = session.execute(memberships(user_id).where(Conversation.id.in_(ids[start : start + 500])))
        for conversation, participant in rows:
            since = known[conversation.id]
            follows = same_life and since <= conversation.rev
            found.append(Mine(conversation, participant, since if follows else None))
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
    """How many messages changed, counted no further than it matters."""
    changed = select(Message.id).where(or_(*_newer(one))).limit(DELTA_MESSAGES + 1).subquery()
    return session.scalar(select(func.count()).select_from(changed)) or 0


def _newer(one: Mine) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What changed; of the new ones no more than one too many for a delta.

    Each new message was a step of the conversation's rev, so that there are no more of them than steps.
    """
    since = one.since or 0
    steps = min(one.conversation.rev - since, DELTA_MESSAGES + 1)
    return newer_messages(one.conversation.id, since, one.conversation.seq - steps)


def _changed_messages(session: Session, changed: Sequence[Mine]) -> list[Message]:
    found: list[Message] = []
    for start in range(0, len(changed), TERMS):
        terms = [term for one in changed[start : start + TERMS] for term in _newer(one)]
        found += session.scalars(select(Message).where(or_(*terms)).order_by(Message.conversation_id, Message.seq))
    return found


def _newest(session: Session, resets: Sequence[Mine]) -> list[Message]:
    """The newest page of each conversation that is reset, oldest first; short pages where there are very many."""
    size = max(1, min(PAGE, ANSWER_MESSAGES // max(1, len(resets))))
    found: list[Message] = []
    for start in range(0, len(resets), TERMS):
        terms = [
            and_(Message.conversation_id == one.conversation.id, Message.seq > one.conversation.seq - size)
            for one in resets[start : start + TERMS]
        ]
        found += session.scalars(select(Message).where(or_(*terms)).order_by(Message.conversation_id, Message.seq))
    return found


def _add_participants(
    session: Session, answers: dict[str, View], changed: Sequence[Mine], resets: Sequence[Mine]
) -> None:
    """Receipts and participants: those with a newer rev, or all present ones of a conversation that is reset."""
    terms = [
        and_(Participant.conversation_id == one.conversation.id, Participant.rev > one.since) for one in changed
    ] + [and_(Participant.conversation_id == one.conversation.id, Participant.removed_at.is_(None)) for one in resets]
    rows: list[Participant] = []
    for start in range(0, len(terms), TERMS):
        rows += session.scalars(select(Participant).where(or_(*terms[start : start + TERMS])).order_by(Participant.rev))
    since = {one.conversation.id: one.since for one in changed}
    told = [row for row in rows if row.member_rev > (since.get(row.conversation_id) or 0)]
    users = users_by_id(session, {row.user_id for row in told if row.removed_at is None})
    for row in rows:
        if row.removed_at is None:
            answers[row.conversation_id]["receipts"].append(receipt_view(row))
    for row in told:
        answers[row.conversation_id]["participants"].append(_participant(row, users))


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
    for view in conversation_views(session, mine) if mine else []:
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
