"""The bus on real servers: one, a cluster, one that a sentinel watches, one behind TLS; broken in every way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pytest
from redis import RedisError
from redis.crc import key_slot

from realtime.bus import Address, Away, Bus, lane
from realtime.bus.address import Opened
from realtime.bus.bus import Asked
from realtime.bus.company import Company
from realtime.bus.resp import Reply, pack
from realtime.bus.subscriptions import Subscriptions
from tests.support.valkey import Valkey
from tests.support.valkeys import TlsFront, ValkeyCluster, WatchedValkey

KIND = b"T"


class Node:
    """One end of the bus, and what it heard."""

    def __init__(self, url: str, *, verify: bool = True) -> None:
        self.bus = Bus(Address.parse(url, verify=verify), "test")
        self.heard: list[bytes] = []
        self.caught_up = 0
        self.restored = 0
        self.bus.on_restored(self._count_restored)
        self.bus.listen(lambda _kind, body: self.heard.append(body), self._count_caught_up, self.bus.name("all"))

    def _count_restored(self) -> None:
        self.restored += 1

    def _count_caught_up(self) -> None:
        self.caught_up += 1

    def follow(self, *channels: str) -> None:
        """And wait until it does."""
        self.bus.follow(channels)
        self.bus.wait(channels, 5)

    def say(self, channel: str, *texts: str) -> None:
        """Publish each."""
        for text in texts:
            self.bus.publish(channel, KIND, text.encode())

    @property
    def texts(self) -> list[str]:
        """What it heard."""
        return [body.decode() for body in self.heard]


class NodeFactory(Protocol):
    """Makes nodes."""

    def __call__(self, url: str, *, verify: bool = True) -> Node:
        """One that is up."""


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.002)


@pytest.fixture
def node() -> Iterator[NodeFactory]:
    """Makes nodes, closed at the end."""
    made: list[Node] = []

    def make(url: str, *, verify: bool = True) -> Node:
        made.append(Node(url, verify=verify))
        until(lambda: made[-1].bus.problem() is None)
        return made[-1]

    yield make
    for one in made:
        one.bus.close()


def test_what_is_published_is_heard_once_in_order_and_not_by_oneself(node: NodeFactory, valkey: Valkey) -> None:
    anna, ben, cleo = node(valkey.url), node(valkey.url), node(valkey.url)
    for one in (anna, ben):
        one.follow("room", "other")
    numbers = [str(number) for number in range(2000)]
    anna.say("room", *numbers)
    until(lambda: len(ben.heard) == 2000)
    assert ben.texts == numbers
    assert anna.heard == cleo.heard == []


def test_a_node_knows_whether_it_is_alone(node: NodeFactory, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    count = Bus._count

    def noted(bus: Bus) -> int:
        counted.append(count(bus))
        return counted[-1]

    monkeypatch.setattr(Bus, "_count", noted)
    anna = node(valkey.url)
    until(lambda: anna.bus.alone)
    ben = node(valkey.url)
    assert not anna.bus.alone, "a newcomer says so before it is ready"
    until(lambda: counted[-4:] == [2] * 4)
    assert not anna.bus.alone
    assert not ben.bus.alone
    ben.bus.close()
    until(lambda: anna.bus.alone)
    valkey.freeze()
    until(lambda: not anna.bus.alone)
    valkey.thaw()
    until(lambda: anna.bus.alone)
    valkey.stop()
    until(lambda: not anna.bus.alone)


def test_a_node_that_hears_nobody_is_not_alone(
    node: NodeFactory, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one follower of the common channel may be another node."""
    anna, ben = node(valkey.url), node(valkey.url)
    [shard] = anna.bus._shards.all
    assert shard.subscriptions is not None
    shard.subscriptions.stop()
    asked: list[object] = []
    ask = Bus.ask

    def noted(bus: Bus, questions: Sequence[Asked], seconds: float) -> list[list[Reply]]:
        replies = ask(bus, questions, seconds)
        if bus is anna.bus and questions[0][0] == bus._common:
            asked.append(replies[0][0][1])
        return replies

    monkeypatch.setattr(Bus, "ask", noted)
    until(lambda: asked[-2:] == [1, 1])
    assert not anna.bus.alone
    until(lambda: ben.bus.alone)


def test_whoever_comes_during_the_count_is_not_overlooked() -> None:
    company = Company()

    def comes() -> int:
        company.sign()
        return 1

    def away() -> int:
        raise Away

    for count, alone in ((lambda: 1, True), (comes, False), (lambda: 1, True), (away, False), (lambda: 2, False)):
        company.look(count)
        assert company.alone is alone


