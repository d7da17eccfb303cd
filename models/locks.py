"""Locking conversations by a plain statement, for batches of messages and of receipts alike."""

from __future__ import annotations

from collections.abc import Collection

from models.clocks import Clock
from models.reads import Reads, RowReads
from models.transaction import Transaction


def lock_conversations(transaction: Transaction, conversation_ids: Collection[str]) -> dict[str, Clock]:
    """Lock those of these conversations that exist, in id order; SQLite's transaction has its one lock already."""
    if transaction.is_sqlite:
        return Reads(transaction.ask).clocks(conversation_ids)
    return RowReads(transaction.run).clocks(conversation_ids, lock=True)
