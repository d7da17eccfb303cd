"""Users who came into a conversation, or out of one, and were not told: the relay was away, or its sender died.

What happens in a room, the room catches up on by itself. This is about those who are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

import runtime
from models import Conversation, Participant, User
from realtime.catchup import deleted_event, removed_event
from realtime.chunks import chunks
from realtime.connections import connections
from realtime.events import Event, Packet
from realtime.nodes import nodes
from realtime.rooms import rooms
from schemas.errors import ChatError
from services.access import reading
from services.conversations import Mine, conversation_views
from services.members import members

CHECK_SECONDS = 3.0
"""How often the revs of all connected users are compared with the database; with what it then takes, within 5 s."""

CHUNK, BEHIND = 500, 100
"""Users a query, and those of whom each has a condition of their own; databases bound both."""


class Memberships:
    """What each connected user's rev was when we last looked."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def recheck(self) -> None:
        """Tell whoever was not told of a change of their memberships; to be called every `CHECK_SECONDS`."""
        try:
            now = _revs(connections.users())
            behind = [user_id for user_id, rev in now.items() if rev > self._known.get(user_id, -1)]
            if behind:
                runtime.sleep(nodes.patience)  # what was committed just now is still on its way here
            for chunk in chunks([one for one in behind if one in self._known], BEHIND):
                _tell(or_(*(_newer(user_id, self._known[user_id]) for user_id in chunk)))
            for chunk in chunks([one for one in behind if one not in self._known], CHUNK):
                _tell(_since_they_came(chunk))
            self._known = now
        except ChatError:
            return


def _newer(user_id: str, known: int) -> ColumnElement[bool]:
    """What has changed for the user since we last looked."""
    return and_(Participant.user_id == user_id, Participant.user_rev > known)


def _since_they_came(user_ids: Sequence[str]) -> ColumnElement[bool]:
    """What has changed for these users since the first of them came."""
    since = min(nodes.since(user_id) for user_id in user_ids)
    changed = or_(Participant.joined_at > since, Participant.removed_at > since, Conversation.deleted_at > since)
    return and_(Participant.user_id.in_(user_ids), changed)


def _tell(changed: ColumnElement[bool]) -> None:
    """Tell those who have not been told of these changes. Raises ChatError `unavailable`."""
    with reading() as session:
        query = select(Conversation, Participant).join(Participant, Participant.conversation_id == Conversation.id)
        rows = [(one, mine) for one, mine in session.execute(query.where(changed)) if not _knows(one, mine)]
        packets = _packets(session, rows)
    for user_id, packet in packets:
        members.forget(packet.conversation_id)
        rooms.receive_copy(user_id, packet)


def _knows(conversation: Conversation, mine: Participant) -> bool:
    """Whether the last word to the user was what is true now, or it was true when they came."""
    word = rooms.told.word(mine.user_id, conversation.id)
    inside = mine.removed_at is None and conversation.deleted_at is None
    at = mine.joined_at if inside else max(mine.removed_at or 0, conversation.deleted_at or 0)
    return at <= nodes.since(mine.user_id) or (word is not None and word.inside == inside)


def _packets(session: Session, untold: Sequence[Mine]) -> list[tuple[str, Packet]]:
    """What each of them is told now."""
    new = [(one, mine) for one, mine in untold if mine.removed_at is None and one.deleted_at is None]
    views = iter(conversation_views(session, new) if new else [])
    packets = []
    for conversation, mine in untold:
        packet = Packet(conversation.id, conversation.rev - 1, conversation.rev, conversation.seq)
        if conversation.deleted_at is not None:
            packet.events.append(deleted_event(conversation, [mine.user_id]))
        elif mine.removed_at is not None:
            packet.events.append(removed_event(mine))
        else:
            data = {"conversationId": conversation.id, **next(views), "rev": mine.member_rev}
            packet.events.append(Event("conversation:new", mine.member_rev, data, (mine.user_id,), to_room=False))
            packet.admitted.append(mine.user_id)
        packets.append((mine.user_id, packet))
    return packets


def _revs(user_ids: Sequence[str]) -> dict[str, int]:
    """The revs of these users' memberships. Raises ChatError `unavailable`."""
    found: dict[str, int] = {}
    with reading() as session:
        for chunk in chunks(user_ids, CHUNK):
            rows = session.execute(select(User.id, User.rev).where(User.id.in_(chunk)))
            found.update((user_id, rev) for user_id, rev in rows)
    return found


memberships = Memberships()