def test_a_node_whose_ways_come_back_one_after_the_other_is_not_overlooked(
    node: NodeFactory, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it hears the others again it may not be able to say so yet."""
    anna, ben = node(valkey.url), node(valkey.url)
    until(lambda: not anna.bus.alone)
    ways = {f"parley-{ben.bus.node}-{name}": threading.Event() for name in ("subscriptions", "commands")}
    connect = Address.open

    def held(address: Address, host: str, port: int, name: str) -> Opened:
        if name in ways:
            ways[name].wait()
        return connect(address, host, port, name)

    monkeypatch.setattr(Address, "open", held)
    try:
        valkey.kill()
        until(lambda: anna.bus.problem() is not None and ben.bus.problem() is not None)
        valkey.start()
        until(lambda: anna.bus.alone)
        monkeypatch.setattr(Company, "look", lambda *_: None)
        hears, speaks = ways.values()
        hears.set()
        until(lambda: ben.bus._following.hears(ben.bus.name("all")))
        speaks.set()
        until(lambda: not anna.bus.alone)
    finally:
        for way in ways.values():
            way.set()


def test_large_and_odd_messages_come_through(node: NodeFactory, valkey: Valkey) -> None:
    anna, ben = node(valkey.url), node(valkey.url)
    ben.follow("room: ä{x}")
    texts = ["", "\r\n$5\r\n*3\r\n", "ä" * 700_000, "end"]
    anna.say("room: ä{x}", *texts)
    until(lambda: len(ben.heard) == 4)
    assert ben.texts == texts


def test_a_channel_that_is_left_is_followed_for_a_while(
    node: NodeFactory, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.bus.bus.SWEEP_SECONDS", 0.05)
    monkeypatch.setattr("realtime.bus.following.LINGER_SECONDS", 0.3)
    anna, ben = node(valkey.url), node(valkey.url)
    ben.follow("room", "kept")
    ben.bus.leave("room")
    ben.bus.leave("kept")
    anna.say("room", "still heard")
    until(lambda: ben.texts == ["still heard"])
    ben.follow("kept")

    def subscribers() -> dict[str, int]:
        ((reply,),) = anna.bus.ask([("x", [pack("PUBSUB", "NUMSUB", "room", "kept")])], 2)
        return {reply[0].decode(): reply[1], reply[2].decode(): reply[3]}

    until(lambda: subscribers() == {"room": 0, "kept": 1})
    anna.say("room", "not heard")
    anna.say("kept", "heard")
    until(lambda: "heard" in ben.texts)
    assert ben.texts == ["still heard", "heard"]


@pytest.mark.alone
def test_a_frozen_server_holds_nobody_up_and_is_found_out(
    node: NodeFactory, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "QUEUE_BYTES", 200_000)
    anna, ben = node(valkey.url), node(valkey.url)
    ben.follow("room")
    valkey.freeze()
    slowest, begun = 0.0, time.monotonic()
    while anna.bus.up:
        before = time.perf_counter()
        anna.say("room", "x" * 50_000)
        slowest = max(slowest, time.perf_counter() - before)
        time.sleep(0.001)
        assert time.monotonic() - begun < 5, "it takes 3 s to give a silent server up"
    assert slowest < 0.1
    with pytest.raises(Away):
        anna.bus.ask([("key", [pack("GET", "key")])], 0.2)
    until(lambda: not ben.bus._shards.all[0].lanes[1].responsive)
    before = time.perf_counter()
    ben.bus.follow(["another"])
    ben.bus.wait(["another"], 5)
    assert time.perf_counter() - before < 0.1, "nobody waits for a server that is known to be silent"
    valkey.thaw()
    until(lambda: anna.bus.problem() is None and ben.bus.problem() is None)
    until(lambda: _comes_through(anna, ben, "another"))


def _comes_through(anna: Node, ben: Node, channel: str) -> bool:
    """Whether something has; what is published while a connection is made anew is lost."""
    anna.say(channel, "and now?")
    return "and now?" in ben.texts


def test_a_server_that_comes_back_empty_is_told_everything_again(node: NodeFactory, valkey: Valkey) -> None:
    anna, ben = node(valkey.url), node(valkey.url)
    channels = [f"room {number}" for number in range(1500)]
    ben.follow(*channels)
    counts = ben.caught_up, ben.restored
    valkey.kill()
    until(lambda: anna.bus.problem() is not None and ben.bus.problem() is not None)
    anna.say("room 7", "lost")
    valkey.start()
    until(lambda: anna.bus.problem() is None and ben.bus.problem() is None)
    until(lambda: (ben.caught_up, ben.restored) == (counts[0] + 1, counts[1] + 1))
    for channel in channels:
        anna.say(channel, channel)
    until(lambda: len(ben.heard) == 1500)
    assert ben.texts == channels


def test_a_node_that_does_not_hear_its_channels_yet_is_not_ready(
    node: NodeFactory, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is published to it once it says that it is ready must not be lost."""
    ben = node(valkey.url)
    ben.follow("room")
    confirmed, confirm = threading.Event(), Subscriptions._confirm

    def held(subscriptions: Subscriptions, name: bytes) -> None:
        confirmed.wait()
        confirm(subscriptions, name)

    monkeypatch.setattr(Subscriptions, "_confirm", held)
    try:
        valkey.kill()
        until(lambda: ben.bus.problem() is not None)
        valkey.start()
        [shard] = ben.bus._shards.all
        until(lambda: all(lane.up for lane in shard.lanes))
        assert ben.bus.problem() is not None
    finally:
        confirmed.set()
    until(lambda: ben.bus.problem() is None)


def test_a_node_that_only_publishes_needs_nothing_but_a_flush(node: NodeFactory, valkey: Valkey) -> None:
    """As a `flask` command does: it publishes before there is any connection, and ends."""
    ben = node(valkey.url)
    ben.follow("room")
    command = Bus(Address.parse(valkey.url), "test")
    for number in range(5):
        command.publish("room", KIND, b"%d" % number)
    command.flush(5)
    command.close()
    until(lambda: len(ben.heard) == 5)
    assert ben.texts == ["0", "1", "2", "3", "4"]


def test_installations_that_share_a_server_do_not_hear_each_other() -> None:
    first = Bus(Address.parse("redis://host"), "parley")
    others = [Bus(Address.parse("redis://host/1"), "parley"), Bus(Address.parse("redis://host"), "other")]
    assert first.name("c", "x") not in [other.name("c", "x") for other in others]


def test_a_cluster_carries_channels_and_keys_where_they_belong(node: NodeFactory) -> None:
    cluster = ValkeyCluster()
    try:
        anna, ben = node(cluster.url), node(cluster.url)
        until(lambda: anna.bus._shards.sharded and ben.bus._shards.sharded)
        channels = [f"room {number}" for number in range(60)]
        ben.follow(*channels)
        for channel in channels:
            anna.say(channel, f"{channel} first", f"{channel} second")
        until(lambda: len(ben.heard) == 120)
        for channel in channels:
            mine = [text for text in ben.texts if text.startswith(f"{channel} ")]
            assert mine == [f"{channel} first", f"{channel} second"]
        questions = [(channel, [pack("INCR", channel), pack("INCR", channel)]) for channel in channels]
        assert anna.bus.ask(questions, 2) == [[1, 2]] * 60
        lanes = [shard.subscriptions.all() for shard in ben.bus._shards.all if shard.subscriptions]
        assert all(15 < len(mine) < 30 for mine in lanes), "each server has its share"
    finally:
        cluster.stop()


def test_a_slot_that_moves_takes_its_channels_along(node: NodeFactory) -> None:
    cluster = ValkeyCluster()
    try:
        anna, ben = node(cluster.url), node(cluster.url)
        until(lambda: anna.bus._shards.sharded and ben.bus._shards.sharded)
        ben.follow("{moving}")
        cluster.move_slot(key_slot(b"{moving}"))

        until(lambda: _comes_through(anna, ben, "{moving}"))
        anna.say("{moving}", "last")
        until(lambda: ben.texts[-1] == "last")
    finally:
        cluster.stop()


def test_a_sentinel_says_who_is_the_master_now(node: NodeFactory) -> None:
    watched = WatchedValkey()
    try:
        anna, ben = node(watched.url), node(watched.url)
        ben.follow("room")
        anna.say("room", "before")
        until(lambda: ben.texts == ["before"])
        watched.servers[0].kill()
        until(lambda: anna.bus.problem() is not None)
        until(lambda: anna.bus.problem() is None and ben.bus.problem() is None, 30)
        anna.say("room", "after")
        until(lambda: ben.texts == ["before", "after"])
    finally:
        watched.stop()


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_a_certificate_is_verified_unless_told_otherwise(node: NodeFactory, valkey: Valkey, scheme: str) -> None:
    front = TlsFront(valkey.port)
    url = f"{scheme}://127.0.0.1:{front.port}/0"
    try:
        with pytest.raises(RedisError, match="CERTIFICATE_VERIFY_FAILED"):
            Address.parse(url).open("127.0.0.1", front.port, "name")
        anna, ben = node(url, verify=False), node(f"{url}?ssl_ca_certs={front.certificate}")
        ben.follow("room")
        anna.say("room", *(f"{number}{'x' * 30_000}" for number in range(100)))
        until(lambda: len(ben.heard) == 100)
        assert [text.rstrip("x") for text in ben.texts] == [str(number) for number in range(100)]
    finally:
        front.stop()
