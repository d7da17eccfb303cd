"""Locking conversations by a plain statement, for batches of messages and of receipts alike."""

from __future__ import annotations

from collections.abc import Collection

from models.clocks import Clock
from models.reads import Reads
from models.transaction import Transaction


def lock_conversations(transaction: Transaction, conversation_ids: Collection[str]) -> dict[str, Clock]:
    """Lock those of these conversations that exist, in id order; SQLite's transaction has its one lock already."""
    if transaction.is_sqlite:
        return Reads(transaction.ask).clocks(conversation_ids)
    rows = transaction.run(
        "SELECT id, seq, rev, members_rev FROM conversations"
        " WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR UPDATE",
        (list(conversation_ids),),
    ).fetchall()
    return {row[0]: Clock(*row) for row in rows}
