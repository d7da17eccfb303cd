"""The log of a run: every send, acknowledgement and receive, a line of JSON each."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Record = dict[str, Any]
"""`t` is `time.monotonic()`, `kind` says what happened, the rest depends on it (docs/reliability.md)."""


class EventLog:
    """Appends records to a file. One process, one clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w", encoding="utf-8", buffering=1 << 16)

    def write(self, kind: str, **fields: Any) -> None:
        """Note something that happens now, unless `t` says when it did."""
        record = {"t": round(fields.pop("t", None) or time.monotonic(), 6), "kind": kind, **fields}
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_log(path: Path) -> list[Record]:
    """All records, in the order in which they were written."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
