"""The clients: each writes at its pace whatever happens, comes back by itself, and notes all that it hears."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import Any

from websockets.exceptions import WebSocketException

from tests.reliability.chaos.log import EventLog
from tests.reliability.chaos.others import Asides, Mine, Others
from tests.reliability.chaos.people import Draft, Person
from tests.reliability.chaos.rest import Unreachable
from tests.reliability.chaos.view import View
from tests.reliability.chaos.wire import Refused, Wire

ANSWER_SECONDS = 5.5
"""After so long without its acknowledgement a message is sent again: longer than a server waits for its database."""

SILENT_SECONDS = 2.5
"""A connection on which nothing came for so long is dead; the server pings each second."""

BACKOFF_SECONDS = (0.1, 2.0)
"""The least and the most that a client waits before it tries to connect again; it grows by half each time."""

SEND = "send-message"

AWAY_SECONDS = 3.0
"""A client that had to go to another server goes back to its own after so long, as after a balancer's decision."""

IMPATIENT = 0.02
"""Of the sends, so many are made twice at once, every second time by REST: the two copies race."""


class Client:
    """One client. `run()` keeps it connected until `stop()`; `write()` fills its outbox until it is cancelled."""

    def __init__(self, person: Person, log: EventLog, seed: int) -> None:
        self.person = person
        self.views = {one: View(log, person.number, one) for one in person.conversations}
        self.outbox: dict[str, Draft] = {}
        self.back = asyncio.Event()
        self._log = log
        self._random = random.Random(seed * 1000 + person.number)
        self._wire: Wire | None = None
        self._joining: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._stopping = False
        self._told_to_wait = 0.0
        self._written = 0
        self._asides = Asides()
        self._others = Others(person, log, self._random, self._asides)

    async def run(self) -> None:
        """Connect, come back, and again, until `stop()`."""
        pause = BACKOFF_SECONDS[0]
        while not self._stopping:
            wire = Wire(self.person.socket_url, self.person.token, self._on_event)
            try:
                await wire.open()
            except (OSError, TimeoutError, WebSocketException, Refused):
                self.person.try_another()
                await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
                pause = min(BACKOFF_SECONDS[1], pause * 1.5)
                continue
            pause = BACKOFF_SECONDS[0]
            self._wire = wire
            for conversation in self.views:
                self._join(wire, conversation)
            await wire.closed.wait()
            self._lost(wire, time.monotonic())
            await self._wait_as_told()

    async def stop(self) -> None:
        """Leave for good."""
        self._stopping = True
        await self._asides.finish()
        if self._wire is not None:
            self._wire.abort()

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come to what was asked over the socket; the outbox looks after sends."""
        return self._wire is None or not self.back.is_set() or self._wire.waits_for_others(SEND)

    async def finish_asides(self) -> None:
        """Wait for the REST calls under way."""
        await self._asides.finish()

    async def write(self, interval: float) -> None:
        """A message each `interval` seconds, into the outbox, also while there is no connection."""
        due = time.monotonic() + self._random.random() * interval
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += interval
            self._offer()
            if self.back.is_set() and self._wire is not None:
                self._others.do_some(self._wire, self.views)

    async def tend(self) -> None:
        """Give up a connection that fell silent, and send again what was not acknowledged in time."""
        while True:
            await asyncio.sleep(0.1)
            now = time.monotonic()
            wire = self._wire
            if wire is not None and now - wire.heard > SILENT_SECONDS:
                self._lost(wire, wire.heard)
                wire.abort()
            elif wire is not None and not self.person.at_home and now - wire.opened > AWAY_SECONDS:
                self.person.go_home()
                self._lost(wire, now)
                wire.abort()
            for draft in list(self.outbox.values()):
                waited = now - draft.sent
                if (draft.later and waited > 0) or (draft.wire is self._wire is not None and waited > ANSWER_SECONDS):
                    draft.later = False
                    self._send(draft)

    def _offer(self) -> None:
        self._written += 1
        temp_id = f"{self.person.number}-{self._written}"
        conversation = self._random.choice(self.person.conversations)
        draft = Draft(temp_id, conversation, f"message {temp_id} {'x' * self._random.randrange(120)}")
        self.outbox[temp_id] = draft
        self._log.write("offer", client=self.person.number, conversation=conversation, temp_id=temp_id)
        self._send(draft)
        if self._random.random() < IMPATIENT and self.back.is_set():
            if self._random.random() < 0.5:
                self._asides.start(self._send_by_rest(draft))
            else:
                self._send(draft)

    def _send(self, draft: Draft) -> None:
        """Over the socket, where there is one and its room has been joined; else it waits for that."""
        wire = self._wire
        if wire is None or not self.back.is_set():
            return
        draft.tried += 1
        draft.sent, draft.wire = time.monotonic(), wire
        self._note("send", draft, attempt=draft.tried)
        wire.call(SEND, draft.payload, lambda answer: self._answered(draft, answer, "socket"))

    async def _send_by_rest(self, draft: Draft) -> None:
        self._note("send", draft, attempt=0)
        try:
            answer = await self.person.rest.call("POST", "/messages", draft.payload)
        except Unreachable:
            return
        if answer.status in (200, 201):
            self._answered(draft, {"ok": True, "message": answer.body, "duplicate": answer.status == 200}, "rest")
        else:
            self._answered(draft, {"ok": False, **answer.body}, "rest")

    def _answered(self, draft: Draft, answer: dict[str, Any], way: str) -> None:
        if answer["ok"]:
            message = answer["message"]
            fields = {key: message[key] for key in ("id", "seq", "rev")}
            again = draft.tried > 1 and draft.temp_id in self.outbox
            self._note("ack", draft, duplicate=answer["duplicate"], way=way, again=again, **fields)
            if self.outbox.pop(draft.temp_id, None):
                self._others.written(Mine(message["id"], draft.content, draft.conversation))
            return
        self._note("refused", draft, error=answer["error"], way=way)
        if draft.temp_id in self.outbox and way == "socket":
            draft.sent, draft.later = time.monotonic() + self._random.uniform(0.2, 0.6), True

    def _note(self, kind: str, draft: Draft, **more: Any) -> None:
        names = {"client": self.person.number, "conversation": draft.conversation, "temp_id": draft.temp_id}
        self._log.write(kind, **names, **more)

    def _lost(self, wire: Wire, since: float) -> None:
        """The connection is gone (or taken for it, since then)."""
        if self._wire is wire:
            self._wire = None
            self._joining.clear()
            was_back = self.back.is_set()
            self.back.clear()
            if was_back and not self._stopping:
                self._log.write("drop", t=since, client=self.person.number, told=round(self._told_to_wait, 3))

    async def _wait_as_told(self) -> None:
        pause, self._told_to_wait = self._told_to_wait, 0.0
        if not self._stopping:
            await asyncio.sleep(pause or self._random.uniform(0.0, BACKOFF_SECONDS[0]))

    def _join(self, wire: Wire, conversation: str) -> None:
        since = self.views[conversation].rev
        self._joining[conversation] = []

        def joined(answer: dict[str, Any]) -> None:
            if wire is self._wire and not answer["ok"]:
                self._asides.start(self._join_later(wire, conversation))
            elif wire is self._wire:
                self._caught_up(conversation, since, answer["changes"])

        wire.call("join-room", {"conversationId": conversation, "since": since}, joined)

    async def _join_later(self, wire: Wire, conversation: str) -> None:
        await asyncio.sleep(self._random.uniform(0.2, 0.5))
        if wire is self._wire:
            self._join(wire, conversation)

    def _caught_up(self, conversation: str, since: int, changes: dict[str, Any]) -> None:
        """What was missed has come: apply it, then what arrived meanwhile."""
        view = self.views[conversation]
        view.take_changes(since, changes)
        if changes["outcome"] == "reset":
            self._asides.start(self._read_back(view, conversation))
        for name, data in self._joining.pop(conversation, []):
            self._apply(conversation, name, data)
        if not self._joining and not self.back.is_set():
            self.back.set()
            self._log.write("back", client=self.person.number)
            for draft in list(self.outbox.values()):
                self._send(draft)

    def _on_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "server:draining":
            self._told_to_wait = data["reconnectAfterMs"] / 1000
            self._log.write("draining", client=self.person.number)
        elif "prevRev" in data and data["conversationId"] in self.views:
            waiting = self._joining.get(data["conversationId"])
            if waiting is None:
                self._apply(data["conversationId"], name, data)
            else:
                waiting.append((name, data))

    def _apply(self, conversation: str, name: str, data: dict[str, Any]) -> None:
        """A live event; where one before it is missing, ask for that first."""
        wire, view = self._wire, self.views[conversation]
        if view.take_event(name, data) or wire is None:
            return
        waiting = self._joining[conversation] = [(name, data)]
        since = view.rev

        def synced(answer: dict[str, Any]) -> None:
            if wire is not self._wire or self._joining.get(conversation) is not waiting:
                return
            if answer["ok"]:
                self._caught_up(conversation, since, answer["conversations"][conversation])
            else:
                self._join(wire, conversation)

        wire.call("sync", {"conversations": {conversation: since}}, synced)

    async def _read_back(self, view: View, conversation: str) -> None:
        with contextlib.suppress(Unreachable):
            view.take_history(await self.person.rest.history(conversation))
