"""One run, from the server's first start to the report."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jwt

from tests.reliability.chaos import faults
from tests.reliability.chaos.checker import History, check
from tests.reliability.chaos.clients import Client
from tests.reliability.chaos.databases import Database, Embedded, Served
from tests.reliability.chaos.disk import SmallDisk
from tests.reliability.chaos.figures import figures
from tests.reliability.chaos.log import EventLog, read_log
from tests.reliability.chaos.options import Options
from tests.reliability.chaos.people import Person
from tests.reliability.chaos.proxy import Proxy
from tests.reliability.chaos.report import Report
from tests.reliability.chaos.rest import Rest
from tests.reliability.chaos.server import ChaosServer
from tests.support.server import SECRET
from tests.support.valkey import Valkey

DAY = 86_400
WARM_UP_SECONDS = 1.0
DRAIN_SECONDS = 60.0
"""After the last fault, so long may it take until every send is acknowledged."""

SETTLE_SECONDS = 5.0
"""And so long until every client has heard of everything without asking."""


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def run(options: Options) -> Report:
    """The whole of it. What it starts it stops, and what it writes outside of `options` it removes."""
    with tempfile.TemporaryDirectory(prefix="parley-chaos-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        database: Database = Embedded(data) if options.database == "sqlite" else Served()
        disk = SmallDisk(data) if options.fault == "disk" else None
        relay = Valkey() if options.nodes > 1 else None
        try:
            path = options.log or Path(folder) / "log.jsonl"
            return asyncio.run(Run(options, data, database, disk, relay).whole(path))
        finally:
            if relay is not None:
                relay.stop()
            if disk is not None:
                disk.stop()
            database.stop()


class Run:
    """A run's parts."""

    def __init__(
        self, options: Options, data: Path, database: Database, disk: SmallDisk | None, relay: Valkey | None
    ) -> None:
        self._options = options
        self._database = database
        self._relay = relay
        env = {"DATABASE_URL": database.url} if database.url else {}
        if relay is not None:
            env["REDIS_URL"] = relay.url
        prefix = disk.prefix if disk else ()
        self._servers = [ChaosServer(data, env, prefix) for _ in range(options.nodes)]
        self._folder = disk.inside if disk else data
        self._proxy = Proxy(self._servers[0].port, options.seed) if options.fault == "proxy" else None
        self._fault = self._choose(disk)

    def _choose(self, disk: SmallDisk | None) -> faults.Fault:
        if disk is not None:
            return faults.FullDisk(disk)
        if self._proxy is not None:
            return faults.Network(self._proxy)
        others: dict[str, Callable[[], faults.Fault]] = {
            "kill": faults.Kill,
            "term": faults.Terminate,
            "commit-publish": lambda: faults.BeforePublishing(self._options.kills),
            "database": faults.DatabaseGone,
            "valkey-kill": lambda: faults.RelayKilled(self._options.away),
            "valkey-stop": lambda: faults.RelayFrozen(self._options.away),
        }
        return others[self._options.fault]()

    async def whole(self, path: Path) -> Report:
        """Start, break, drain, compare."""
        with EventLog(path) as log:
            stage = faults.Stage(self._servers, self._database, self._relay, log, self._options.seed)
            clients, history = await self._load(stage, log)
        stored = self._database.read(self._folder)
        records = read_log(path)
        say(f"checking {len(records)} records, {len(stored.messages)} messages")
        findings = check(records, stored, history)
        assert clients, "nobody took part"
        return Report(self._options, findings, figures(records), dict(stage.done), stage.complaints)

    async def _load(self, stage: faults.Stage, log: EventLog) -> tuple[list[Client], History]:
        self._fault.prepare(stage)
        first = self._servers[0]
        bomb, first.bomb = first.bomb, 0
        for server in self._servers:
            await asyncio.to_thread(server.start)
        people = await self._people()
        if bomb:
            # The first server made the users; the one with the bomb takes over before anybody connects.
            await asyncio.to_thread(first.stop)
            first.bomb = bomb
            await asyncio.to_thread(first.start)
        clients = [Client(person, log, self._options.seed) for person in people]
        tasks = [asyncio.create_task(work) for client in clients for work in (client.run(), client.tend())]
        try:
            await asyncio.gather(*(asyncio.wait_for(client.back.wait(), 30) for client in clients))
            await self._break(stage, log, clients)
            await self._drain(clients, stage)
            for client in clients:
                for view in client.views.values():
                    view.write_final()
            history = await self._history(people)
            for client in clients:
                await client.stop()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._proxy is not None:
                self._proxy.stop()
            for server in self._servers:
                if server.running and (status := await asyncio.to_thread(server.stop)):
                    stage.complaints.append(f"the server ended with {status}")
        self._look_at_log(stage)
        return clients, history

    async def _people(self) -> list[Person]:
        """Users, each in two conversations, made over REST."""
        options = self._options
        urls = [server.url for server in self._servers]
        socket_urls = [await self._proxy.start()] if self._proxy is not None else urls
        people = []
        for number in range(options.clients):
            user_id = f"client-{number:03}"
            token = jwt.encode({"userId": user_id, "exp": int(time.time()) + DAY}, SECRET, algorithm="HS256")
            place = number % options.nodes
            rest = Rest(urls[place], token)
            answer = await rest.call("GET", "/users/me")
            assert answer.status == 200, answer
            order = [*socket_urls[place:], *socket_urls[:place]]
            people.append(Person(number, user_id, token, order, rest, []))
        places = list(range(options.clients))
        random.Random(options.seed).shuffle(places)
        for number in range(options.conversations):
            inside = [people[place] for place in range(number, options.clients, options.conversations)]
            inside += [people[places[place]] for place in range(number, options.clients, options.conversations)]
            group = list({person.number: person for person in inside}.values())
            body = {"type": "group", "title": f"group {number}", "participantIds": [one.user_id for one in group[1:]]}
            answer = await group[0].rest.call("POST", "/conversations", body)
            assert answer.status == 201, answer
            for person in group:
                person.conversations.append(answer.body["id"])
        return people

    async def _break(self, stage: faults.Stage, log: EventLog, clients: list[Client]) -> None:
        """The load, and the faults one after another."""
        options = self._options
        stage.up()
        begun = time.monotonic()
        writers = [asyncio.create_task(client.write(len(clients) / options.rate)) for client in clients]
        try:
            await asyncio.sleep(WARM_UP_SECONDS)
            for number in range(options.kills):
                if options.fault != "commit-publish":
                    await asyncio.sleep(stage.random.uniform(*options.gap))
                await self._fault.strike(stage, number)
                stage.done["strikes"] += 1
                waiting = sum(len(client.outbox) for client in clients)
                say(f"{time.monotonic() - begun:6.1f} s  fault {number + 1} of {options.kills}; {waiting} in outboxes")
            left = options.seconds - (time.monotonic() - begun)
            await asyncio.sleep(max(options.gap[0], left))
            self._fault.finish(stage)
        finally:
            for writer in writers:
                writer.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
        log.write("stop")

    async def _drain(self, clients: list[Client], stage: faults.Stage) -> None:
        """Until everything is acknowledged, and everybody has heard of it."""
        if not await _awaited(lambda: not any(client.outbox for client in clients), DRAIN_SECONDS):
            stage.complaints.append(f"sends were left after {DRAIN_SECONDS} s")
        for client in clients:
            await client.finish_asides()
        # An answer that the network lost never comes: that is no complaint where the outbox is empty.
        await _awaited(lambda: not any(client.waiting for client in clients), SETTLE_SECONDS)
        heads: dict[str, int] = {}
        for client in clients:
            for conversation in client.views:
                if conversation not in heads:
                    answer = await client.person.rest.call("GET", f"/conversations/{conversation}")
                    assert answer.status == 200, answer
                    heads[conversation] = answer.body["rev"]
        await _awaited(
            lambda: all(view.rev >= heads[name] for client in clients for name, view in client.views.items()),
            SETTLE_SECONDS,
        )

    async def _history(self, people: list[Person]) -> History:
        """Everything, through REST."""
        ways = {conversation: person.rest for person in people for conversation in person.conversations}
        return {conversation: await rest.history(conversation) for conversation, rest in ways.items()}

    def _look_at_log(self, stage: faults.Stage) -> None:
        """An error that the server did not expect is a complaint, with its first lines."""
        text = "\n".join(server.log_text() for server in self._servers)
        for sign in ("event failed", "a committed change could not be published", "a draft cannot be stored"):
            times = text.count(sign)
            if times:
                at = text.index(sign)
                stage.complaints.append(f"the server logged {times} times: {text[at : at + 1500]}")


async def _awaited(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True
