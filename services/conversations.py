"""Conversations: the list, one, a new one, its properties, its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Attachment, Conversation, Message, Participant, User, new_id, now_ms
from models.unread import unread_counts
from realtime.catchup import deleted_event, properties_event
from realtime.views import View, messages_view, participant_view, user_view
from schemas.base import iso, iso_or_none
from schemas.conversations import CreateConversation, Page, UpdateConversation
from schemas.errors import forbidden, invalid, not_found
from services.access import access_conversation, access_participant, check_admin, reading
from services.files import discard
from services.paging import decode_cursor, encode_cursor
from services.work import Change, Work, perform

Mine = tuple[Conversation, Participant]


def conversation_views(session: Session, mine: Sequence[Mine]) -> list[View]:
    """Conversations as the owner of these rows sees them, in the order given; a handful of queries for all."""
    ids = [conversation.id for conversation, _ in mine]
    people = _participants(session, ids)
    newest = session.scalars(
        select(Message)
        .join(Conversation, and_(Conversation.id == Message.conversation_id, Conversation.seq == Message.seq))
        .where(Conversation.id.in_(ids))
    ).all()
    last = {view["conversationId"]: view for view in messages_view(session, newest)}
    unread = unread_counts(session, mine)
    return [
        {
            "id": conversation.id,
            "type": conversation.type,
            "title": conversation.title,
            "avatar": conversation.avatar,
            "participants": people[conversation.id],
            "lastMessage": last.get(conversation.id),
            "unreadCount": unread_count,
            "mentionCount": participant.mention_count,
            "seq": conversation.seq,
            "rev": conversation.rev,
            "firstSeq": conversation.first_seq,
            "pinned": [],
            "mutedUntil": iso_or_none(participant.muted_until),
            "createdAt": iso(conversation.created_at),
            "updatedAt": iso(conversation.updated_at),
        }
        for (conversation, participant), unread_count in zip(mine, unread, strict=True)
    ]


def _participants(session: Session, conversation_ids: Sequence[str]) -> dict[str, list[View]]:
    rows = session.execute(
        select(Participant, User)
        .join(User, User.id == Participant.user_id)
        .where(Participant.conversation_id.in_(conversation_ids), Participant.removed_at.is_(None))
        .order_by(Participant.joined_at, Participant.user_id)
    )
    found: dict[str, list[View]] = defaultdict(list)
    for participant, user in rows:
        found[participant.conversation_id].append(participant_view(participant, user_view(user)))
    return found


def memberships(user_id: str) -> Select[Conversation, Participant]:
    """A query for the user's conversations, each with their own row in it."""
    return (
        select(Conversation, Participant)
        .join(Participant, Participant.conversation_id == Conversation.id)
        .where(
            Participant.user_id == user_id,
            Participant.removed_at.is_(None),
            Conversation.deleted_at.is_(None),
        )
    )


def _as_mine(rows: Sequence[Row[Conversation, Participant]]) -> list[Mine]:
    return [(row[0], row[1]) for row in rows]


def list_mine(user_id: str, page: Page) -> dict[str, Any]:
    """A page of the user's conversations, newest activity first."""
    query = memberships(user_id)
    if page.cursor is not None:
        at, last_id = decode_cursor(page.cursor, int, str)
        query = query.where(
            or_(Conversation.updated_at < at, and_(Conversation.updated_at == at, Conversation.id < last_id))
        )
    query = query.order_by(Conversation.updated_at.desc(), Conversation.id.desc()).limit(page.limit + 1)
    with reading() as session:
        found = _as_mine(session.execute(query).all())
        items = conversation_views(session, found[: page.limit])
    last = found[: page.limit][-1][0] if len(found) > page.limit else None
    return {"items": items, "nextCursor": encode_cursor(last.updated_at, last.id) if last else None}


def get(user_id: str, conversation_id: str) -> View:
    """One conversation. Raises ChatError `not_a_participant`."""
    with reading() as session:
        return conversation_views(session, [access_conversation(session, user_id, conversation_id)])[0]


def create(user_id: str, body: CreateConversation) -> tuple[View, bool]:
    """A new conversation, and whether it is new: a direct one that exists is answered as it is.

    Raises ChatError `validation_failed`, or `not_found` for a participant who does not exist.
    """
    others = list(dict.fromkeys(other for other in body.participant_ids if other != user_id))
    if body.type == "direct" and len(others) != 1:
        raise invalid(participantIds="a direct conversation has exactly one other participant")
    direct_key = "\n".join(sorted((user_id, others[0]))) if body.type == "direct" else None
    title = body.title if body.type == "group" else None
    conversation_id = new_id()

    def run(work: Work) -> tuple[View, bool]:
        existing = _find_direct(work.session, direct_key)
        if existing is not None:
            return _reopen(work, existing, user_id, others[0])
        row = Conversation(id=conversation_id, type=body.type, title=title, direct_key=direct_key)
        return _start(work, work.create(row), user_id, others), True

    try:
        return perform(run)
    except IntegrityError:
        # Two created the same direct conversation at once; the other's is there now.
        return perform(run)


