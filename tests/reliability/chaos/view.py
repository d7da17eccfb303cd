"""What one client knows of one conversation, kept as an application would: by `seq`, `rev` and `prevRev` alone."""

from __future__ import annotations

from typing import Any

from tests.reliability.chaos.digest import digest
from tests.reliability.chaos.log import EventLog

Message = dict[str, Any]


class View:
    """A conversation in a client's memory. `rev` is up to where it knows everything."""

    def __init__(self, log: EventLog, client: int, conversation: str) -> None:
        self.rev = 0
        self.messages: dict[int, Message] = {}
        self._by_id: dict[str, Message] = {}
        self._receipts: dict[str, tuple[int, int]] = {}
        self._log = log
        self._names = {"client": client, "conversation": conversation}

    def take_event(self, name: str, data: dict[str, Any]) -> bool:
        """Apply a live event. False where its `prevRev` shows that something before it is missing: then nothing is."""
        if data["prevRev"] > self.rev:
            self._log.write("hole", **self._names, name=name, rev=data["rev"], prevRev=data["prevRev"], known=self.rev)
            return False
        if name == "message:new":
            self._log.write("new", **self._names, **_named(data), prevRev=data["prevRev"])
        elif name not in ("message:status", "receipt:update"):
            self._log.write("event", **self._names, name=name, rev=data["rev"], prevRev=data["prevRev"])
        self._apply(name, data)
        self.rev = max(self.rev, data["rev"])
        return True

    def take_changes(self, since: int, changes: dict[str, Any]) -> None:
        """Apply what `sync` or `join-room` answered for `since`."""
        self._log.write(
            "changes",
            **self._names,
            since=since,
            outcome=changes["outcome"],
            rev=changes["rev"],
            messages=[_named(message) for message in changes["messages"]],
        )
        if changes["outcome"] == "reset":
            self.messages.clear()
            self._by_id.clear()
        for message in changes["messages"]:
            self._put(message)
        for receipt in changes["receipts"]:
            self._receipts[receipt["userId"]] = (receipt["deliveredSeq"], receipt["readSeq"])
        self.rev = max(self.rev, changes["rev"])

    def take_history(self, messages: list[Message]) -> None:
        """Older messages that were asked for page by page, after a reset."""
        for message in messages:
            if message["seq"] not in self.messages:
                self._put(message)

    def write_final(self) -> None:
        """Note what is known at the end."""
        digests = {seq: digest(message) for seq, message in self.messages.items()}
        self._log.write("final", **self._names, rev=self.rev, messages=digests, receipts=self._receipts)

    def _apply(self, name: str, data: dict[str, Any]) -> None:
        if name in ("message:new", "message:updated"):
            self._put(data)
        elif name == "message:deleted":
            self._change(data, deletedAt=data["deletedAt"], reactions={})
        elif name == "reaction:update":
            self._change(data, reactions=data["reactions"])
        elif name == "receipt:update":
            self._receipts[data["userId"]] = (data["deliveredSeq"], data["readSeq"])

    def _put(self, message: Message) -> None:
        known = self._by_id.get(message["id"])
        if known is None or known["rev"] <= message["rev"]:
            self.messages[message["seq"]] = self._by_id[message["id"]] = message

    def _change(self, data: dict[str, Any], **fields: Any) -> None:
        known = self._by_id.get(data["messageId"])
        if known is not None and known["rev"] <= data["rev"]:
            known.update(fields, rev=data["rev"])


def _named(message: Message) -> dict[str, Any]:
    return {key: message[key] for key in ("id", "temp_id", "seq", "rev")}
