"""How much a `sync` asks of the database."""

from __future__ import annotations

from schemas.conversations import CreateConversation
from schemas.messages import SendMessage
from schemas.sync import Sync
from services import conversations, messages, sync
from tests.services.conftest import Queries, add_user

MANY = 200


def test_two_hundred_conversations_cost_no_more_queries_than_twenty(queries: Queries) -> None:
    anna, ben = add_user("anna"), add_user("ben")
    body = CreateConversation(type="group", participant_ids=[ben])
    made = [conversations.create(anna, body)[0] for _ in range(MANY)]

    def selects(known: dict[str, int]) -> int:
        queries.statements.clear()
        answer = sync.sync(ben, Sync(conversations=known))
        assert all(one["outcome"] == "delta" for one in answer["conversations"].values())
        return queries.selects

    quiet = {one["id"]: one["rev"] for one in made}
    assert selects(quiet) <= 3  # the epoch, the user's own rev, all the conversations
    for one in made[:: MANY // 10]:
        messages.send(anna, SendMessage(conversation_id=one["id"], content="new"))
    few = dict(list(quiet.items())[: MANY // 10])
    assert selects(quiet) == selects(few)
