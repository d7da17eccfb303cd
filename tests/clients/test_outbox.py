"""The outbox of web/parley.js: what was sent arrives once, and in the end, or its sender is told why not."""

from __future__ import annotations

import signal
from pathlib import Path

import jwt
import pytest

from tests.clients.driven import Driven, Driver
from tests.clients.proxy import Proxy
from tests.clients.test_parley import QUICK
from tests.conftest import ServerFactory
from tests.support.api import Api, User
from tests.support.server import SECRET


def stored(user: User, conversation: dict[str, str]) -> list[str]:
    """The contents of a conversation, oldest first."""
    page = user.answer("GET", f"/conversations/{conversation['id']}/messages", params={"limit": 100})
    return [message["content"] for message in reversed(page["items"])]


def transmissions(client: Driven) -> list[str]:
    """The `temp_id` of each message that went over the wire."""
    return [payload["temp_id"] for payload in client.events("wire:send-message")]


def test_a_lost_acknowledgement_means_the_same_temp_id_again(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    hers, his = driver.client(alice, **QUICK).online(), driver.client(bob).online()
    hers.fake({"where": "duplicate"})
    temp_id = hers.say(conversation, "once")
    sent = hers.wait("sent")
    assert sent["duplicate"] is True
    assert len(transmissions(hers)) > 1
    assert set(transmissions(hers)) == {temp_id}
    hers.say(conversation, "after")
    his.wait("message", 2)
    hers.wait("message", 2)
    assert his.contents() == hers.contents() == stored(bob, conversation) == ["once", "after"]


def test_a_line_cut_between_commit_and_acknowledgement(driver: Driver, proxy: Proxy, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    hers, his = driver.client(alice, proxy.url, ackTimeout=60_000).online(), driver.client(bob).online()
    proxy.silence(down=True)
    temp_id = hers.say(conversation, "committed")
    his.wait("message")
    assert hers.count("sent") == 0
    proxy.silence()
    proxy.cut()
    assert hers.wait("sent")["duplicate"] is True
    assert transmissions(hers) == [temp_id, temp_id]
    hers.wait("message")
    assert his.contents() == hers.contents() == stored(bob, conversation) == ["committed"]


def test_a_killed_server_loses_nothing(driver: Driver, fresh_server: ServerFactory) -> None:
    server = fresh_server()
    api = Api(server)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    hers, his = driver.client(alice, **QUICK).online(), driver.client(bob, **QUICK).online()
    for turn in range(2):
        for number in range(20):
            hers.say(conversation, str(turn * 20 + number))
        his.wait("message", turn * 20 + 5)
        server.restart(kill=True)
        server.wait_for_log("connected")
    expected = [str(number) for number in range(40)]
    his.wait("message", 40)
    hers.wait("sent", 40)
    hers.wait("message", 40)
    assert his.contents() == hers.contents() == stored(bob, conversation) == expected
    assert his.seqs() == list(range(1, 41))
    api.close()


def test_a_draining_server_is_left_alone_for_as_long_as_it_says(driver: Driver, fresh_server: ServerFactory) -> None:
    server = fresh_server()
    api = Api(server)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    hers, his = driver.client(alice, **QUICK).online(), driver.client(bob, **QUICK).online()
    server.child.signal(signal.SIGTERM)
    hers.wait_state("draining")
    hers.say(conversation, "meanwhile")
    assert server.child.wait(30) == 0
    server.start()
    his.wait("message")
    assert his.contents() == stored(bob, conversation) == ["meanwhile"]
    for client in (hers, his):
        changes = {line["data"]: line["at"] for line in client.lines("state")}
        told = client.wait("draining")["reconnectAfterMs"]
        assert changes["reconnecting"] - changes["draining"] >= told - 5
    api.close()


def test_offline_nothing_is_tried_and_everything_is_kept(driver: Driver, proxy: Proxy, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    hers = driver.client(alice, proxy.url, **QUICK)
    hers.setOnline(False)
    driver.ask(hers.name, "connect")
    hers.wait_state("offline")
    sent = [hers.say(conversation, str(number)) for number in range(5)]
    assert [draft["temp_id"] for draft in hers.drafts()] == sent
    assert (hers.count("wire:send-message"), proxy.accepted) == (0, 0)
    hers.setOnline(True)
    hers.wait("sent", 5)
    assert transmissions(hers) == sent
    assert stored(bob, conversation) == ["0", "1", "2", "3", "4"]
    assert hers.drafts() == []


def test_drafts_outlive_the_process(driver: Driver, alice: User, bob: User, tmp_path: Path) -> None:
    conversation, storage = alice.direct(bob), str(tmp_path / "outbox.json")
    with Driver() as first:
        before = first.client(alice, storage=storage)
        before.setOnline(False)
        sent = [before.say(conversation, str(number)) for number in range(3)]
        before.positions()
        first.kill()
    hers = driver.client(alice, storage=storage).online()
    hers.wait("outbox", 6)
    assert transmissions(hers) == sent
    assert stored(bob, conversation) == ["0", "1", "2"]
    hers.close()
    again = driver.client(alice, storage=storage, name="again").online()
    assert again.echo(None) is None
    assert (again.drafts(), again.count("wire:send-message")) == ([], 0)


def test_pages_of_one_user_send_each_draft_once(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    one = driver.client(alice, name="one", storage="shared", withLocks=True).online()
    other = driver.client(alice, name="other", storage="shared", withLocks=True)
    other.setOnline(False)
    driver.ask("other", "connect")
    theirs = [other.say(conversation, f"of the other {number}") for number in range(3)]
    new = driver.client(alice, name="new", storage="shared", withLocks=True).online()
    one.say(conversation, "of the first")
    one.wait("sent")
    assert new.echo(None) is None
    assert new.drafts() == [], "the other page lives: its drafts are its own"
    other.close()
    new.wait_where("outbox", state="sent", temp_id=theirs[-1])
    assert transmissions(new) == theirs
    assert (len(transmissions(one)), transmissions(other)) == (1, [])
    assert stored(bob, conversation) == ["of the first", *(f"of the other {number}" for number in range(3))]


def test_without_locks_two_pages_send_twice_and_it_arrives_once(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    one = driver.client(alice, name="one", storage="shared")
    one.setOnline(False)
    driver.ask("one", "connect")
    sent = [one.say(conversation, str(number)) for number in range(4)]
    other = driver.client(alice, name="other", storage="shared").online()
    other.wait_where("outbox", state="sent", temp_id=sent[-1])
    one.setOnline(True)
    one.wait("sent", 4)
    assert transmissions(one) == transmissions(other) == sent
    assert [answer["duplicate"] for answer in one.events("sent")] == [True] * 4
    assert stored(bob, conversation) == ["0", "1", "2", "3"]


def test_what_can_never_pass_is_told_and_holds_up_nothing(driver: Driver, alice: User, bob: User, carol: User) -> None:
    conversation, foreign = alice.direct(bob), bob.direct(carol)
    hers = driver.client(alice, **QUICK).online()
    known = hers.say(conversation, "first", temp_id="mine")
    long = hers.say(conversation, "x" * 8001)
    outside = hers.say(foreign, "let me in")
    huge = hers.say(conversation, "x" * 1_000_000)
    hers.say(conversation, "last")
    hers.wait_where("sent", temp_id=known)
    for temp_id, code in ((long, "validation_failed"), (outside, "not_a_participant"), (huge, "too_large")):
        assert hers.wait_where("unsent", temp_id=temp_id)["code"] == code
        assert hers.wait_where("failed", temp_id=temp_id)["error"]
    hers.wait("sent", 2)
    assert stored(bob, conversation) == ["first", "last"]
    assert {draft["temp_id"]: draft["failure"]["error"] for draft in hers.drafts()} == {
        long: "validation_failed",
        outside: "not_a_participant",
        huge: "too_large",
    }
    hers.retry(long)
    assert hers.wait("unsent", 4)["code"] == "validation_failed"
    assert [hers.discard(temp_id) for temp_id in (long, outside, huge, "unknown")] == [True, True, True, False]
    assert hers.drafts() == []
    hers.say(conversation, "something else", temp_id="mine")
    assert hers.wait("unsent", 5)["code"] == "conflict"


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": False, "error": "unavailable", "message": "not now", "retryAfter": 0.3},
        {"ok": False, "error": "rate_limited", "message": "too fast", "retryAfter": 0.3},
        {"ok": False, "error": "internal", "message": "our mistake"},
    ],
)
def test_what_passes_is_tried_again(driver: Driver, alice: User, bob: User, answer: dict[str, object]) -> None:
    conversation = alice.direct(bob)
    hers = driver.client(alice, **QUICK).online()
    hers.fake({"where": "duplicate", "answer": answer})
    first = hers.say(conversation, "first")
    second = hers.say(conversation, "second")
    hers.wait("sent", 2)
    assert transmissions(hers) == [first, first, second], "the second waits for the first"
    one, two, *_ = hers.lines("wire:send-message")
    assert two["at"] - one["at"] >= 1000 * float(str(answer.get("retryAfter", 0)))
    assert hers.wait_where("outbox", state="paused")["failure"]["error"] == answer["error"]
    assert stored(bob, conversation) == ["first", "second"]


def minted(user: User, seconds: float) -> str:
    """A token of this user's that ends so soon."""
    claims = jwt.decode(user.token, SECRET, algorithms=["HS256"])
    return jwt.encode({**claims, "exp": claims["iat"] + seconds}, SECRET, algorithm="HS256")


def test_a_token_is_renewed_before_it_ends(driver: Driver, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    hers = driver.client(alice, tokens=[minted(alice, 62), minted(alice, 3600)]).online()
    hers.wait("wire:auth:refresh")
    assert hers.wait("wire:auth:refresh")["token"] == minted(alice, 3600)
    assert hers.events("asked") == [{"fresh": False}, {"fresh": True}]
    bob.say(conversation, "still there")
    hers.wait("message")
    assert hers.events("state") == ["connecting", "online"]


def test_a_token_that_is_refused_is_exchanged_or_the_end(driver: Driver, alice: User, bob: User) -> None:
    mended = driver.client(alice, name="mended", tokens=[minted(alice, -10), alice.token]).online()
    assert mended.events("asked") == [{"fresh": False}, {"fresh": True}]
    ended = driver.client(alice, name="ended", token=minted(alice, -10))
    driver.ask("ended", "connect")
    assert ended.wait("refused")["code"] == "token_expired"
    assert ended.state() == "refused"
    assert ended.refused("presence", [bob.id]) == "closed"
    other = driver.client(alice, name="other", tokens=[bob.token])
    driver.ask("other", "connect")
    assert other.wait("refused")["code"] == "token_invalid", "nobody's drafts are sent as somebody else"


def test_forgetting_leaves_nothing_behind(driver: Driver, alice: User, bob: User, tmp_path: Path) -> None:
    conversation, storage = alice.direct(bob), tmp_path / "outbox.json"
    hers = driver.client(alice, storage=str(storage), persist=True).online()
    hers.fake({"where": "duplicate"})
    hers.say(conversation, "unacknowledged")
    hers.wait("faked")
    hers.close({"forget": True})
    assert storage.read_text() == '{"drafts":{},"positions":null}'
    assert hers.wait("unsent")["code"] == "closed"
    assert hers.refused("send", {"conversationId": conversation["id"], "content": "late"}) == "closed"
