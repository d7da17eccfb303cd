"""The promises under pressure: two copies that race, and joins while others write."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.conftest import SockFactory
from tests.support.api import User
from tests.support.sockets import Sock

pytestmark = pytest.mark.core


def test_copies_that_race_are_one_message(alice: User, bob: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    tabs = [sock(alice) for _ in range(4)]
    his = sock(bob, auto_join=True)
    start = threading.Barrier(len(tabs) * 2)
    answers: list[dict[str, Any]] = []

    def race(send: Any, draft: dict[str, Any]) -> None:
        start.wait()
        answers.append(send(draft))

    for number in range(10):
        draft = {"conversationId": conversation["id"], "content": f"race {number}", "temp_id": f"race-{number}"}
        threads = [
            threading.Thread(target=race, args=(lambda body, tab=tab: tab.ok("send-message", body), draft))
            for tab in tabs
        ] + [
            threading.Thread(target=race, args=(lambda body: alice.post("/messages", body).json(), draft)) for _ in tabs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    his.settle()
    assert [message["content"] for message in his.events("message:new")] == [f"race {number}" for number in range(10)]
    assert len(answers) == 80
    firsts = [answer for answer in answers if answer.get("duplicate") is False]
    assert len(firsts) <= 10  # the others were first over REST, which says so by its status
    ids = {answer.get("message", answer)["id"] for answer in answers}
    assert len(ids) == 10


def test_nothing_falls_between_joining_and_what_follows(alice: User, bob: User, sock: SockFactory) -> None:
    """A client comes and goes while another writes: in all it is told every message, once."""
    conversation = alice.direct(bob)
    writing = threading.Event()
    total = 400

    def write(hers: Sock) -> None:
        for number in range(total):
            hers.ok("send-message", {"conversationId": conversation["id"], "content": str(number)})
        writing.set()

    writer = threading.Thread(target=write, args=(sock(alice),))
    his = sock(bob)
    rev, seqs, rounds = conversation["rev"], [], 0
    writer.start()
    while not writing.is_set() or rounds == 0:
        rounds += 1
        his.clear()
        joined = his.ok("join-room", {"conversationId": conversation["id"], "since": rev})
        seqs += [message["seq"] for message in joined["changes"]["messages"]]
        his.settle()
        his.ok("leave-room", {"conversationId": conversation["id"]})
        live = his.events("message:new")
        seqs += [message["seq"] for message in live]
        before = joined["rev"]
        for message in live:
            assert message["prevRev"] <= before
            before = message["rev"]
        rev = before
    writer.join(timeout=30)
    last = his.ok("join-room", {"conversationId": conversation["id"], "since": rev})
    seqs += [message["seq"] for message in last["changes"]["messages"]]
    assert rounds > 5
    assert seqs == list(range(1, total + 1))


def test_a_reader_of_many_hears_every_write_in_order(alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.group(bob, carol)
    listeners = [sock(user, auto_join=True) for user in (alice, bob, carol)]
    tabs = [sock(user) for user in (alice, bob, carol)]

    def write(tab: Sock) -> None:
        for number in range(60):
            tab.ok("send-message", {"conversationId": conversation["id"], "content": str(number)})

    threads = [threading.Thread(target=write, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for listener in listeners:
        assert [message["seq"] for message in listener.wait_count("message:new", 180)] == list(range(1, 181))


def test_one_that_may_not_send_is_refused_and_harms_nobody(
    alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.direct(bob)
    his = sock(bob, auto_join=True)
    tabs, outside = [sock(alice) for _ in range(3)], [sock(carol) for _ in range(3)]
    draft = {"conversationId": conversation["id"], "content": "hello"}

    def send(tab: Sock) -> None:
        for _ in range(40):
            tab.ok("send-message", draft)

    def try_to(tab: Sock) -> None:
        for _ in range(40):
            tab.refused("send-message", draft, "not_a_participant")

    threads = [threading.Thread(target=send, args=(tab,)) for tab in tabs]
    threads += [threading.Thread(target=try_to, args=(tab,)) for tab in outside]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    told = his.wait_count("message:new", 120)
    assert [message["seq"] for message in told] == list(range(1, 121))
    assert {message["senderId"] for message in told} == {alice.id}
    his.settle()
    assert his.count("message:new") == 120
