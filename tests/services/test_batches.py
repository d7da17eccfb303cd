"""A batch of messages moves what its messages move, also where some were stored before the others."""

from __future__ import annotations

import functools
import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Conversation, Message, Participant, store, temp_key
from models.unread import unread_counts
from realtime.events import Outcome
from realtime.publishing import publisher
from schemas.conversations import CreateConversation
from schemas.errors import ChatError
from schemas.messages import HistoryPage, SendMessage
from services import conversations, messages
from services.placing import Draft, Sent, digest_of
from services.work import commit
from services.writer import run_all
from tests.services.conftest import add_user


def draft(sender: str, conversation_id: str, number: int, content: str, reply_to: str | None) -> Draft:
    """A message, some without a `temp_id`."""
    temp_id = f"t-{number}" if number % 5 else None
    key = temp_key(sender, conversation_id, temp_id) if temp_id else None
    digest = digest_of(content, reply_to) if temp_id and reply_to else None
    return Draft(sender, conversation_id, content, temp_id, key, reply_to, (), digest)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("seed", range(4))
def test_counters_follow_the_messages(seed: int) -> None:
    rng = random.Random(seed)
    people = [f"user-{number}" for number in range(4)]
    for name in people:
        add_user(name)
    group = CreateConversation(type="group", participant_ids=people[1:])
    places = [conversations.create(people[0], group)[0]["id"] for _ in range(3)]
    first = [messages.send(people[0], SendMessage(conversation_id=one, content="first")).message for one in places]
    parents = dict(zip(places, first, strict=True))
    before = {one: parents[one]["rev"] for one in places}
    drafts = []
    for number in range(300):
        conversation_id, sender = rng.choice(places), rng.choice(people)
        kind = rng.choice(["plain", "plain", "reply", "mention"] if seed else ["plain"])
        content = f"@{rng.choice(people)} number {number}" if kind == "mention" else f"number {number}"
        parent = parents[conversation_id]["id"] if kind == "reply" else None
        drafts.append(draft(sender, conversation_id, number, content, parent))
    outcomes, _ = commit(functools.partial(run_all, requests=drafts, careful=False))
    assert not [one for one in outcomes if isinstance(one, ChatError)]
    sent = Counter((one.conversation_id, one.sender_id) for one in drafts)
    with store.read() as session:
        for one in places:
            count = sum(1 for each in drafts if each.conversation_id == one)
            conversation = session.get_one(Conversation, one)
            here = select(Message.seq).where(Message.conversation_id == one).order_by(Message.seq)
            assert list(session.scalars(here)) == list(range(1, count + 2))
            assert (conversation.seq, conversation.rev) == (count + 1, before[one] + count)
            revs = session.scalars(select(Message.rev).where(Message.conversation_id == one, Message.seq > 1)).all()
            assert max(revs) == conversation.rev
            for person in session.scalars(select(Participant).where(Participant.conversation_id == one)):
                own = sent[one, person.user_id] + (person.user_id == people[0])
                assert unread_counts(session, [(conversation, person)]) == [conversation.seq - own]
    assert [one.message["content"] for one in outcomes if isinstance(one, Sent)] == [one.content for one in drafts]


@pytest.mark.usefixtures("database")
def test_what_another_node_stored_in_between_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [add_user("anna"), add_user("ben")]
    direct = CreateConversation(type="direct", participant_ids=people[1:])
    conversation_id = conversations.create(people[0], direct)[0]["id"]
    published: list[Outcome] = []
    monkeypatch.setattr(publisher, "publish", published.append)

    def say(name: str) -> dict[str, Any]:
        body = SendMessage(conversation_id=conversation_id, content=name, temp_id=name)
        return messages.send(people[0], body).message

    def elsewhere(session: Session) -> None:
        row = session.get_one(Conversation, conversation_id)
        row.seq, row.rev = row.seq + 1, row.rev + 3
        lines = {"conversation_id": conversation_id, "sender_id": people[1], "content": "between"}
        session.add(Message(seq=row.seq, rev=row.rev, **lines))

    first = say("first")
    store.write(elsewhere)
    second, third = say("second"), say("third")
    assert [first["seq"], second["seq"], third["seq"]] == [1, 3, 4]
    assert [second["rev"], third["rev"]] == [first["rev"] + 4, first["rev"] + 5]
    packets = [packet for outcome in published for packet in outcome.packets][-2:]
    assert [(one.start, one.end, one.seq) for one in packets] == [
        (second["rev"] - 1, second["rev"], 2),
        (third["rev"] - 1, third["rev"], 3),
    ]
    assert [event.rev for one in packets for event in one.events] == [second["rev"], third["rev"]]
    history: Any = messages.history(people[0], conversation_id, HistoryPage())["items"]
    assert [(one["seq"], one["rev"], one["content"]) for one in history] == [
        (4, third["rev"], "third"),
        (3, second["rev"], "second"),
        (2, first["rev"] + 3, "between"),
        (1, first["rev"], "first"),
    ]
