"""What a room is told of changes that it has not been told as they happened."""

from __future__ import annotations

import pytest

from models import store
from realtime import catchup
from schemas.conversations import CreateConversation
from schemas.messages import EditMessage, SendMessage
from services import conversations, messages, participants
from tests.services.conftest import add_user


@pytest.mark.usefixtures("queries")
def test_a_client_cut_in_the_middle_of_a_catch_up_has_passed_by_nothing() -> None:
    anna, ben = add_user("anna"), add_user("ben")
    made = conversations.create(anna, CreateConversation(type="group", participant_ids=[ben]))[0]
    sent = [messages.send(anna, SendMessage(conversation_id=made["id"], content=str(number))) for number in range(4)]
    for number in (0, 2):
        messages.edit(anna, sent[number].message["id"], EditMessage(content="edited"))
    participants.remove(anna, made["id"], ben)
    messages.edit(anna, sent[3].message["id"], EditMessage(content="edited"))
    with store.read() as session:
        packet = catchup.missed(session, made["id"], made["rev"], 0)
    told = [event.data["rev"] for event in packet.events]
    true = [event.rev for event in packet.events]
    assert [event.data["seq"] for event in packet.events if event.name == "message:new"] == [1, 2, 3, 4]
    assert told == sorted(told)
    for position in range(len(told) - 1):
        assert told[position] < min(true[position + 1 :]), "what follows would be taken for known"
    assert all(known <= real for known, real in zip(told, true, strict=True))
