"""A batch of messages in one statement, decided before it is the database's turn. SQLite only.

Their places come from what is remembered or was read beforehand, and the statement itself sees that nothing has
changed since: each message must follow the `rev` that it was placed after, or nothing of the batch is stored. So the
thread that writes gives up the interpreter once for a batch, where a transaction does so thirty times and waits for a
busy loop each time: 46 messages beside a loop that is never idle take 2.6 ms instead of 11.5
(docs/decisions/0024-placed-ahead.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

from models.clocks import Clock, Clocks
from models.hot import COLUMNS, CONSTANT, Row
from models.reads import Ask, Reads

SIZES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Messages that one statement has room for: few statements, so that each is prepared once and kept."""

MOST = SIZES[-1]
"""Messages in a batch at most."""

_NAMES = ",".join(COLUMNS)
_NEW = ",".join(f"NEW.{name}" for name in COLUMNS)
_VIEW = f"CREATE TEMP VIEW placed AS SELECT {','.join(f'NULL AS {name}' for name in COLUMNS)}"
_TRIGGER = f"""
    CREATE TEMP TRIGGER store_placed INSTEAD OF INSERT ON placed WHEN NEW.id IS NOT NULL BEGIN
        UPDATE conversations SET seq = NEW.seq, rev = NEW.rev, updated_at = NEW.created_at
            WHERE id = NEW.conversation_id AND rev = NEW.rev - 1 AND deleted_at IS NULL;
        SELECT RAISE(ABORT, 'overtaken') WHERE changes() = 0;
        INSERT INTO messages ({_NAMES},{",".join(CONSTANT)}) VALUES ({_NEW},{",".join(CONSTANT.values())});
        UPDATE participants SET skipped = skipped + 1
            WHERE conversation_id = NEW.conversation_id AND user_id = NEW.sender_id;
    END
"""  # noqa: S608 (our own names)
_ROW = f"({','.join('?' * len(COLUMNS))})"
_STATEMENTS = {size: f"INSERT INTO placed ({_NAMES}) VALUES {','.join([_ROW] * size)}" for size in SIZES}  # noqa: S608


def prepare(driver: Any) -> None:
    """Let this connection take batches: by a view that is written to, and what is done for each row of it."""
    driver.execute(_VIEW)
    driver.execute(_TRIGGER)


class Ahead(Reads):
    """Such a batch: what `models.hot.Plain` asks is answered beside the transaction that it will be."""

    def __init__(self, driver: Any, clocks: Clocks, ask: Ask) -> None:
        super().__init__(ask)
        self._driver = driver
        self._clocks = clocks
        self._known: dict[str, Clock] = {}
        self._rows: Sequence[Row] = ()

    def lock(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """The counters as they seem to be; nothing is locked."""
        self._known = known = self._clocks.take(self._driver.total_changes)
        unknown = [one for one in conversation_ids if one not in known]
        if unknown:
            known.update(self.clocks(unknown))
        return known

    def finish(self, rows: Sequence[Row], _stored: int, _now: int) -> None:
        """Have the messages stored by `write`; what they move is moved with each."""
        self._rows = rows

    def write(self) -> None:
        """Store them, all or none, in the writer's thread; `MOST` at most. Raises the driver's errors.

        IntegrityError among them, where it was overtaken. What is not a message fills the statement up.
        """
        size = next(size for size in SIZES if size >= len(self._rows))
        values = list(chain.from_iterable(self._rows))
        values += [None] * (size * len(COLUMNS) - len(values))
        self._driver.execute(_STATEMENTS[size], values)

    def keep(self) -> None:
        """It is stored: the counters are as it left them."""
        self._clocks.keep(self._driver.total_changes, self._known)
