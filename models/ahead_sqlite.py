"""A batch of messages in one statement, decided before it is SQLite's turn.

Their places come from what is remembered or was read beforehand, and the statement itself sees that nothing has
changed since: each message must follow the `rev` that it was placed after, or nothing of the batch is stored. So the
thread that writes gives up the interpreter once for a batch, where a transaction does so thirty times and waits for a
busy loop each time: 46 messages beside a loop that is never idle take 2.6 ms instead of 11.5
(docs/decisions/0024-placed-ahead.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from models.clocks import Clock, Clocks
from models.hot import COLUMNS, CONSTANT, Row
from models.messages import KEY_BYTES
from models.reads import Ask, Reads, as_json

_NAMES = ",".join(COLUMNS)
_NEW = ",".join(f"NEW.{name}" for name in COLUMNS)
_VIEW = f"CREATE TEMP VIEW placed AS SELECT {','.join(f'NULL AS {name}' for name in COLUMNS)}"
_TRIGGER = f"""
    CREATE TEMP TRIGGER store_placed INSTEAD OF INSERT ON placed BEGIN
        UPDATE conversations SET seq = NEW.seq, rev = NEW.rev, updated_at = NEW.created_at
            WHERE id = NEW.conversation_id AND rev = NEW.rev - 1 AND deleted_at IS NULL;
        SELECT RAISE(ABORT, 'overtaken') WHERE changes() = 0;
        INSERT INTO messages ({_NAMES},{",".join(CONSTANT)}) VALUES ({_NEW},{",".join(CONSTANT.values())});
    END
"""  # noqa: S608 (our own names)
_TEXTS, _NO_KEY = COLUMNS[: COLUMNS.index("reply_to")], bytes(KEY_BYTES)
_KEY = COLUMNS.index("temp_key")
_STORE = f"""
    INSERT INTO placed ({",".join(_TEXTS)}, created_at, temp_key)
        SELECT {",".join(f"json_extract(value, '$[{place}]')" for place in range(len(_TEXTS)))}, ?2,
            substr(?3, 1 + {KEY_BYTES} * key, json_extract(value, '$[{len(_TEXTS)}]'))
        FROM json_each(?1)
"""  # noqa: S608 (our own names)
"""Three values for a whole batch: what JSON has a form for, the moment, and the bytes, in slots of equal length.

With one for each field, of eleven, the thread that writes had Python's interpreter for 2 to 3 us a message, to hand
them over, and the loop waited for it. SQLite reads these beside the loop.
"""


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
        self._packed = "[]", 0, b""

    def lock(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """The counters as they seem to be; nothing is locked."""
        self._known = self._clocks.take(self._driver.total_changes, conversation_ids, self.clocks)
        return self._known

    def finish(self, rows: Sequence[Row], _stored: int, now: int) -> None:
        """Have the messages stored by `write`; what they move is moved with each. All are of this moment, and plain."""
        keys = [row[_KEY] for row in rows]
        texts = [(*row[: len(_TEXTS)], key and len(key)) for row, key in zip(rows, keys, strict=True)]
        slots = b"".join(key.ljust(KEY_BYTES) if key else _NO_KEY for key in keys)
        assert len(slots) == KEY_BYTES * len(rows), "each stands where the statement looks for it"
        self._packed = as_json(texts), now, slots

    def write(self) -> None:
        """Store them, all or none, in the writer's thread. Raises the driver's errors.

        IntegrityError among them, where it was overtaken.
        """
        self._driver.execute(_STORE, self._packed)

    def keep(self) -> None:
        """It is stored: the counters are as it left them."""
        self._clocks.keep(self._driver.total_changes, self._known)
