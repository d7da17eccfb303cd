"""The statements of a batch of receipts, as plain SQL, for the same reason as those of messages (`models.hot`).

Each is for all conversations of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from models.clocks import Clock
from models.locks import lock_conversations
from models.reads import as_json
from models.transaction import Transaction
from models.unread import SKIPPED

Row = Sequence[Any]
"""A present participant: user, delivered_seq, read_seq, skipped, mention_count."""


@dataclass(slots=True)
class Standing:
    """How far a participant has heard and read, and what is nothing to read above that (`models.Participant`)."""

    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    skipped: int
    mention_count: int
    rev: int = 0

    @classmethod
    def of(cls, conversation_id: str, row: Row) -> Standing:
        """A row's."""
        return cls(conversation_id, *row)


Span = tuple[int, int]
"""Places from the first (excluded) to the second."""


@dataclass(slots=True, frozen=True)
class Rise:
    """Whose messages rose: those of one or two senders in spans of their own, those of all others in another."""

    conversation_id: str
    first: tuple[str | None, Span]
    second: tuple[str | None, Span]
    others: Span

    def row(self) -> tuple[Any, ...]:
        """As the statements take it: with the least and the greatest place of all at its end."""
        spans = [self.first[1], self.second[1], self.others]
        bounds = [span for span in spans if span[1] > span[0]] or [(0, 0)]
        bottom, top = min(low for low, _ in bounds), max(high for _, high in bounds)
        return (self.conversation_id, self.first[0], *spans[0], self.second[0], *spans[1], *spans[2], bottom, top)


Risen = list[tuple[int, str]]
"""Messages by their place and id, newest first."""


Moved = tuple[str, str, str, int, int]
"""A move of a watermark: conversation, user, kind, place and time."""


class HotReceipts(Protocol):
    """What a batch of receipts asks of the database, in its transaction."""

    def lock(self, conversation_ids: Sequence[str]) -> list[Clock]:
        """Lock those of these conversations that exist, in id order."""

    def standings(self, conversation_ids: Sequence[str]) -> list[list[Row]]:
        """How far everybody is who is in these conversations, for each of them."""

    def risen(self, rises: Sequence[Rise], limit: int) -> list[Risen]:
        """The messages that rose, `limit` of each conversation at most."""

    def finish(
        self,
        moved: Sequence[Standing],
        behind: Sequence[Standing],
        moves: Sequence[Moved],
        revs: Sequence[tuple[str, int]],
    ) -> None:
        """Write the standings that have moved, each move by itself, and the conversations' new revs.

        For those who are `behind`, count anew what is nothing to read above their `read_seq`, and their mentions there.
        """


_MENTIONED = (
    "SELECT count(*) FROM mentions WHERE conversation_id = participants.conversation_id"
    " AND user_id = participants.user_id AND seq > participants.read_seq"
)
_RECOUNT = f"UPDATE participants SET skipped = ({SKIPPED}), mention_count = ({_MENTIONED})"  # noqa: S608 (our own)


class _SQLite:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._execute = transaction.driver.execute

    def lock(self, conversation_ids: Sequence[str]) -> list[Clock]:
        """See `HotReceipts.lock`."""
        return list(lock_conversations(self._transaction, conversation_ids).values())

    def standings(self, conversation_ids: Sequence[str]) -> list[list[Row]]:
        """See `HotReceipts.standings`."""
        found = self._execute(
            "SELECT json_group_array(json((SELECT"
            " json_group_array(json_array(user_id, delivered_seq, read_seq, skipped, mention_count))"
            " FROM participants WHERE conversation_id = wanted.value AND removed_at IS NULL)))"
            " FROM json_each(?) AS wanted",
            (as_json(conversation_ids),),
        ).fetchone()[0]
        rows: list[list[Row]] = orjson.loads(found)
        return rows

    def risen(self, rises: Sequence[Rise], limit: int) -> list[Risen]:
        """See `HotReceipts.risen`."""
        found = self._execute(
            "SELECT json_group_array(json((SELECT json_group_array(json_array(seq, id)) FROM"
            " (SELECT seq, id FROM messages WHERE conversation_id = wanted.value ->> 0"
            " AND seq > wanted.value ->> 9 AND seq <= wanted.value ->> 10"
            " AND CASE sender_id"
            " WHEN wanted.value ->> 1 THEN seq > wanted.value ->> 2 AND seq <= wanted.value ->> 3"
            " WHEN wanted.value ->> 4 THEN seq > wanted.value ->> 5 AND seq <= wanted.value ->> 6"
            " ELSE seq > wanted.value ->> 7 AND seq <= wanted.value ->> 8 END"
            " ORDER BY seq DESC LIMIT ?)))) FROM json_each(?) AS wanted",
            (limit, as_json([rise.row() for rise in rises])),
        ).fetchone()[0]
        return [[(seq, message_id) for seq, message_id in some] for some in orjson.loads(found)]

    def finish(
        self,
        moved: Sequence[Standing],
        behind: Sequence[Standing],
        moves: Sequence[Moved],
        revs: Sequence[tuple[str, int]],
    ) -> None:
        """See `HotReceipts.finish`."""
        self._execute(
            "UPDATE participants SET delivered_seq = value ->> 2, read_seq = value ->> 3, skipped = value ->> 4,"
            " mention_count = value ->> 5, rev = value ->> 6"
            " FROM json_each(?) WHERE conversation_id = value ->> 0 AND user_id = value ->> 1",
            (as_json([_row(one) for one in moved]),),
        )
        if behind:
            self._execute(
                f"{_RECOUNT} FROM json_each(?) WHERE conversation_id = value ->> 0 AND user_id = value ->> 1",
                (as_json([(one.conversation_id, one.user_id) for one in behind]),),
            )
        self._execute(
            "INSERT INTO receipts (conversation_id, user_id, kind, upto_seq, at)"
            " SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)",
            (as_json(moves),),
        )
        self._execute(
            "UPDATE conversations SET rev = value ->> 1 FROM json_each(?) WHERE conversations.id = value ->> 0",
            (as_json(revs),),
        )


