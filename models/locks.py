"""Locking conversations by a plain statement, for batches of messages and of receipts alike."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from models.clocks import Clock
from models.transaction import Transaction


def lock_conversations(transaction: Transaction, conversation_ids: Collection[str]) -> dict[str, Clock]:
    """Lock those of these conversations that exist, in id order; SQLite's transaction has its one lock already."""
    if transaction.is_sqlite:
        found = transaction.driver.execute(
            "SELECT json_group_array(json_array(id, seq, rev, members_rev)) FROM conversations"
            " WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
            (as_json(list(conversation_ids)),),
        ).fetchone()[0]
        rows = orjson.loads(found)
    else:
        rows = transaction.run(
            "SELECT id, seq, rev, members_rev FROM conversations"
            " WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
            (list(conversation_ids),),
        ).fetchall()
    return {row[0]: Clock(*row) for row in rows}


def as_json(values: Any) -> str:
    """What a statement for a whole batch is given, as one value."""
    return orjson.dumps(values).decode()
