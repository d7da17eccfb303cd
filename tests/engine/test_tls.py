"""TLS without a proxy: slower, since it goes python-engineio's own way, and as correct."""

from __future__ import annotations

import datetime as dt
import ipaddress
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.clients.test_javascript import UPGRADE, WAYS
from tests.conftest import TRACEBACK
from tests.support.node import run_node
from tests.support.processes import PROJECT, Child
from tests.support.server import READY, ServerProcess
from tests.support.wire import mint

LAUNCHER = Path(__file__).parent / "tls_server.py"
WALK = PROJECT / "tests" / "clients" / "walk.mjs"


@dataclass(frozen=True)
class Secured:
    """A server that speaks TLS only, and the file with which a client knows it."""

    url: str
    certificate: Path


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Parley's tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return paths


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The whole application behind TLS; until its end its log must have no traceback.

    At the end it may: eventlet closes idle connections without telling those who read them.
    """
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = certify(folder)
    template = ServerProcess(folder, {"PORT": "0", "AUTO_PROVISION": "1"})
    child = Child([sys.executable, LAUNCHER, PROJECT / "app.py", certificate, key], env=template.env)
    ready = child.out.wait_for(READY, 30)
    assert ready, child.err.text()
    yield Secured(f"https://127.0.0.1:{ready['port']}", certificate)
    assert TRACEBACK not in child.err.text(), child.err.text()
    assert child.stop() == 0, child.err.text()


def people(secured: Secured, way: str) -> dict[str, Any]:
    """Two people and their conversation, as the scripts want them."""
    anna, ben = ({"id": f"{name} {way}", "token": mint(f"{name} {way}")} for name in ("anna", "ben"))
    with requests.Session() as http:
        http.verify, http.trust_env = str(secured.certificate), False
        for user in (ben, anna):  # each is made by their first call
            headers = {"Authorization": f"Bearer {user['token']}"}
            assert http.get(f"{secured.url}/api/users/me", headers=headers, timeout=10).status_code == 200
        body = {"type": "direct", "participantIds": [ben["id"]]}
        made = http.post(f"{secured.url}/api/conversations", json=body, headers=headers, timeout=10)
        assert made.status_code == 201, made.text
    return {"anna": anna, "ben": ben, "conversationId": made.json()["id"]}


def run(secured: Secured, script: Path | str, **arguments: object) -> Any:
    """What a script of the official client's says at its end."""
    trust = {"NODE_EXTRA_CA_CERTS": str(secured.certificate)}
    return run_node(script, timeout=60, env=trust, url=secured.url, **arguments)[-1]


@pytest.mark.parametrize("way", WAYS)
def test_every_event_over_every_transport(secured: Secured, way: str) -> None:
    transports, upgrade, expected = WAYS[way]
    end = run(secured, WALK, transports=transports, upgrade=upgrade, **people(secured, way))
    assert end["acknowledged"] is True
    assert end["transport"] == expected or expected is None


def test_nothing_is_lost_or_reordered_while_a_client_upgrades(secured: Secured) -> None:
    party = people(secured, "upgrade")
    end = run(secured, UPGRADE, token=party["anna"]["token"], conversationId=party["conversationId"])
    assert (end["transport"], end["echoes"], end["contents"]) == ("websocket", True, True), end
