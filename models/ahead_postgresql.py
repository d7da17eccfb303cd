"""A batch of messages in one journey to PostgreSQL, decided beforehand.

The messages get their places after what the last batch left of their conversations, as on SQLite; but other nodes write
there too, all the time. So where a conversation is further than that, its messages are stored as much further, and the
answer says by how much: nothing has to be done again but where somebody came, left, or the conversation is gone
(docs/decisions/0029-one-journey.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import orjson

from models.clocks import Clock, Clocks
from models.hot import Row, Shifts
from models.reads import RowReads
from models.transaction import Transaction

_STORE = "SELECT store_messages(%s, %s, %s, %s, %s, %s, %s)::text"


class Ahead(RowReads):
    """Such a batch: what `models.hot.Plain` asks is answered by statements that are transactions by themselves."""

    def __init__(self, transaction: Transaction, clocks: Clocks) -> None:
        super().__init__(transaction.alone)
        self._transaction = transaction
        self._clocks = clocks
        self._known: dict[str, Clock] = {}
        self._before: list[tuple[str, int, int, int]] = []
        self._packed: tuple[object, ...] = ()

    def lock(self, conversation_ids: Collection[str]) -> dict[str, Clock]:
        """The counters as they seem to be; nothing is locked."""
        self._known = known = self._clocks.take(0, conversation_ids, self.clocks)
        here = [known[one] for one in sorted(conversation_ids) if one in known]
        self._before = [(clock.id, clock.seq, clock.rev, clock.members_rev) for clock in here]
        return known

    def finish(self, rows: Sequence[Row], _stored: int, now: int) -> None:
        """Have the messages stored by `write`; what they move is moved with them. All are of this moment, and plain."""
        counted = [(*place, self._known[place[0]].seq - place[1]) for place in self._before]
        places = zip(*(place for place in counted if place[-1]), strict=True)
        self._packed = orjson.dumps(rows, default=bytes.hex).decode(), *map(_array, places), now

    def write(self) -> Shifts | None:
        """Store them, all or none: None where they do not fit. Raises the driver's errors."""
        answer = self._transaction.alone(_STORE, self._packed).fetchone()[0]
        if answer is None:
            return None
        shifts = {one: (seq, rev) for one, (seq, rev) in orjson.loads(answer).items()}
        for one, (seq, rev) in shifts.items():
            clock = self._known[one]
            clock.seq, clock.rev = clock.seq + seq, clock.rev + rev
        self._clocks.keep(0, self._known)
        return shifts


def _array(values: Iterable[object]) -> str:
    """Numbers, or ids of ours, as PostgreSQL writes an array: to send each as a value of its own takes much longer."""
    return f"{{{','.join(map(str, values))}}}"
