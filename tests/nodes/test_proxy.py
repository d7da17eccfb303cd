"""Several servers behind docs/nginx.conf, in a real nginx: affinity for those who poll, none for WebSocket only."""

from __future__ import annotations

import json
import re
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from requests.adapters import HTTPAdapter

from tests.clients.driven import Driver
from tests.conftest import VisitorFactory
from tests.engine.test_tls import certify
from tests.nodes.conftest import Cluster, People, eventually
from tests.support.api import Api, User, unique
from tests.support.nginx import Nginx
from tests.support.node import NodeScript
from tests.support.postgres import Postgres
from tests.support.processes import PROJECT
from tests.support.server import ServerProcess
from tests.support.valkey import Valkey

HERE = Path(__file__).parent
MANY = 24
ADDRESSES = sys.platform == "linux"
"""Whether all of 127.0.0.0/8 is this machine's, so that each client can come from an address of its own."""

NO_AFFINITY = ""
DOCUMENT = (PROJECT / "docs" / "processes.md").read_text()
BOTH = ["polling", "websocket"]
WAYS: dict[str, dict[str, Any]] = {
    "polling": {"transports": ["polling"], "upgrade": False},
    "polling, then websocket": {"transports": BOTH, "upgrade": True},
    "websocket": {"transports": ["websocket"], "upgrade": True},
}
Proxied = Callable[..., Nginx]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that signed itself, and its key."""
    return certify(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def proxied(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Proxied]:
    """Starts nginx before these servers: `proxied(servers, affinity=...)`."""
    mine: list[Nginx] = []

    def make(servers: list[ServerProcess], affinity: str | None = None, more: str = "") -> Nginx:
        folder = tmp_path / f"nginx-{len(mine)}"
        folder.mkdir()
        mine.append(Nginx(folder, servers, certificate, affinity, more).start())
        return mine[-1]

    yield make
    for each in mine:
        each.stop()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, relay: Valkey) -> Iterator[list[ServerProcess]]:
    """Two servers that believe one proxy, shared by the tests that break neither."""
    url = postgres.database()
    cluster = Cluster(tmp_path_factory.mktemp("pair"), url, relay.url)
    try:
        yield [cluster.add(TRUSTED_PROXIES="1") for _ in range(2)]
    finally:
        cluster.stop()
        postgres.drop(url)


def sockets_of(server: ServerProcess) -> int:
    """How many it has."""
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    found = re.search(r"^parley_connections ([0-9.]+)$", text, re.MULTILINE)
    assert found
    return int(float(found[1]))


def clients(nginx: Nginx, user: User, way: str, count: int = MANY) -> NodeScript:
    """Official clients through the proxy (behind.mjs)."""
    trust = {"NODE_EXTRA_CA_CERTS": str(nginx.certificate)}
    return NodeScript(
        HERE / "behind.mjs",
        env=trust,
        url=nginx.url,
        token=user.token,
        count=count,
        addresses=ADDRESSES,
        **WAYS[way],
    )


def all_connected(script: NodeScript, count: int = MANY) -> list[str]:
    """The transports of all clients, once each of them was answered through its own."""
    eventually(lambda: len([line for line in script.lines() if "connected" in line]) == count, 20)
    assert [line for line in script.lines() if "refused" in line or "disconnected" in line] == []
    return [line["connected"] for line in script.lines()]


def browser(nginx: Nginx, address: str | None = None) -> requests.Session:
    """Somebody's HTTP, from their own address."""
    session = requests.Session()
    session.verify, session.trust_env = str(nginx.certificate), False
    if address:

        class FromThere(HTTPAdapter):
            def init_poolmanager(self, *args: Any, **options: Any) -> None:
                super().init_poolmanager(*args, source_address=(address, 0), **options)

        session.mount("https://", FromThere())
    return session


