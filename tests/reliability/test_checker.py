"""The checker finds what is wrong in logs and rows that are made for it, and nothing in good ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.reliability.chaos.checker import History, Row, Stored, check
from tests.reliability.chaos.digest import digest
from tests.reliability.chaos.figures import figures
from tests.reliability.chaos.log import Record

MESSAGES = 6
CLIENTS = (1, 2)
ROOM = "room"


@dataclasses.dataclass
class Case:
    """A run that went well: client 1 writes, both hear it; client 2 is away from message 4 on and comes back."""

    records: list[Record]
    stored: Stored
    history: History


def _message(seq: int) -> dict[str, Any]:
    names = {"id": f"id-{seq}", "temp_id": f"1-{seq}", "seq": seq, "rev": seq, "senderId": "user-1"}
    return {**names, "content": f"text {seq}", "deletedAt": None, "reactions": {}}


def _named(seq: int) -> dict[str, Any]:
    return {key: _message(seq)[key] for key in ("id", "temp_id", "seq", "rev")}


def _good() -> Case:
    records: list[Record] = [{"t": 0.0, "kind": "up"}]
    for seq in range(1, MESSAGES + 1):
        of_message = {"client": 1, "conversation": ROOM, "temp_id": f"1-{seq}"}
        records.append({"t": seq, "kind": "offer", **of_message})
        records.append({"t": seq, "kind": "send", "attempt": 1, **of_message})
        records.append({"t": seq + 0.1, "kind": "ack", "duplicate": False, "again": False, **of_message, **_named(seq)})
        for client in CLIENTS if seq < 4 else CLIENTS[:1]:
            of_client = {"client": client, "conversation": ROOM, "prevRev": seq - 1}
            records.append({"t": seq + 0.2, "kind": "new", **of_client, **_named(seq)})
    missed = [_named(seq) for seq in range(4, MESSAGES + 1)]
    changes = {"since": 3, "outcome": "delta", "rev": MESSAGES, "messages": missed}
    records += [
        {"t": 3.5, "kind": "drop", "client": 2, "told": 0.0},
        {"t": 9.0, "kind": "changes", "client": 2, "conversation": ROOM, **changes},
        {"t": 9.5, "kind": "back", "client": 2},
        {"t": 10.0, "kind": "stop"},
    ]
    history = [_message(seq) for seq in range(1, MESSAGES + 1)]
    digests = {str(message["seq"]): digest(message) for message in history}
    final = {"conversation": ROOM, "rev": MESSAGES, "messages": digests, "receipts": {"user-2": [3, 3]}}
    records += [{"t": 11.0, "kind": "final", "client": client, **final} for client in CLIENTS]
    rows = [Row(ROOM, one["seq"], one["id"], "user-1", one["temp_id"], one["content"], False) for one in history]
    return Case(records, Stored(rows, {ROOM: MESSAGES}, reads={(ROOM, "user-2"): 3}), {ROOM: history})


def _of(case: Case, kind: str, client: int, seq: int = 0) -> Record:
    return next(
        one
        for one in case.records
        if one["kind"] == kind and one["client"] == client and (not seq or one.get("seq") == seq)
    )


def _lose(case: Case) -> None:
    """The newest message was acknowledged and is nowhere."""
    case.stored.messages.pop()
    case.stored.heads[ROOM] -= 1
    case.history[ROOM].pop()
    case.records[:] = [one for one in case.records if one["kind"] != "final" and one.get("seq") != MESSAGES] + [
        _of(case, "ack", 1, MESSAGES)
    ]
    _of(case, "changes", 2)["messages"].pop()


def _lose_in_history(case: Case) -> None:
    case.history[ROOM].pop(2)


def _lose_an_edit(case: Case) -> None:
    case.records.append({"t": 9.0, "kind": "edited", "conversation": ROOM, "id": "id-1", "content": "other"})


def _lose_a_deletion(case: Case) -> None:
    case.records.append({"t": 9.0, "kind": "deleted", "conversation": ROOM, "id": "id-1", "content": ""})


def _lose_a_reaction(case: Case) -> None:
    case.records.append({"t": 9.0, "kind": "reacted", "user": "user-2", "id": "id-1", "emoji": "x"})


def _lose_a_read(case: Case) -> None:
    case.records.append({"t": 9.0, "kind": "read", "conversation": ROOM, "user": "user-1", "seq": 2})


def _store_twice(case: Case) -> None:
    twin = dataclasses.replace(case.stored.messages[1], seq=MESSAGES + 1, id="twin")
    case.stored.messages.append(twin)
    case.stored.heads[ROOM] += 1
    case.history[ROOM].append({**_message(2), "seq": MESSAGES + 1, "id": "twin"})


def _acknowledge_as_two(case: Case) -> None:
    case.records.append({**_of(case, "ack", 1, 2), "id": "id-3", "seq": 3})


def _tell_twice(case: Case) -> None:
    at = case.records.index(_of(case, "new", 2, 3))
    case.records.insert(at + 1, dict(case.records[at]))


def _tell_again_in_changes(case: Case) -> None:
    _of(case, "changes", 2)["messages"].insert(0, _named(3))


def _swap(case: Case) -> None:
    second, third = (case.records.index(_of(case, "new", 2, seq)) for seq in (2, 3))
    case.records[second], case.records[third] = case.records[third], case.records[second]


def _swap_history(case: Case) -> None:
    messages = case.history[ROOM]
    messages[1], messages[2] = messages[2], messages[1]


def _skip(case: Case) -> None:
    """A client is never told of a message, live, and does not have it at the end."""
    case.records.remove(_of(case, "new", 2, 2))
    del _of(case, "final", 2)["messages"]["2"]


def _skip_in_changes(case: Case) -> None:
    del _of(case, "changes", 2)["messages"][1]


def _leave_a_hole(case: Case) -> None:
    """A place in the conversation that no message has."""
    del case.stored.messages[2], case.history[ROOM][2]
    case.records[:] = [one for one in case.records if one["kind"] not in ("final", "changes") and one.get("seq") != 3]


def _show_an_old_state(case: Case) -> None:
    _of(case, "final", 1)["messages"]["4"] = digest({**_message(4), "content": "before the edit"})


def _show_an_old_receipt(case: Case) -> None:
    _of(case, "final", 1)["receipts"]["user-2"] = [3, 2]


def _never_acknowledge(case: Case) -> None:
    case.records.remove(_of(case, "ack", 1, 5))


SPOILT: list[tuple[Callable[[Case], None], str]] = [
    (_lose, "lost"),
    (_lose_in_history, "lost"),
    (_lose_an_edit, "lost"),
    (_lose_a_deletion, "lost"),
    (_lose_a_reaction, "lost"),
    (_lose_a_read, "lost"),
    (_store_twice, "duplicated"),
    (_acknowledge_as_two, "duplicated"),
    (_tell_twice, "duplicated"),
    (_tell_again_in_changes, "duplicated"),
    (_swap, "disordered"),
    (_swap_history, "disordered"),
    (_skip, "gaps"),
    (_skip_in_changes, "gaps"),
    (_leave_a_hole, "gaps"),
    (_show_an_old_state, "gaps"),
    (_show_an_old_receipt, "gaps"),
    (_never_acknowledge, "unacknowledged"),
]


def test_nothing_is_found_in_a_good_run() -> None:
    case = _good()
    found = dataclasses.asdict(check(case.records, case.stored, case.history))
    assert not any(found.values()), found


@pytest.mark.parametrize(("spoil", "kind"), SPOILT, ids=[spoil.__name__.strip("_") for spoil, _ in SPOILT])
def test_what_is_wrong_is_found(spoil: Callable[[Case], None], kind: str) -> None:
    case = _good()
    spoil(case)
    assert getattr(check(case.records, case.stored, case.history), kind)


def test_a_reset_starts_anew() -> None:
    """A client that was away for too long is given the newest page alone, and reads the rest itself."""
    case = _good()
    changes = _of(case, "changes", 2)
    changes["outcome"], changes["messages"] = "reset", changes["messages"][1:]
    found = dataclasses.asdict(check(case.records, case.stored, case.history))
    assert not any(found.values()), found


def test_an_absence_lasts_until_all_rooms_are_joined() -> None:
    assert figures(_good().records).back_longest == 6.0


def test_what_the_server_asked_to_wait_is_not_counted() -> None:
    case = _good()
    _of(case, "drop", 2)["told"] = 2.0
    assert figures(case.records).back_longest == 4.0


def test_the_share_is_of_what_was_offered_while_the_server_was_up() -> None:
    """Of six offers, one comes while it is down, and one is acknowledged only after it went down."""
    case = _good()
    case.records[:] = sorted(case.records, key=lambda one: float(one["t"]))
    down, up = {"t": 4.05, "kind": "down"}, {"t": 5.05, "kind": "up"}
    case.records[:] = sorted([*case.records, down, up], key=lambda one: float(one["t"]))
    assert figures(case.records).share == 4 / 5


def test_an_unanswered_event_at_sigterm_is_counted() -> None:
    case = _good()
    case.records[:] = [one for one in case.records if one.get("seq") != 6 or one["kind"] != "ack"]
    case.records += [{"t": 7.0, "kind": "term"}, {"t": 7.5, "kind": "drop", "client": 1, "told": 0.0}]
    assert figures(case.records).unanswered_at_drain == 1
