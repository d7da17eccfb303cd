"""Compares what clients were told with what is stored. Knows only logs and rows, so that made ones can test it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.reliability.chaos.digest import digest
from tests.reliability.chaos.log import Record


@dataclass(slots=True, frozen=True)
class Row:
    """A message as the database has it."""

    conversation: str
    seq: int
    id: str
    sender: str
    temp_id: str | None
    content: str
    deleted: bool


@dataclass(slots=True)
class Stored:
    """The database, read directly. `heads` are the conversations' `seq`; `reads` by (conversation, user)."""

    messages: list[Row]
    heads: dict[str, int]
    reactions: set[tuple[str, str, str]] = field(default_factory=set)
    reads: dict[tuple[str, str], int] = field(default_factory=dict)


History = dict[str, list[dict[str, Any]]]
"""For each conversation its messages through REST, oldest first."""


@dataclass(slots=True)
class Findings:
    """What is wrong, a sentence each. All five lists must be empty."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unacknowledged: list[str] = field(default_factory=list)


def check(records: Sequence[Record], stored: Stored, history: History) -> Findings:
    """Everything that breaks a promise of protocol.md."""
    findings = Findings()
    _check_acknowledged(findings, records, stored, history)
    _check_changes(findings, records, stored)
    _check_names(findings, records, stored, history)
    _check_places(findings, stored, history)
    _check_streams(findings, records)
    _check_ends(findings, records, stored, history)
    return findings


def _check_acknowledged(findings: Findings, records: Sequence[Record], stored: Stored, history: History) -> None:
    """Each acknowledged message is in the database and in history, as it was acknowledged; each offer got one."""
    rows = {row.id: row for row in stored.messages}
    shown = {message["id"]: message["seq"] for messages in history.values() for message in messages}
    acknowledged = set()
    for ack in _of(records, "ack"):
        acknowledged.add((ack["client"], ack["conversation"], ack["temp_id"]))
        row = rows.get(ack["id"])
        if row is None or (row.conversation, row.seq, row.temp_id) != (ack["conversation"], ack["seq"], ack["temp_id"]):
            findings.lost.append(f"{_name(ack)} was acknowledged as seq {ack['seq']}; the database has {row}")
        elif shown.get(ack["id"]) != ack["seq"]:
            findings.lost.append(f"{_name(ack)} was acknowledged as seq {ack['seq']}; history does not show it there")
    for offer in _of(records, "offer"):
        if (offer["client"], offer["conversation"], offer["temp_id"]) not in acknowledged:
            findings.unacknowledged.append(f"{_name(offer)} was never acknowledged")


def _check_changes(findings: Findings, records: Sequence[Record], stored: Stored) -> None:
    """Each acknowledged edit, deletion, reaction and read is in the database."""
    rows = {row.id: row for row in stored.messages}
    for record in _of(records, "edited"):
        row = rows.get(record["id"])
        if row is None or not (row.deleted or row.content == record["content"]):
            findings.lost.append(f"the edit of {record['id']} was acknowledged; the database has {row}")
    for record in _of(records, "deleted"):
        row = rows.get(record["id"])
        if row is None or not row.deleted:
            findings.lost.append(f"the deletion of {record['id']} was acknowledged; the database has {row}")
    for record in _of(records, "reacted"):
        row = rows.get(record["id"])
        present = (record["id"], record["user"], record["emoji"]) in stored.reactions
        if row is None or not (row.deleted or present):
            findings.lost.append(f"a reaction to {record['id']} was acknowledged and is not there")
    for record in _of(records, "read"):
        if stored.reads.get((record["conversation"], record["user"]), 0) < record["seq"]:
            findings.lost.append(f"a read up to {record['seq']} by {record['user']} was acknowledged and is not there")


def _check_names(findings: Findings, records: Sequence[Record], stored: Stored, history: History) -> None:
    """A `temp_id` names one message, in the database, in history and in the answers."""
    rows = Counter((row.sender, row.conversation, row.temp_id) for row in stored.messages if row.temp_id is not None)
    shown = Counter(
        (message["senderId"], conversation, message["temp_id"])
        for conversation, messages in history.items()
        for message in messages
        if message["temp_id"] is not None
    )
    for where, names in (("the database", rows), ("history", shown)):
        findings.duplicated += [f"{name} is {times} times in {where}" for name, times in names.items() if times > 1]
    ids: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for ack in _of(records, "ack"):
        ids[ack["client"], ack["conversation"], ack["temp_id"]].add(ack["id"])
    findings.duplicated += [f"{name} was acknowledged as {found}" for name, found in ids.items() if len(found) > 1]


def _check_places(findings: Findings, stored: Stored, history: History) -> None:
    """`seq` is 1..n, and history is in its order."""
    seqs: dict[str, list[int]] = defaultdict(list)
    for row in stored.messages:
        seqs[row.conversation].append(row.seq)
    for conversation, head in stored.heads.items():
        if sorted(seqs[conversation]) != list(range(1, head + 1)):
            findings.gaps.append(f"{conversation} stands at seq {head}; the database has {_runs(seqs[conversation])}")
        shown = [message["seq"] for message in history.get(conversation, [])]
        if shown != sorted(shown):
            findings.disordered.append(f"the history of {conversation} is not in the order of seq")
        if sorted(set(shown)) != sorted(set(seqs[conversation])):
            findings.gaps.append(f"the history of {conversation} shows {_runs(shown)}")


@dataclass(slots=True)
class _Stream:
    """What one client was given of one conversation."""

    known: set[int] = field(default_factory=set)
    top: int = 0


def _check_streams(findings: Findings, records: Sequence[Record]) -> None:
    """Each client is given each message once, in order, without a hole that nothing told it of."""
    streams: dict[tuple[int, str], _Stream] = defaultdict(_Stream)
    for record in records:
        if record["kind"] == "new":
            _take(findings, streams[record["client"], record["conversation"]], record, record)
        elif record["kind"] == "changes":
            stream = streams[record["client"], record["conversation"]]
            if record["outcome"] == "reset":
                stream.known = {message["seq"] for message in record["messages"]}
                stream.top = max(stream.known, default=0)
                continue
            for message in record["messages"]:
                if message["seq"] not in stream.known:
                    _take(findings, stream, record, message)
                elif message["rev"] <= record["since"]:
                    text = f"client {record['client']} was given {message['id']} again, which had not changed"
                    findings.duplicated.append(text)


def _take(findings: Findings, stream: _Stream, record: Record, message: Record) -> None:
    seq = message["seq"]
    who = f"client {record['client']} in {record['conversation']} at {record['t']}"
    if seq in stream.known:
        findings.duplicated.append(f"{who} was given seq {seq} twice")
    elif seq < stream.top:
        findings.disordered.append(f"{who} was given seq {seq} after {stream.top}")
    elif seq > stream.top + 1:
        findings.gaps.append(f"{who} was given seq {seq} after {stream.top}, and nothing told it of those between")
    stream.known.add(seq)
    stream.top = max(stream.top, seq)


def _check_ends(findings: Findings, records: Sequence[Record], stored: Stored, history: History) -> None:
    """In the end each client has everything, in its present state."""
    present = {
        conversation: {str(message["seq"]): digest(message) for message in messages}
        for conversation, messages in history.items()
    }
    for record in _of(records, "final"):
        conversation, had = record["conversation"], record["messages"]
        who = f"client {record['client']} in {conversation}"
        missing = [seq for seq in range(1, stored.heads[conversation] + 1) if str(seq) not in had]
        if missing:
            findings.gaps.append(f"{who} never got seq {_runs(missing)}")
        stale = [int(seq) for seq, one in had.items() if present[conversation].get(seq) != one]
        if stale:
            findings.gaps.append(f"{who} has another state of seq {_runs(stale)} than history")
        for user, (_, read) in record["receipts"].items():
            if read != stored.reads.get((conversation, user), 0):
                findings.gaps.append(f"{who} believes that {user} has read up to {read}")


def _of(records: Iterable[Record], kind: str) -> list[Record]:
    return [record for record in records if record["kind"] == kind]


def _name(record: Record) -> str:
    return f"{record['temp_id']} of client {record['client']} in {record['conversation']}"


def _runs(numbers: Iterable[int]) -> str:
    """1, 2, 3, 7 as `1-3, 7`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] + 1 == number:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs) or "none"
