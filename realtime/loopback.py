"""How a process that serves nobody (`flask shell`, a script) reaches the servers of its machine without Redis.

A server leaves a note in `DATA_DIR/servers`, which only its own user can read: its address, and a key that is new with
each start. Whoever can read the note may hand parcels over, signed with the key, by one HTTP call on the loopback.
Nothing waits for it: without a server the call is refused at once, and one that hangs is left alone for a while. What
is stored reaches the rooms in any case, by their comparison with the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import logging
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from models import now_ms
from realtime.emissions import Broadcast, Emission
from realtime.events import Outcome
from settings import settings

log = logging.getLogger("parley.realtime")

CALL = "/api/relay/local"
SIGNATURE = "X-Parley-Signature"

ANSWER_SECONDS = 0.5
"""How long a server is given to take a parcel, which is the work of a millisecond."""

REST_SECONDS = 5.0
"""How long one that did not answer in time is left alone, so that a hundred commits do not wait a hundred times."""

FRESH_MS = 30_000
"""How old a signature may be; both clocks are the same machine's."""

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (translated, not bound)
"""Addresses that a server listens on and nobody can call, with those that stand for them."""


@dataclass(slots=True, frozen=True)
class Parcel:
    """What one process hands to another: a commit's outcome, an event, or what `socketio.emit` was asked for."""

    outcome: Outcome | None = None
    emission: Emission | None = None
    broadcast: Broadcast | None = None


@dataclass(slots=True, frozen=True)
class Note:
    """Where a server is, and the key of what is handed to it."""

    host: str
    port: int
    key: str

    def sign(self, stamp: int, body: bytes) -> str:
        """The signature of a parcel sent at `stamp` (ms)."""
        return hmac.new(self.key.encode(), b"%d\n%s" % (stamp, body), hashlib.sha256).hexdigest()


_parcels: TypeAdapter[Parcel] = TypeAdapter(Parcel)
_notes: TypeAdapter[Note] = TypeAdapter(Note)


class Loopback:
    """Both ends of the call: the server's note and its check of what comes, and everybody else's handing over."""

    def __init__(self) -> None:
        self._mine: Note | None = None
        self._resting: dict[int, float] = {}

    def open(self, host: str, port: int) -> None:
        """Leave the note of this server. A note of an earlier one on this port is replaced.

        Where it cannot be written the server serves all the same, and nobody hands anything over.
        """
        note = Note(ANYWHERE.get(host, host), port, secrets.token_hex(32))
        try:
            _leave(note)
        except OSError as error:
            log.warning("no note for processes beside this server can be left", extra={"problem": str(error)})
        else:
            self._mine = note

    def close(self) -> None:
        """Take the note away again."""
        if self._mine is not None:
            with contextlib.suppress(OSError):
                _path(self._mine.port).unlink(missing_ok=True)
            self._mine = None

    def read(self, signature: str, body: bytes) -> Parcel | None:
        """The parcel, where somebody who may has signed it lately; else None."""
        stamp, _, digest = signature.partition(".")
        if self._mine is None or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16 and digest.isascii()):
            return None
        fresh = abs(now_ms() - int(stamp)) <= FRESH_MS
        if not hmac.compare_digest(self._mine.sign(int(stamp), body), digest) or not fresh:
            return None
        with contextlib.suppress(ValidationError):  # of another version of this program
            return _parcels.validate_json(body)
        return None

    def hand_over(self, parcel: Parcel) -> int:
        """Give the parcel to every server of this machine; returns how many took it. Never raises.

        One that is larger than a server reads stays here.
        """
        try:
            body = _parcels.dump_json(parcel)
        except ValueError:
            log.exception("a parcel cannot be written")
            return 0
        if len(body) > settings.packet_max_bytes:
            return 0
        return sum(self._post(note, body) for note in _found())

    def ports(self) -> list[int]:
        """The ports on which a server of this machine takes parcels; it is asked with an empty one."""
        body = _parcels.dump_json(Parcel())
        return [note.port for note in _found() if self._post(note, body)]

    def _post(self, note: Note, body: bytes) -> bool:
        if self._resting.get(note.port, 0.0) > time.monotonic():
            return False
        stamp = now_ms()
        headers = {"Content-Type": "application/json", SIGNATURE: f"{stamp}.{note.sign(stamp, body)}"}
        connection = http.client.HTTPConnection(note.host, note.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", CALL, body, headers)
            return connection.getresponse().status == http.HTTPStatus.NO_CONTENT
        except TimeoutError:
            self._resting[note.port] = time.monotonic() + REST_SECONDS
            return False
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _folder() -> Path:
    return settings.data_dir / "servers"


def _path(port: int) -> Path:
    return _folder() / f"{port}.json"


def _leave(note: Note) -> None:
    """Write the note, whole, for nobody but its owner. Raises OSError."""
    draft = _path(note.port).with_suffix(f".{os.getpid()}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_notes.dump_json(note))
    draft.replace(_path(note.port))


def _found() -> Iterator[Note]:
    """The notes that servers have left. One that was killed leaves its note behind; nobody answers there."""
    for path in sorted(_folder().glob("*.json")):
        try:
            yield Note(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            log.info("a server's note cannot be read", extra={"path": str(path)})


loopback = Loopback()
