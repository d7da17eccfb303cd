"""Who is told of a user's coming and going, for many users at once: a herd that connects asks in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import runtime
from models import store
from realtime.chunks import chunks

CROWD = 200
"""In conversations over this many, presence is told only to those who ask (design.md)."""

USERS, CONVERSATIONS = 100, 10
"""Users, and conversations, a query: 1 ms. Between two of them others have their turn."""


class Audiences:
    """The conversations of moderate size that users are in, and who else is in those."""

    def __init__(self) -> None:
        self._mine: dict[str, list[str]] = defaultdict(list)
        self._members: dict[str, list[str]] = defaultdict(list)

    def groups(self) -> Iterator[tuple[list[str], list[str]]]:
        """Users who are in the same conversations, and everybody who is in those, they themselves too."""
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for user_id, mine in self._mine.items():
            alike[tuple(mine)].append(user_id)
        for conversation_ids, user_ids in alike.items():
            members = [self._members[one] for one in conversation_ids]
            yield user_ids, members[0] if len(members) == 1 else list(set().union(*members))

    def add_conversations(self, user_ids: Sequence[str]) -> None:
        """Read which conversations these users are in. Raises Unavailable."""
        rows = store.rows(
            "SELECT user_id, conversation_id FROM participants"  # noqa: S608 (marks only)
            " JOIN conversations ON conversations.id = conversation_id"
            f" WHERE user_id IN ({_marks(user_ids)}) AND removed_at IS NULL AND conversations.deleted_at IS NULL"
            f" AND member_count <= {CROWD} ORDER BY user_id, conversation_id",
            *user_ids,
        )
        for user_id, conversation_id in rows:
            self._mine[user_id].append(conversation_id)

    def add_members(self, conversation_ids: Sequence[str]) -> None:
        """Read who is in these conversations. Raises Unavailable."""
        rows = store.rows(
            "SELECT conversation_id, user_id FROM participants"  # noqa: S608 (marks only)
            f" WHERE conversation_id IN ({_marks(conversation_ids)}) AND removed_at IS NULL",
            *conversation_ids,
        )
        for conversation_id, user_id in rows:
            self._members[conversation_id].append(user_id)

    def conversations(self) -> set[str]:
        """All that were found."""
        return {conversation_id for mine in self._mine.values() for conversation_id in mine}


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def audiences_of(user_ids: Collection[str]) -> Audiences:
    """Read for these users; other greenlets run in between. Raises Unavailable."""
    found = Audiences()
    for some in chunks(list(user_ids), USERS):
        found.add_conversations(some)
        runtime.sleep(0)
    for some in chunks(found.conversations(), CONVERSATIONS):
        found.add_members(some)
        runtime.sleep(0)
    return found
