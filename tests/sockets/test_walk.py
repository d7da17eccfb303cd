"""Every event of both tables, once, and each as its schema says: what AsyncAPI tells is what comes."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from pydantic import BaseModel, RootModel

from schemas.sockets import CLIENT_EVENTS, SERVER_EVENTS, Failure
from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api, User
from tests.support.sockets import Sock
from tests.support.wire import mint

pytestmark = pytest.mark.core

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc00000030101"
    "00c9fe92ef0000000049454e44ae426082"
)


def check(model: type[BaseModel], data: Any) -> None:
    """`data` is a `model` and has nothing that the model does not tell of."""
    if issubclass(model, RootModel):
        return
    checked = model.model_validate(data)
    unknown = set(data) - {field.alias or name for name, field in model.model_fields.items()}
    assert not unknown, f"{model.__name__} does not tell of {unknown}"
    for name, field in model.model_fields.items():
        value, raw = getattr(checked, name), data.get(field.alias or name)
        for one, one_raw in zip(value, raw, strict=True) if isinstance(value, list) else [(value, raw)]:
            if isinstance(one, BaseModel):
                check(type(one), one_raw)


class Walk:
    """Sends events, and checks each acknowledgement."""

    def __init__(self, sock: Sock) -> None:
        self.sock = sock
        self.acknowledged: set[str] = set()

    def ok(self, event: str, payload: Any) -> dict[str, Any]:
        """An event that is taken."""
        answer = self.sock.ok(event, payload)
        check(CLIENT_EVENTS[event].acknowledgement, answer)
        self.acknowledged.add(event)
        return answer

    def refused(self, event: str) -> None:
        """The same event with a payload that is not."""
        if event != "echo":
            answer = self.sock.call(event, 5)
            assert answer["ok"] is False
            check(Failure, {name: value for name, value in answer.items() if name != "ok"})


def walk_conversation(anna: User, ben: User, hers: Walk, his: Walk) -> None:
    """What two people do in a group and in a direct conversation."""
    direct = anna.direct(ben)
    room = {"conversationId": direct["id"]}
    hers.ok("join-room", room)
    his.ok("join-room", {**room, "since": 0})
    his.ok("typing", {**room, "isTyping": True})
    sent = hers.ok("send-message", {**room, "content": f"@{ben.username} hello", "temp_id": "one"})["message"]
    upload = anna.answer(
        "POST",
        "/upload",
        status=201,
        files={"file": ("dot.png", PNG, "image/png")},
        headers={"X-Upload-Id": "mine"},
        data={"conversationId": direct["id"]},
    )
    hers.ok("send-message", {**room, "content": "", "attachmentIds": [upload["id"]], "replyTo": sent["id"]})
    his.ok("delivered-ack", {"messageId": sent["id"]})
    his.ok("read", {**room, "seq": 2})
    his.ok("react", {"messageId": sent["id"], "emoji": "\u2764"})
    anna.answer("PUT", f"/messages/{sent['id']}", {"content": "hello again"})
    anna.answer("PUT", f"/messages/{sent['id']}/pin", status=200)
    anna.answer("DELETE", f"/messages/{sent['id']}")
    his.ok("sync", {"conversations": {direct["id"]: 0, "unknown": 3}, "me": 0})
    hers.ok("leave-room", room)


def walk_group(anna: User, ben: User, other: User) -> None:
    """What administrators do."""
    group = anna.group(ben)
    path = f"/conversations/{group['id']}"
    anna.answer("PATCH", path, {"title": "Renamed"})
    anna.answer("POST", f"{path}/participants", {"userId": other.id}, status=201)
    anna.answer("PATCH", f"{path}/participants/{ben.id}", {"role": "admin"})
    anna.answer("DELETE", f"{path}/participants/{other.id}", status=204)
    anna.answer("PATCH", "/users/me", {"displayName": "Anna A."})
    anna.answer("DELETE", path, status=204)


def test_every_event_is_as_its_schema_says(fresh_server: ServerFactory, sock: SockFactory) -> None:
    server = fresh_server(PRESENCE_GRACE="0.1")
    api = Api(server)
    anna, ben, other = api.register(), api.register(), api.register()
    anna.direct(ben)
    hers, his = Walk(sock(anna)), Walk(sock(ben, auto_join=True))
    hers.sock.wait_for("user:status")
    walk_conversation(anna, ben, hers, his)
    walk_group(anna, ben, other)
    hers.ok("presence", {"userIds": [ben.id, anna.id]})
    hers.ok("auth:refresh", {"token": anna.token})
    hers.ok("echo", {"any": "thing"})
    for event in CLIENT_EVENTS:
        hers.refused(event)
    hers.sock.emit("send-message", {"temp_id": "bad"})
    hers.sock.wait_for("error")
    brief = sock(anna, auth={"token": mint(anna.id, 30)})
    brief.wait_for("auth:expiring")
    server.stop()
    socks = [hers.sock, his.sock, brief]
    for each in socks:
        each.wait_closed()
    seen = set()
    for heard in [one for each in socks for one in each.history()]:
        _, *offset = heard.args
        assert [type(one) for one in offset] in ([], [str]), heard
        check(SERVER_EVENTS.get(heard.name) or _unknown(heard.name), heard.data)
        seen.add(heard.name)
    assert seen == set(SERVER_EVENTS)
    assert hers.acknowledged | his.acknowledged == set(CLIENT_EVENTS)
    api.close()


def _unknown(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not in SERVER_EVENTS")
