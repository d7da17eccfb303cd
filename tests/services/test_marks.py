"""What receipts make of messages' status, against a model that simply looks at everybody."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models import Conversation, Message, Participant, Transaction, new_id, store
from realtime.watermarks import watermarks_of
from schemas.conversations import CreateConversation
from schemas.messages import SendMessage
from services import conversations, messages
from services.marks import Mark, move_all
from services.work import Work
from tests.services.conftest import Queries, add_user

RANK = {"sent": 0, "delivered": 1, "read": 2}


def model_status(marks: dict[str, tuple[int, int]], sender: str, seq: int) -> str:
    """The least over all participants but the sender."""
    others = [mark for user_id, mark in marks.items() if user_id != sender]
    if all(read >= seq for _, read in others):
        return "read"
    return "delivered" if all(delivered >= seq for delivered, _ in others) else "sent"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("seed", range(6))
def test_statuses_rise_exactly_where_everybody_but_the_sender_has_come(seed: int) -> None:
    rng = random.Random(seed)
    people = [add_user(f"user-{number}") for number in range(2 + seed % 4)]
    kind = CreateConversation(type="group", participant_ids=people[1:])
    conversation_id = conversations.create(people[0], kind)[0]["id"]
    marks = dict.fromkeys(people, (0, 0))
    sent: list[str] = []
    for _ in range(60):
        if rng.random() < 0.4 or not sent:
            sender = rng.choice(people)
            body = SendMessage(conversation_id=conversation_id, content="x")
            messages.send(sender, body)
            sent.append(sender)
            continue
        chosen = []
        for user_id in rng.sample(people, rng.randint(1, len(people))):
            seq = rng.randint(1, len(sent))
            chosen.append(Mark(user_id, conversation_id, seq, rng.choice([0, seq])))
        before = {seq: model_status(marks, sender, seq) for seq, sender in enumerate(sent, 1)}
        for mark in chosen:
            delivered, read = marks[mark.user_id]
            marks[mark.user_id] = max(delivered, mark.delivered, mark.read), max(read, mark.read)
        after = {seq: model_status(marks, sender, seq) for seq, sender in enumerate(sent, 1)}
        assert told(chosen) == {seq: after[seq] for seq in after if RANK[after[seq]] > RANK[before[seq]]}
        with store.read() as session:
            now = watermarks_of(session, conversation_id)
        assert {seq: now.status(sender, seq) for seq, sender in enumerate(sent, 1)} == after


def told(chosen: list[Mark]) -> dict[int, str]:
    """Commit the marks; the statuses that the room is told, by seq."""

    def run(transaction: Transaction) -> tuple[dict[int, str], list[object]]:
        work, session = Work(transaction), transaction.session
        outcomes: list[object] = list(move_all(work, chosen))
        events = [event for packet in work.outcome.packets for event in packet.events]
        statuses = {event.data["messageId"]: event.data["status"] for event in events if event.name == "message:status"}
        seqs = {message.id: message.seq for message in session.scalars(select(Message).where(Message.id.in_(statuses)))}
        return {seqs[message_id]: status for message_id, status in statuses.items()}, outcomes

    found, outcomes = store.transact(run)
    assert outcomes == [None] * len(chosen)
    return found


def test_ten_thousand_messages_are_read_with_one_row_and_a_hundred_events(queries: Queries) -> None:
    anna, ben = add_user("anna"), add_user("ben")
    kind = CreateConversation(type="direct", participant_ids=[ben])
    conversation_id = conversations.create(anna, kind)[0]["id"]
    store.write(lambda session: _fill(session, conversation_id, anna, 10_000))
    queries.statements.clear()

    def run(transaction: Transaction) -> list[str]:
        work = Work(transaction)
        assert move_all(work, [Mark(ben, conversation_id, 10_000, 10_000)]) == [None]
        return [event.name for event in work.outcome.packets[0].events]

    names = store.transact(run)
    assert names == ["message:status"] * 100 + ["receipt:update"]
    with store.read() as session:
        row = session.get_one(Participant, (conversation_id, ben))
        assert (row.read_seq, row.delivered_seq) == (10_000, 10_000)


def _fill(session: Session, conversation_id: str, sender: str, count: int) -> None:
    rows = [
        {
            "id": new_id(),
            "conversation_id": conversation_id,
            "seq": seq,
            "rev": seq + 2,
            "sender_id": sender,
            "content": "x",
        }
        for seq in range(1, count + 1)
    ]
    session.execute(insert(Message), rows)
    conversation = session.get_one(Conversation, conversation_id)
    conversation.seq, conversation.rev = count, count + 2
