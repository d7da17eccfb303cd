"""The bus: publish, follow channels, ask for keys. Nothing here waits for the server unless it says so.

Each message is an envelope: 8 bytes that name the node, one byte for its kind, and its body. A node's own messages come
back to it too, and are dropped; only the watchdog listens to them.
"""

from __future__ import annotations

import atexit
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import runtime
from realtime.bus.address import Address, Opened
from realtime.bus.commands import Away, Commands
from realtime.bus.company import Company
from realtime.bus.figures import DROPPED, PUBLISHED, RECEIVED
from realtime.bus.following import Following
from realtime.bus.resp import Reply, pack, pack_publish
from realtime.bus.shards import Place, Shard, Shards
from realtime.bus.subscriptions import Subscriptions
from realtime.bus.watchdog import BEAT_SECONDS, DEAF_SECONDS, Watchdog

log = logging.getLogger("parley.relay")

NODE_BYTES = 8
BEAT, HELLO = b"W", b"H"

EARLY = 1000
"""Messages that are kept while it is not known yet which servers there are."""

SWEEP_SECONDS = 2.0

FAREWELL_SECONDS = 2.0
"""How long a command that published waits at its end until the server has taken that."""

Asked = tuple[str, Sequence[bytes]]
"""A key, and commands that concern it."""

Published = tuple[str, bytes, bytes]
"""A channel, a message's kind and its body."""

Receive = Callable[[bytes, bytes], None]
"""Takes a message's kind and body; raises nothing."""