_MOVE = (
    "UPDATE participants SET delivered_seq = new.delivered_seq, read_seq = new.read_seq,"
    " skipped = new.skipped, mention_count = new.mention_count, rev = new.rev FROM"
    " unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::bigint[])"
    " AS new (conversation, person, delivered_seq, read_seq, skipped, mention_count, rev)"
    " WHERE conversation_id = new.conversation AND user_id = new.person"
)
_REMEMBER = (
    "INSERT INTO receipts (conversation_id, user_id, kind, upto_seq, at)"
    " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])"
)
_ADVANCE = (
    "UPDATE conversations SET rev = new.rev FROM unnest(%s::text[], %s::bigint[]) AS new (id, rev)"
    " WHERE conversations.id = new.id"
)


class _PostgreSQL:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def lock(self, conversation_ids: Sequence[str]) -> list[Clock]:
        """See `HotReceipts.lock`."""
        return list(lock_conversations(self._transaction, conversation_ids).values())

    def standings(self, conversation_ids: Sequence[str]) -> list[list[Row]]:
        """See `HotReceipts.standings`."""
        found = self._transaction.run(
            "SELECT conversation_id, user_id, delivered_seq, read_seq, skipped, mention_count"
            " FROM participants WHERE conversation_id = ANY(%s) AND removed_at IS NULL",
            (conversation_ids,),
        )
        rows: dict[str, list[Row]] = {conversation_id: [] for conversation_id in conversation_ids}
        for conversation_id, *row in found:
            rows[conversation_id].append(row)
        return list(rows.values())

    def risen(self, rises: Sequence[Rise], limit: int) -> list[Risen]:
        """See `HotReceipts.risen`."""
        numbered = [(place, *rise.row()) for place, rise in enumerate(rises)]
        rows = self._transaction.run(
            "SELECT place, message.seq, message.id FROM unnest(%s::int[], %s::text[], %s::text[], %s::bigint[],"
            " %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],"
            " %s::bigint[]) AS wanted (place, conversation, one, one_low, one_high, two, two_low, two_high,"
            " low, high, bottom, top)"
            " CROSS JOIN LATERAL (SELECT seq, id FROM messages"
            " WHERE conversation_id = conversation AND seq > bottom AND seq <= top AND CASE sender_id"
            " WHEN one THEN seq > one_low AND seq <= one_high"
            " WHEN two THEN seq > two_low AND seq <= two_high"
            " ELSE seq > low AND seq <= high END ORDER BY seq DESC LIMIT %s) AS message",
            (*_columns(numbered), limit),
        )
        found: list[Risen] = [[] for _ in rises]
        for place, seq, message_id in rows:
            found[place].append((seq, message_id))
        return found

    def finish(
        self,
        moved: Sequence[Standing],
        behind: Sequence[Standing],
        moves: Sequence[Moved],
        revs: Sequence[tuple[str, int]],
    ) -> None:
        """See `HotReceipts.finish`; all of it is one journey, with the commit."""
        statements = [_MOVE, _REMEMBER, _ADVANCE]
        values = [*_columns([_row(one) for one in moved]), *_columns(moves), *_columns(revs)]
        if behind:
            statements.append(
                f"{_RECOUNT} FROM unnest(%s::text[], %s::text[]) AS one (conversation, person)"
                " WHERE participants.conversation_id = one.conversation AND participants.user_id = one.person"
            )
            values += _columns([(one.conversation_id, one.user_id) for one in behind])
        self._transaction.run_last(";".join(statements), values)


def _row(one: Standing) -> tuple[Any, ...]:
    return (
        one.conversation_id,
        one.user_id,
        one.delivered_seq,
        one.read_seq,
        one.skipped,
        one.mention_count,
        one.rev,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    """Rows as PostgreSQL's arrays, one a column."""
    return tuple(list(column) for column in zip(*rows, strict=True))


def hot_receipts(transaction: Transaction) -> HotReceipts:
    """The statements for the transaction's database."""
    return _SQLite(transaction) if transaction.is_sqlite else _PostgreSQL(transaction)
