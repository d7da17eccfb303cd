"""Rooms that catch up together are told what each would be told alone, and share the queries."""

from __future__ import annotations

from models import store
from realtime import catchup
from schemas.conversations import CreateConversation, UpdateConversation
from schemas.messages import EditMessage, SendMessage
from services import conversations, messages, participants
from tests.services.conftest import Queries, add_user

ROOMS = 30


def test_many_rooms_at_once(queries: Queries) -> None:
    anna, ben = add_user("anna"), add_user("ben")
    known = {"no such conversation": (3, 2)}
    for number in range(ROOMS):
        made = conversations.create(anna, CreateConversation(type="group", participant_ids=[ben]))[0]
        room = made["id"]
        first = messages.send(anna, SendMessage(conversation_id=room, content="known")).message
        known[room] = (first["rev"], first["seq"])
        sent = [messages.send(ben, SendMessage(conversation_id=room, content=str(one))) for one in range(number % 4)]
        if number % 2:
            messages.edit(anna, first["id"], EditMessage(content="edited"))
        if number % 3 == 0:
            messages.delete(anna, first["id"])
        if number % 5 == 0:
            participants.remove(anna, room, ben)
        if number % 7 == 0:
            conversations.update(anna, room, UpdateConversation(title="another"))
        if number % 11 == 0:
            conversations.delete(anna, room)
        assert len(sent) == number % 4
    with store.read() as session:
        alone = {room: catchup.missed(session, room, rev, seq) for room, (rev, seq) in known.items()}
    queries.statements.clear()
    with store.read() as session:
        together = catchup.missed_by(session, known)
    assert together == alone
    assert sum(bool(packet.events) for packet in together.values()) > ROOMS // 2
    assert queries.selects < 12, queries.statements
