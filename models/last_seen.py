"""When users were last seen: one statement for a herd that leaves."""

from __future__ import annotations

from collections.abc import Mapping

from models.reads import as_json
from models.transaction import Transaction


def save_last_seen(transaction: Transaction, seen: Mapping[str, int]) -> None:
    """Keep when these users were last seen (ms). One who is not there harms no other."""
    if transaction.is_sqlite:
        transaction.driver.execute(
            "UPDATE users SET last_seen_at = seen.value FROM json_each(?) AS seen WHERE users.id = seen.key",
            (as_json(seen),),
        )
        return
    ordered = sorted(seen)  # two nodes that do this at once lock rows in one order
    transaction.run_last(
        "UPDATE users SET last_seen_at = seen.at FROM unnest(%s::text[], %s::bigint[]) AS seen (id, at)"
        " WHERE users.id = seen.id",
        (ordered, [seen[user_id] for user_id in ordered]),
    )
