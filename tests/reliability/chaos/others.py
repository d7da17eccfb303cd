"""What clients do besides writing: they edit, delete, react and read, once in a while."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field

from tests.reliability.chaos.log import EventLog
from tests.reliability.chaos.people import Person
from tests.reliability.chaos.rest import Unreachable
from tests.reliability.chaos.view import View
from tests.reliability.chaos.wire import Wire

EDITS, DELETIONS, REACTIONS, READS = 0.03, 0.01, 0.05, 0.08
"""How many of these go with a message, on average."""

RECENT = 20


@dataclass(slots=True)
class Mine:
    """An own message that was acknowledged and may be edited or deleted once."""

    id: str
    content: str
    conversation: str


@dataclass(slots=True)
class Asides:
    """Work under way beside the socket's: REST calls, and joins to be tried again."""

    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run it; `finish` waits for it."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def finish(self) -> None:
        """Wait for all of it."""
        while self.tasks:
            await asyncio.gather(*self.tasks)


class Others:
    """One client's other doings. Each is logged once it was acknowledged; none is tried twice."""

    def __init__(self, person: Person, log: EventLog, source: random.Random, asides: Asides) -> None:
        self._person, self._log, self._random, self._asides = person, log, source, asides
        self._mine: list[Mine] = []

    def written(self, message: Mine) -> None:
        """An own message is there."""
        self._mine.append(message)

    def do_some(self, wire: Wire, views: Mapping[str, View]) -> None:
        """Perhaps one of each."""
        if self._chance(EDITS) and self._mine:
            mine = self._take()
            self._asides.start(self._change("edited", "PUT", mine, {"content": f"{mine.content} (edited)"}))
        if self._chance(DELETIONS) and self._mine:
            self._asides.start(self._change("deleted", "DELETE", self._take(), None))
        view = views[self._random.choice(list(views))]
        if self._chance(REACTIONS) and view.messages:
            self._react(wire, view)
        if self._chance(READS) and view.messages:
            self._read(wire, view)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _take(self) -> Mine:
        return self._mine.pop(self._random.randrange(len(self._mine)))

    async def _change(self, kind: str, method: str, mine: Mine, body: object) -> None:
        with contextlib.suppress(Unreachable):
            answer = await self._person.rest.call(method, f"/messages/{mine.id}", body)
            if answer.status == 200:
                self._log.write(kind, conversation=mine.conversation, id=mine.id, content=answer.body["content"])

    def _react(self, wire: Wire, view: View) -> None:
        message = view.messages[self._random.choice(list(view.messages)[-RECENT:])]
        emoji = self._random.choice(["👍", "🎉", "👀"])
        names = {"user": self._person.user_id, "id": message["id"], "emoji": emoji}

        def answered(answer: dict[str, object]) -> None:
            if answer["ok"]:
                self._log.write("reacted", conversation=message["conversationId"], **names)

        wire.call("react", {"messageId": message["id"], "emoji": emoji, "on": True}, answered)

    def _read(self, wire: Wire, view: View) -> None:
        seq = max(view.messages)
        conversation = view.messages[seq]["conversationId"]

        def answered(answer: dict[str, object]) -> None:
            if answer["ok"]:
                self._log.write("read", conversation=conversation, user=self._person.user_id, seq=seq)

        wire.call("read", {"conversationId": conversation, "seq": seq}, answered)
