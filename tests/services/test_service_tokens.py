"""Service tokens and keys of events over time, which no test can wait for."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models import RelayedEvent, ServiceToken, now_ms, store
from realtime.publishing import publisher
from schemas.base import parse
from schemas.errors import ChatError
from schemas.relay import RelayEmit
from services import relaying, service_tokens
from services.service_tokens import PREFIX, USE_MS, Scopes
from tests.services.conftest import Queries, add_user

pytestmark = pytest.mark.usefixtures("queries")

DAY_MS = 86_400_000


def stored() -> ServiceToken:
    """The only token's row."""
    with store.read() as session:
        return session.scalars(select(ServiceToken)).one()


def change(**values: object) -> None:
    """Make the only token another."""
    store.write(lambda session: session.execute(update(ServiceToken).values(**values)))


def refusal(token: str) -> str:
    """The code with which a token is refused."""
    with pytest.raises(ChatError) as refused:
        service_tokens.authenticate(token)
    return refused.value.code


def test_a_token_is_never_stored() -> None:
    token = service_tokens.create("orders", Scopes(), None)
    assert token.startswith(PREFIX)
    assert len(token) >= len(PREFIX) + 43, "256 bits"
    row = stored()
    assert all(token[len(PREFIX) :] not in str(value) for value in vars(row).values())
    assert service_tokens.authenticate(token).name == "orders"
    assert refusal(row.token_hash) == refusal(PREFIX + row.token_hash) == refusal(token[:-1]) == "token_invalid"


def test_a_token_ends_when_its_time_has_come_or_it_is_revoked() -> None:
    token = service_tokens.create("orders", Scopes(), now_ms() + 60_000)
    service = service_tokens.authenticate(token)
    assert service.expires_at == stored().expires_at
    change(expires_at=now_ms())
    assert refusal(token) == "token_expired"
    change(expires_at=now_ms() + 60_000)
    service_tokens.revoke(service.id)
    assert refusal(token) == "token_invalid"
    change(expires_at=now_ms())
    assert refusal(token) == "token_invalid", "what was revoked was never anything"


def test_its_last_use_is_kept_to_the_minute(queries: Queries) -> None:
    token = service_tokens.create("orders", Scopes(), None)
    assert stored().last_used_at is None
    for _ in range(3):
        service_tokens.authenticate(token)
    first = stored().last_used_at
    assert first is not None
    assert abs(now_ms() - first) < 10_000
    queries.statements.clear()
    service_tokens.authenticate(token)
    assert (queries.selects, stored().last_used_at) == (1, first)
    change(last_used_at=first - USE_MS)
    service_tokens.authenticate(token)
    assert (stored().last_used_at or 0) >= first


def test_a_name_is_free_again_once_its_token_has_ended() -> None:
    service_tokens.create("orders", Scopes(), now_ms() + 60_000)
    with pytest.raises(ChatError, match="already"):
        service_tokens.create("orders", Scopes(), None)
    change(expires_at=now_ms())
    service_tokens.create("orders", Scopes(), None)
    service_tokens.revoke("orders")
    service_tokens.create("orders", Scopes(), None)
    ended, revoked, lives = service_tokens.all_tokens()
    assert [ended.revoked_at, lives.revoked_at] == [None, None], "only the one in use was revoked"
    assert revoked.revoked_at is not None


def test_a_key_is_forgotten_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(publisher, "emit", sent.append)
    add_user("alice")
    service = service_tokens.authenticate(service_tokens.create("orders", Scopes(), None))
    body = parse(RelayEmit, {"event": "app:x", "data": 1, "to": {"userId": "alice"}})
    assert [relaying.emit(service, body, key) for key in ("one", "one", "two", None, None)] == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert len(sent) == 4
    aged = update(RelayedEvent).where(RelayedEvent.key == "one").values(created_at=now_ms() - DAY_MS)
    store.write(lambda session: session.execute(aged))
    assert relaying.emit(service, body, "two")
    with store.read() as session:
        assert list(session.scalars(select(RelayedEvent.key))) == ["two"]
    assert not relaying.emit(service, body, "one")
    assert len(sent) == 5
