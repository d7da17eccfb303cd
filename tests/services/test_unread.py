"""The counts of unread messages, against a model that simply looks at every message."""

from __future__ import annotations

import functools
import random

import pytest

from schemas.conversations import AddParticipant, CreateConversation, Page
from schemas.messages import SendMessage
from services import conversations, messages, participants
from services.marks import Mark
from services.placing import Draft, Sent
from services.work import commit
from services.writer import run_all
from tests.services.conftest import add_user

MESSAGES = 300


class Model:
    """Who sent each message, which of them were taken back, and how far everybody has read."""

    def __init__(self, people: list[str]) -> None:
        self.senders: list[str] = []
        self.ids: list[str] = []
        self.gone: set[int] = set()
        self.read = dict.fromkeys(people, 0)

    def unread(self, user_id: str) -> int:
        """What is neither read, nor one's own, nor gone."""
        ahead = range(self.read[user_id] + 1, len(self.senders) + 1)
        return sum(1 for seq in ahead if self.senders[seq - 1] != user_id and seq not in self.gone)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("seed", range(4))
def test_counts_are_exact_whatever_happens(seed: int) -> None:
    rng = random.Random(seed)
    people = [add_user(f"user-{number}") for number in range(3)]
    group = CreateConversation(type="group", participant_ids=people[1:])
    conversation_id = conversations.create(people[0], group)[0]["id"]
    model = Model(people)
    while len(model.senders) < MESSAGES:
        send(rng, model, conversation_id, rng.choice([1, 1, 1, 2, 5, 20, 100]))
        check(model)
        if rng.random() < 0.5:
            reader = rng.choice(people)
            upto = rng.randint(model.read[reader], len(model.senders))
            commit(functools.partial(run_all, requests=[Mark(reader, conversation_id, upto, upto)]))
            model.read[reader] = upto
            check(model)
        if rng.random() < 0.5:
            seq = rng.choice([one for one in range(1, len(model.senders) + 1) if one not in model.gone])
            messages.delete(model.senders[seq - 1], model.ids[seq - 1])
            model.gone.add(seq)
            check(model)
        if rng.random() < 0.1:
            participants.remove(people[2], conversation_id, people[2])
            participants.add(people[0], conversation_id, AddParticipant(user_id=people[2]))
            model.read[people[2]] = len(model.senders)
            check(model)


def send(rng: random.Random, model: Model, conversation_id: str, count: int) -> None:
    """So many messages: a single one as most are sent, several in one transaction."""
    senders = [rng.choice(list(model.read)) for _ in range(count)]
    if count == 1:
        body = SendMessage(conversation_id=conversation_id, content="x")
        model.ids.append(messages.send(senders[0], body).message["id"])
    else:
        drafts = [Draft(sender, conversation_id, "x", None, None, None, (), None) for sender in senders]
        outcomes, _ = commit(functools.partial(run_all, requests=drafts))
        model.ids += [one.message["id"] for one in outcomes if isinstance(one, Sent)]
    model.senders += senders


def check(model: Model) -> None:
    """Everybody's list says what the model does."""
    for user_id in model.read:
        (mine,) = conversations.list_mine(user_id, Page())["items"]
        assert mine["unreadCount"] == model.unread(user_id), (user_id, len(model.senders))
