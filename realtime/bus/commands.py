"""Commands, one after another on one connection, their replies in the same order. Publishing waits for none."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from realtime.bus.address import Opened
from realtime.bus.lane import PING, Lane
from realtime.bus.resp import Reply, ReplyError

log = logging.getLogger("parley.relay")


class Away(Exception):
    """The server did not answer in time, or at all; whether it did what it was asked is not known."""


class Question:
    """Commands whose replies somebody waits for."""

    def __init__(self, count: int) -> None:
        self.replies: list[Reply] = []
        self.lost = False
        self.finished = threading.Event()
        self._count = count

    def take(self, reply: Reply) -> None:
        """The next reply."""
        self.replies.append(reply)
        if len(self.replies) == self._count:
            self.finished.set()

    def result(self, seconds: float) -> list[Reply]:
        """All replies, awaited for `seconds`. Raises Away."""
        if not self.finished.wait(seconds) or self.lost:
            raise Away
        return self.replies

    def lose(self) -> None:
        """No reply will come."""
        self.lost = True
        self.finished.set()


class Commands(Lane):
    """The lane for commands. `moved` is called where the server says that another one has the key."""

    name = "commands"

    def __init__(
        self, connect: Callable[[str], Opened], restored: Callable[[], None], moved: Callable[[], None]
    ) -> None:
        super().__init__(connect)
        self._restored = restored
        self._moved = moved
        self._due: deque[Question | None] = deque()

    def send(self, *commands: bytes) -> bool:
        """Send commands whose replies nobody needs; False where they were dropped. Never waits."""
        with self._lock:
            taken = self._put(b"".join(commands))
            if taken:
                self._due.extend([None] * len(commands))
        return taken

    def ask(self, commands: Sequence[bytes]) -> Question:
        """Send these together, for their replies. Raises Away at once where the server is known to be away."""
        question = Question(len(commands))
        with self._lock:
            if not self._put(b"".join(commands)):
                raise Away
            self._due.extend([question] * len(commands))
        return question

    @property
    def answered(self) -> bool:
        """Whether everything that was sent has been answered, or will never be."""
        return self.idle and not self._due

    def _ping(self) -> None:
        self.send(PING)

    def _on_up(self) -> None:
        self._restored()

    def _on_down(self) -> None:
        lost, self._due = self._due, deque()
        for question in lost:
            if question is not None:
                question.lose()

    def _on_reply(self, reply: Reply) -> None:
        question = self._due.popleft()
        if isinstance(reply, ReplyError):
            if reply.code in ("MOVED", "ASK", "CLUSTERDOWN", "READONLY"):
                self._moved()
            else:
                log.warning("the relay refused a command", extra={"problem": str(reply)[:200]})
        if question is not None:
            question.take(reply)