def opened(nginx: Nginx, http: requests.Session, **headers: str) -> str:
    """A new session of Engine.IO by polling; the address of its polls."""
    url = f"{nginx.url}/socket.io/?EIO=4&transport=polling"
    answer = http.get(url, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return f"{url}&sid={json.loads(answer.text[1:])['sid']}"


def talk(polls: str, http: requests.Session, user: User) -> None:
    """Connect to the namespace and have something echoed, by polling."""
    assert http.post(polls, data="40" + json.dumps({"token": user.token}), timeout=10).text == "ok"
    assert http.get(polls, timeout=10).text.startswith('40{"sid":')
    assert http.post(polls, data='427["echo",1]', timeout=10).text == "ok"
    heard = ""
    while "437" not in heard:
        answer = http.get(polls, timeout=10)
        assert answer.status_code == 200, answer.text
        heard += answer.text


@pytest.mark.parametrize("way", WAYS)
def test_with_affinity_every_transport_works(
    pair: list[ServerProcess], people: People, proxied: Proxied, way: str
) -> None:
    nginx = proxied(pair)
    anna, ben = people.user(pair[0]), people.user(pair[1])
    direct = anna.direct(ben)
    with clients(nginx, ben, way) as script:
        transports = all_connected(script)
        assert transports == [WAYS[way]["transports"][-1]] * MANY
        shares = [sockets_of(server) for server in pair]
        assert sum(shares) == MANY
        assert min(shares) > 0 or not ADDRESSES
        anna.say(direct, "hello")
        eventually(lambda: len([line for line in script.lines() if "heard" in line]) == MANY)
        lines = script.finish()
    assert sorted(line["client"] for line in lines if "heard" in line) == list(range(MANY))
    eventually(lambda: sum(sockets_of(server) for server in pair) == 0)


def test_with_affinity_a_poll_finds_its_session(pair: list[ServerProcess], people: People, proxied: Proxied) -> None:
    nginx, user = proxied(pair), people.user(pair[0])
    for number in range(1, 9):
        with browser(nginx, f"127.0.0.{number}" if ADDRESSES else None) as http:
            talk(opened(nginx, http), http, user)


def test_a_poll_at_the_wrong_server_is_told_of_affinity(
    pair: list[ServerProcess], people: People, proxied: Proxied
) -> None:
    nginx, user = proxied(pair, NO_AFFINITY), people.user(pair[0])
    page = {"Origin": nginx.url}
    with browser(nginx) as http:
        for ask in (http.get, http.post):
            polls = opened(nginx, http, **page)
            answer = ask(polls, headers=page, timeout=10)
            assert answer.status_code == 400
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["Access-Control-Allow-Origin"] == nginx.url
            told = answer.json()
            assert (told["code"], told["message"].partition(":")[0]) == (1, "Session ID unknown")
            assert "session affinity (sticky sessions)" in told["message"]
            assert "TRANSPORTS=websocket" in told["message"]
    with clients(nginx, user, "polling", count=1) as script:
        refused = script.wait_for("refused|disconnected|connected")
    if "refused" in refused:
        assert "session affinity" in refused["text"]
    else:
        assert refused["disconnected"] == "transport error"


@pytest.mark.parametrize("count", [2, 3])
def test_websocket_only_needs_no_affinity(fresh_cluster: Cluster, people: People, proxied: Proxied, count: int) -> None:
    """Each request goes to the next server; and one is killed, whose clients come back elsewhere and lose nothing."""
    servers = [fresh_cluster.add(TRANSPORTS="websocket", TRUSTED_PROXIES="1") for _ in range(count)]
    nginx = proxied(servers, NO_AFFINITY)
    anna, ben = people.user(servers[0]), people.user(servers[1])
    direct = anna.direct(ben)
    with clients(nginx, ben, "websocket") as script:
        assert all_connected(script) == ["websocket"] * MANY
        assert {sockets_of(server) for server in servers} == {MANY // count}
        anna.say(direct, "1")
        eventually(lambda: len([line for line in script.lines() if "heard" in line]) == MANY)
        script.finish()
    eventually(lambda: not any(sockets_of(server) for server in servers))
    with Driver() as driver:
        listening = [driver.client(ben, nginx.plain_url, name=f"ben {number}").online() for number in range(6)]
        hers = driver.client(anna, nginx.plain_url, name="anna").online()
        assert all(sockets_of(server) for server in servers)
        for number in range(2, 41):
            if number == 20:
                servers[0].kill()
            hers.say(direct, str(number))
        for client in listening:
            eventually(lambda client=client: client.seqs()[-1:] == [40], 20)  # type: ignore[misc]
            assert client.seqs() == list(range(client.seqs()[0], 41))
        assert sum(client.count("synced") for client in (*listening, hers)) > len(listening) + 1


@pytest.mark.parametrize("transports", [["polling"], BOTH])
def test_clients_of_a_server_that_died_come_to_another(
    fresh_cluster: Cluster, people: People, proxied: Proxied, transports: list[str]
) -> None:
    servers = [fresh_cluster.add() for _ in range(2)]
    nginx = proxied(servers)
    anna, ben = people.user(servers[0]), people.user(servers[0])
    direct = anna.direct(ben)
    script = PROJECT / "tests" / "clients" / "reconnect.mjs"
    with NodeScript(script, url=nginx.plain_url, token=ben.token, transports=transports) as page:
        page.wait_for('"connected":1')
        (home,) = [server for server in servers if sockets_of(server)]
        (other,) = [server for server in servers if server is not home]
        home.kill()
        page.wait_for('"connected":2', timeout=20)
        people.at(other, anna).say(direct, "goodbye")
        page.wait_for('"heard":"goodbye"')
        page.finish()


def test_addresses_are_the_clients_own(fresh_cluster: Cluster, proxied: Proxied) -> None:
    """Ten wrong passwords from one address; nobody else pays for them, and no header of the client's own helps."""
    if not ADDRESSES:
        pytest.skip("this machine has one loopback address")
    servers = [fresh_cluster.add(TRUSTED_PROXIES="1", RATE_LIMITS="on") for _ in range(2)]
    nginx = proxied(servers)
    with_api = Api(servers[0])
    name = with_api.register(unique("anna")).username
    with_api.close()

    def guess(address: str, **headers: str) -> int:
        with browser(nginx, address) as http:
            body = {"username": name, "password": "wrong"}
            return http.post(f"{nginx.url}/api/auth/login", json=body, headers=headers, timeout=10).status_code

    assert [guess("127.0.0.2") for _ in range(11)] == [401] * 10 + [429]
    assert guess("127.0.0.2", **{"X-Forwarded-For": "192.0.2.7"}) == 429
    assert [guess(f"127.0.0.{number}") for number in range(3, 9)] == [401] * 6


def test_pages_behind_tls_are_the_servers_own(pair: list[ServerProcess], people: People, proxied: Proxied) -> None:
    """The page's origin is https, the server's own connection is not: `Host` is what counts."""
    nginx, user = proxied(pair), people.user(pair[0])
    own, strange = {"Origin": nginx.url}, {"Origin": "https://chat.example.com"}
    with browser(nginx) as http:
        me = f"{nginx.url}/api/users/me"
        token = {"Authorization": f"Bearer {user.token}"}
        assert http.get(me, headers={**own, **token}).headers["Access-Control-Allow-Origin"] == nginx.url
        assert "Access-Control-Allow-Origin" not in http.get(me, headers={**strange, **token}).headers
        talk(opened(nginx, http, **own), http, user)
        assert http.get(f"{nginx.url}/socket.io/?EIO=4&transport=polling", headers=strange).status_code == 400
    address = f"{nginx.url.replace('https', 'wss')}/socket.io/?EIO=4&transport=websocket"
    options = {"context": nginx.context(), "cert_reqs": ssl.CERT_REQUIRED}
    sock = websocket.create_connection(address, sslopt=options, origin=nginx.url, timeout=10)
    assert str(sock.recv()).startswith('0{"sid":')
    sock.close()
    with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
        websocket.create_connection(address, sslopt=options, origin=strange["Origin"], timeout=10)


def test_a_browser_chats_through_it(
    pair: list[ServerProcess], people: People, proxied: Proxied, visitor: VisitorFactory
) -> None:
    """From the page itself: first by polling, which a stock client begins with."""
    nginx = proxied(pair)
    anna, ben = people.user(pair[0]), people.user(pair[1])
    direct = anna.direct(ben)
    page = visitor(ignore_https_errors=True).open(f"{nginx.url}/healthz")
    page.evaluate("() => import('/vendor/socket.io.esm.min.js').then((module) => { window.io = module.io; })")
    page.evaluate(
        """(token) => {
          window.heard = [];
          window.socket = window.io({ auth: { token, autoJoin: true } });
          window.socket.on('message:new', (message) => window.heard.push(message.content));
        }""",
        ben.token,
    )
    page.wait_for_function("window.socket.connected && window.socket.io.engine.transport.name === 'websocket'")
    anna.say(direct, "through TLS")
    page.wait_for_function("window.heard.length")
    assert page.evaluate("window.heard") == ["through TLS"]


def test_the_rest_of_the_document(pair: list[ServerProcess], proxied: Proxied) -> None:
    """HTTP leads to HTTPS; the figures are the servers' own; a large file passes, and a larger one does not."""
    nginx = proxied(pair)
    answer = requests.get(f"http://127.0.0.1:{nginx.redirect_port}/page?x=1", allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://127.0.0.1/page?x=1")
    with browser(nginx) as http:
        assert http.get(f"{nginx.url}/metrics").status_code == 404
        assert http.get(f"{nginx.url}/readyz").json() == {"status": "ok"}
        for size, status in ((20, 401), (27, 413)):
            files = {"file": ("file", bytes(size * 1024 * 1024))}
            assert http.post(f"{nginx.url}/api/upload", files=files).status_code == status


def test_a_cookie_makes_affinity_too(pair: list[ServerProcess], people: People, proxied: Proxied) -> None:
    """For clients that all come from one address, and keep cookies: the other line of docs/processes.md."""
    line = "sticky cookie parley_node path=/ httponly secure samesite=lax;"
    assert line in DOCUMENT
    nginx = proxied(pair)
    if nginx.version() < (1, 29, 6):
        pytest.skip("this nginx has no sticky cookies")
    nginx, user = proxied(pair, line), people.user(pair[0])
    nodes = set()
    for _ in range(4):
        with browser(nginx) as http:
            talk(opened(nginx, http), http, user)
            nodes.add(http.cookies["parley_node"])
    assert len(nodes) == 2


def test_behind_another_proxy_the_clients_addresses_are_those_that_it_tells(
    fresh_cluster: Cluster, proxied: Proxied
) -> None:
    more = "real_ip_header X-Forwarded-For;"
    assert f"set_real_ip_from 10.0.0.0/8;\n{more}" in DOCUMENT
    servers = [fresh_cluster.add(TRUSTED_PROXIES="1", RATE_LIMITS="on") for _ in range(2)]
    nginx = proxied(servers, more=f"set_real_ip_from 127.0.0.0/8; {more}")
    with browser(nginx) as http:

        def guess(number: int) -> int:
            told = {"X-Forwarded-For": f"192.0.2.{number}"}
            body = {"username": "nobody", "password": "wrong"}
            return http.post(f"{nginx.url}/api/auth/login", json=body, headers=told, timeout=10).status_code

        assert [guess(1) for _ in range(11)] == [401] * 10 + [429]
        assert [guess(number) for number in range(2, 14)] == [401] * 12
    assert all('"path": "/api/auth/login"' in server.log_text() for server in servers), "one had them all"
