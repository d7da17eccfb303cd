"""What batches read, in their transaction or before it. Of SQLite each in one step, as one value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import orjson

from models.clocks import Clock

Ask = Callable[[str, str], str]
"""Asks SQLite a statement of one parameter, and one value."""

Run = Callable[[str, Sequence[object]], Any]
"""Asks PostgreSQL a statement, with `%s` for each parameter; returns its cursor."""


class Reads:
    """`ask` decides where: within the transaction that writes, or beside it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def clocks(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """The counters of those of these conversations that exist."""
        found = self._of(
            "SELECT json_group_array(json_array(id, seq, rev, members_rev)) FROM conversations"
            " WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
            conversation_ids,
        )
        return {row[0]: Clock(*row) for row in found}

    def members(self, conversation_ids: Sequence[str]) -> Iterable[Any]:
        """See `models.hot.Plain`."""
        return self._of(
            "SELECT json_group_array(json_array(conversation_id, user_id, role)) FROM participants"
            " WHERE conversation_id IN (SELECT value FROM json_each(?)) AND removed_at IS NULL",
            conversation_ids,
        )

    def users(self, user_ids: Sequence[str]) -> Iterable[Any]:
        """See `models.hot.Plain`."""
        return self._of(
            "SELECT json_group_array(json_array(id, username, display_name, avatar)) FROM users"
            " WHERE id IN (SELECT value FROM json_each(?))",
            user_ids,
        )

    def _of(self, statement: str, ids: Collection[str]) -> list[Any]:
        found: list[Any] = orjson.loads(self._ask(statement, as_json(list(ids))))
        return found


class RowReads:
    """The same of PostgreSQL, as rows; `run` decides where."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def clocks(self, conversation_ids: Collection[str], *, lock: bool = False) -> dict[str, Clock]:
        """The counters of those of these conversations that exist; locked in id order, or not."""
        statement = "SELECT id, seq, rev, members_rev FROM conversations WHERE id = ANY(%s) AND deleted_at IS NULL"
        found = self._rows(f"{statement} ORDER BY id FOR UPDATE" if lock else statement, conversation_ids)
        return {row[0]: Clock(*row) for row in found}

    def members(self, conversation_ids: Sequence[str]) -> Iterable[Any]:
        """See `models.hot.Plain`."""
        return self._rows(
            "SELECT conversation_id, user_id, role FROM participants"
            " WHERE conversation_id = ANY(%s) AND removed_at IS NULL",
            conversation_ids,
        )

    def users(self, user_ids: Sequence[str]) -> Iterable[Any]:
        """See `models.hot.Plain`."""
        return self._rows("SELECT id, username, display_name, avatar FROM users WHERE id = ANY(%s)", user_ids)

    def _rows(self, statement: str, ids: Collection[str]) -> list[Any]:
        found: list[Any] = self._run(statement, (list(ids),)).fetchall()
        return found


def as_json(values: Any) -> str:
    """What a statement for a whole batch is given, as one value."""
    return orjson.dumps(values).decode()