class Bus:
    """One node's end of it. `prefix` is before every name, so that installations can share a server."""

    def __init__(self, address: Address, prefix: str) -> None:
        self.node = secrets.token_hex(NODE_BYTES // 2)
        self._origin = self.node.encode()
        self._address = address
        self._prefix = f"{prefix}:{address.database}:"
        self._shards = Shards(address, self._open, self._shards_changed)
        self._watchdog = Watchdog()
        self._company = Company()
        self._common = ""
        self._following = Following(self._shards)
        self._early: deque[tuple[bytes, bytes]] = deque()
        self._receive: Receive | None = None
        self._restored: list[Callable[[], None]] = []
        self._caught_up: Callable[[], None] = lambda: None
        self._started = False
        self._closed = False
        self._lock = threading.RLock()

    def listen(self, receive: Receive, caught_up: Callable[[], None], common: str) -> None:
        """Serve: follow channels and be watched. `caught_up` is called when channels are followed again.

        `common` is the channel that every node follows.
        """
        self._receive, self._caught_up, self._common = receive, caught_up, common
        self.follow([self.own_channel, common])
        self._start()
        runtime.every(BEAT_SECONDS, self._beat)
        runtime.every(BEAT_SECONDS, self._look)
        runtime.every(SWEEP_SECONDS, self._following.sweep)

    def on_restored(self, function: Callable[[], None]) -> None:
        """Call this whenever a connection for commands is open again: what the server kept may be gone."""
        self._restored.append(function)

    def name(self, *parts: str) -> str:
        """A channel's or key's whole name."""
        return self._prefix + ":".join(parts)

    @property
    def own_channel(self) -> str:
        """The channel of this node alone."""
        return self.name("n", self.node)

    def publish(self, channel: str, kind: bytes, body: bytes) -> None:
        """Send to everybody who follows the channel, at most once. Never waits, never raises.

        While the server is away it is dropped, as it is where too much waits.
        """
        self.publish_all([(channel, kind, body)])

    def publish_all(self, messages: Iterable[Published]) -> None:
        """The same of many, for a third of the price of each: those of one server go to it together, in their order."""
        if not self._started:
            self._start()
        known: dict[int, tuple[Shard, list[bytes]]] = {}
        for channel, kind, body in messages:
            name = channel.encode()
            shard = self._shards.of(name)
            if shard is None:
                self._keep(name, kind + body)
            else:
                known.setdefault(id(shard), (shard, []))[1].append(self._publishing(name, kind + body))
        for shard, commands in known.values():
            (PUBLISHED if shard.commands.send(*commands) else DROPPED).inc(len(commands))

    def tell(self, channel: str, kind: bytes, body: bytes, seconds: float) -> int:
        """Publish, and wait until it is known how many hear it. Raises Away after `seconds`, or at once."""
        [[count]] = self.ask([(channel, [self._publishing(channel.encode(), kind + body)])], seconds)
        return count if isinstance(count, int) else 0

    def note(self, key: str, value: bytes, seconds: int) -> None:
        """Leave a value under a key for so long; as `publish`, it never waits, and may be lost."""
        shard = self._shards.of(key.encode())
        if shard is not None:
            shard.commands.send(pack("SET", key, value, "EX", seconds))

    def ask(self, questions: Sequence[Asked], seconds: float) -> list[list[Reply]]:
        """The replies to each question's commands, which concern its key. Raises Away after `seconds`, or at once."""
        self._start()
        deadline = time.monotonic() + seconds
        asked: dict[int, tuple[Shard, list[bytes]]] = {}
        for key, commands in questions:
            shard = self._shards.of(key.encode())
            if shard is None:
                raise Away
            asked.setdefault(id(shard), (shard, []))[1].extend(commands)
        sent = {place: shard.commands.ask(commands) for place, (shard, commands) in asked.items()}
        replies = {place: iter(one.result(max(0.0, deadline - time.monotonic()))) for place, one in sent.items()}
        return [[next(replies[id(self._shards.of(key.encode()))]) for _ in commands] for key, commands in questions]

    def follow(self, channels: Iterable[str]) -> None:
        """Hear what is published on these, from soon on."""
        self._following.follow(channels)

    def leave(self, channel: str) -> None:
        """Nobody needs this one any more; it is followed for a while yet."""
        self._following.leave(channel)

    def wait(self, channels: Iterable[str], seconds: float) -> None:
        """Until these are followed, `seconds` at most; not at all for a server that is away or silent."""
        self._following.wait(channels, seconds)

    def flush(self, seconds: float) -> None:
        """Until what was published has been taken, `seconds` at most: for a process that is about to end."""
        deadline = time.monotonic() + seconds
        while self._started and time.monotonic() < deadline:
            if not self._early and self._shards.all and all(one.commands.answered for one in self._shards.all):
                return
            runtime.sleep(0.005)

    def close(self) -> None:
        """Let go of everything; nothing is sent or heard any more."""
        self._closed = True
        atexit.unregister(self.flush)
        self._shards.stop()
        for shard in self._shards.all:
            for lane in shard.lanes:
                lane.stop()

    @property
    def up(self) -> bool:
        """Whether what is published now has somewhere to go."""
        return bool(self._shards.all) and all(shard.commands.responsive for shard in self._shards.all)

    @property
    def alone(self) -> bool:
        """Whether no other node is there, and what is published is heard by nobody. Of a cluster that is not known."""
        return self._company.alone

    @property
    def patience(self) -> float:
        """How long to wait for a message that another one has overtaken, in seconds."""
        return self._watchdog.patience

    def problem(self) -> str | None:
        """Why the relay does not work, in a sentence; None where it does."""
        if not self._watchdog.ever:
            return "the relay (Redis) has not been heard yet"
        if self._watchdog.deaf_seconds > DEAF_SECONDS:
            return f"the relay (Redis) has not been heard for {self._watchdog.deaf_seconds:.0f} s"
        lanes = [lane for shard in self._shards.all for lane in shard.lanes]
        away = sum(not lane.ready for lane in lanes)
        return f"the relay (Redis): {away} of {len(lanes)} connections are away" if away or not lanes else None

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
        if self._receive is None:
            atexit.register(self.flush, FAREWELL_SECONDS)
        self._shards.start()

    def _open(self, place: Place | None) -> Shard:
        """The connections to a server."""

        def connect(lane: str) -> Opened:
            return self._address.open(*(place or self._address.resolve()), name=f"parley-{self.node}-{lane}")

        commands = Commands(connect, self._commands_restored, self._shards.look_again)
        subscriptions = None
        if self._receive is not None:
            subscriptions = Subscriptions(
                connect, self._deliver, self._channels_restored, self._shards.look_again, sharded=place is not None
            )
            subscriptions.start()
        commands.start()
        return Shard(place, commands, subscriptions)

    def _shards_changed(self, gone: list[Shard]) -> None:
        """Servers have come, gone, or exchanged what they have: everything to where it belongs."""
        for shard in gone:
            for lane in shard.lanes:
                lane.stop()
        self._following.arrange()
        while self._early:
            name, content = self._early.popleft()
            shard_of = self._shards.of(name)
            if shard_of is not None:
                shard_of.commands.send(self._publishing(name, content))

    def _keep(self, name: bytes, content: bytes) -> None:
        if len(self._early) < EARLY:
            self._early.append((name, content))
        else:
            DROPPED.inc()

    def _publishing(self, name: bytes, content: bytes) -> bytes:
        return pack_publish(name, self._origin + content, sharded=self._shards.sharded)

    def _deliver(self, _channel: bytes, content: bytes) -> None:
        kind, body = content[NODE_BYTES : NODE_BYTES + 1], content[NODE_BYTES + 1 :]
        if content[:NODE_BYTES] == self._origin:
            if kind == BEAT:
                self._watchdog.heard(body)
        elif self._receive is not None:
            self._company.sign()
            RECEIVED.inc()
            if kind != HELLO:
                self._receive(kind, body)

    def _beat(self) -> None:
        if self._closed or self._receive is None:
            return
        self.publish(self.own_channel, BEAT, self._watchdog.beat())
        if self._watchdog.despairs():
            for shard in self._shards.all:
                shard.restart()

    def _greet(self) -> None:
        """Tell the others that this node is there: once it hears them, and once it can say so, whichever comes last."""
        if self._receive is not None:
            self.publish(self._common, HELLO, b"")

    def _commands_restored(self) -> None:
        self._greet()
        for function in (self._beat, self._look, *self._restored):
            runtime.spawn(function)

    def _look(self) -> None:
        if self._receive is not None:
            self._company.look(self._count)

    def _count(self) -> int:
        """See `Company.look`. Of a node that does not follow the common channel itself, the one may be another."""
        if self._shards.sharded:
            return 0
        [[reply]] = self.ask([(self._common, [pack("PUBSUB", "NUMSUB", self._common)])], BEAT_SECONDS)
        return int(reply[1]) if isinstance(reply, list) and self._following.hears(self._common) else 0

    def _channels_restored(self) -> None:
        self._company.sign()
        self._greet()
        for function in (self._beat, self._look, self._caught_up):
            runtime.spawn(function)