def _find_direct(session: Session, direct_key: str | None) -> Conversation | None:
    if direct_key is None:
        return None
    return session.scalars(select(Conversation).where(Conversation.direct_key == direct_key)).one_or_none()


def _reopen(work: Work, existing: Conversation, user_id: str, other: str) -> tuple[View, bool]:
    """A direct conversation that exists; whoever has left it is back."""
    change = work.change(existing.id)
    for back in (user_id, other):
        if work.session.get_one(Participant, (existing.id, back)).removed_at is not None:
            admit(work, change, back, "member")
            tell_new(work, change, [back])
    mine = work.session.get_one(Participant, (existing.id, user_id))
    return conversation_views(work.session, [(change.row, mine)])[0], False


def _start(work: Work, change: Change, user_id: str, others: list[str]) -> View:
    for other in [user_id, *others]:
        if work.session.get(User, other) is None:
            raise not_found("User", "participantIds")
    for other in [user_id, *others]:
        role = "owner" if other == user_id and change.row.type == "group" else "member"
        admit(work, change, other, role)
    change.row.props_rev = change.row.rev
    tell_new(work, change, [user_id, *others])
    return conversation_views(
        work.session, [(change.row, work.session.get_one(Participant, (change.row.id, user_id)))]
    )[0]


def admit(work: Work, change: Change, user_id: str, role: str) -> Participant:
    """Put a user into the conversation, or back into it; a newcomer starts at the present message."""
    row = change.row
    participant = work.session.get(Participant, (row.id, user_id))
    if participant is None:
        participant = Participant(conversation_id=row.id, user_id=user_id)
        work.session.add(participant)
    participant.role = role
    participant.joined_at = now_ms()
    participant.removed_at = None
    participant.delivered_seq = participant.read_seq = row.seq
    participant.skipped = participant.mention_count = 0
    participant.rev = participant.member_rev = row.members_rev = change.next_rev()
    participant.user_rev = work.next_user_rev(user_id)
    row.member_count += 1
    change.packet.admitted.append(user_id)
    work.session.flush()
    return participant


def tell_new(work: Work, change: Change, user_ids: Sequence[str]) -> None:
    """`conversation:new` to each of these, as they see it."""
    work.session.flush()
    own = {user_id: work.session.get_one(Participant, (change.row.id, user_id)) for user_id in user_ids}
    views = conversation_views(work.session, [(change.row, participant) for participant in own.values()])
    for user_id, view in zip(own, views, strict=True):
        change.event("conversation:new", view, to_users=[user_id], to_room=False)


def update(user_id: str, conversation_id: str, body: UpdateConversation) -> View:
    """Change a group's title or picture. Raises ChatError `not_a_participant`, `forbidden`."""
    given = body.model_fields_set

    def run(work: Work) -> View:
        change, participant = change_as_admin(work, user_id, conversation_id, "change it")
        row = change.row
        wanted = {name: getattr(body, name) for name in ("title", "avatar") if name in given}
        if any(getattr(row, name) != value for name, value in wanted.items()):
            for name, value in wanted.items():
                setattr(row, name, value)
            row.props_rev = change.next_rev()
            row.updated_at = now_ms()
            change.packet.events.append(properties_event(row))
        work.session.flush()
        return conversation_views(work.session, [(row, participant)])[0]

    return perform(run)


def change_as_admin(work: Work, user_id: str, conversation_id: str, what: str) -> tuple[Change, Participant]:
    """Lock a group for a change that only its admins may make. Raises ChatError."""
    change = work.change(conversation_id)
    participant = access_participant(work.session, user_id, conversation_id)
    if change.row.type == "direct":
        raise forbidden("A direct conversation cannot be changed")
    check_admin(participant, what)
    return change, participant


def delete(user_id: str, conversation_id: str) -> None:
    """End a conversation for everybody: by its owner, or by either side of a direct one. Raises ChatError.

    Its files are removed; its rows stay, and nobody sees them (docs/decisions/0010).
    """
    files: list[str] = []

    def run(work: Work) -> None:
        files.clear()
        change = work.change(conversation_id)
        participant = access_participant(work.session, user_id, conversation_id)
        row = change.row
        if row.type == "group" and participant.role != "owner":
            raise forbidden("Only the owner may delete the conversation")
        people = work.session.scalars(
            select(Participant).where(Participant.conversation_id == row.id, Participant.removed_at.is_(None))
        ).all()
        row.props_rev = row.members_rev = change.next_rev()
        row.deleted_at = now_ms()
        row.direct_key = None
        for person in people:
            person.user_rev = work.next_user_rev(person.user_id)
        change.packet.events.append(deleted_event(row, [person.user_id for person in people]))
        change.packet.closed = True
        for attachment in work.session.scalars(
            select(Attachment).where(Attachment.conversation_id == row.id, Attachment.deleted_at.is_(None))
        ):
            attachment.deleted_at = row.deleted_at
            files.append(attachment.id)

    perform(run)
    discard(files)
