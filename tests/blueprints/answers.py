"""Every answer of the REST API and every event of a test, held against the project's own schemas."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel

from schemas.conversations import ConversationList, ConversationOut, ParticipantAdded, ParticipantChanged
from schemas.errors import STATUS
from schemas.files import AttachmentOut
from schemas.messages import MessageOut, MessagePage
from schemas.relay import APP_PREFIX, RelayEmitted
from schemas.sockets import SERVER_EVENTS, Failure
from schemas.users import MeOut, SessionOut, UserList, UserOut

Model = type[BaseModel] | None

MODELS: dict[tuple[str, str], dict[int, Model]] = {
    ("POST", "/auth/register"): {201: SessionOut},
    ("POST", "/auth/login"): {200: SessionOut},
    ("POST", "/auth/refresh"): {200: SessionOut},
    ("POST", "/auth/logout"): {204: None},
    ("GET", "/users"): {200: UserList},
    ("GET", "/users/me"): {200: MeOut},
    ("PATCH", "/users/me"): {200: MeOut},
    ("POST", "/users/me/password"): {204: None},
    ("GET", "/users/ID"): {200: UserOut},
    ("GET", "/conversations"): {200: ConversationList},
    ("POST", "/conversations"): {200: ConversationOut, 201: ConversationOut},
    ("GET", "/conversations/ID"): {200: ConversationOut},
    ("PATCH", "/conversations/ID"): {200: ConversationOut},
    ("DELETE", "/conversations/ID"): {204: None},
    ("POST", "/conversations/ID/participants"): {201: ParticipantAdded},
    ("PATCH", "/conversations/ID/participants/ID"): {200: ParticipantChanged},
    ("DELETE", "/conversations/ID/participants/ID"): {204: None},
    ("GET", "/conversations/ID/messages"): {200: MessagePage},
    ("GET", "/messages"): {200: MessagePage},
    ("POST", "/messages"): {200: MessageOut, 201: MessageOut},
    ("GET", "/messages/ID"): {200: MessageOut},
    ("PUT", "/messages/ID"): {200: MessageOut},
    ("DELETE", "/messages/ID"): {200: MessageOut},
    ("POST", "/upload"): {201: AttachmentOut},
    ("POST", "/relay/emit"): {202: RelayEmitted},
    ("POST", "/relay/messages"): {200: MessageOut, 201: MessageOut},
}
"""What each call may answer, by status; None for an empty body. Files' bytes are no JSON and stand not here."""


def call_of(method: str, path: str) -> tuple[str, str]:
    """A call as `MODELS` names it."""
    pattern = re.sub(r"^/(users|conversations|messages)/(?!me(?:/|$))[^/]+", r"/\1/ID", path)
    return method, re.sub(r"/participants/[^/]+$", "/participants/ID", pattern)


def check_exactly(model: type[BaseModel], data: Any) -> None:
    """Fail unless `data` is a `model` with all of its fields, and no field that the schema does not tell of."""
    parsed = model.model_validate(data)
    assert parsed.model_dump(mode="json", by_alias=True, exclude_unset=True) == data, f"{model.__name__}: {data}"


def check_answer(method: str, url: str, response: requests.Response) -> None:
    """Fail unless the answer is what the call promises, or an error of the catalogue."""
    path = urlsplit(url).path
    if not path.startswith("/api/") or method in {"OPTIONS", "HEAD"}:
        return
    if response.status_code >= 400:
        check_failure(response)
        return
    models = MODELS.get(call_of(method, path.removeprefix("/api")))
    if models is None:
        return
    assert response.status_code in models, f"{method} {path} answered {response.status_code}"
    model = models[response.status_code]
    if model is None:
        assert response.content == b""
    else:
        check_exactly(model, response.json())


def check_failure(response: requests.Response) -> None:
    """Fail unless this is one of the catalogue's errors, with its status."""
    assert response.headers["Content-Type"] == "application/json", response.text
    body = response.json()
    check_exactly(Failure, body)
    # 416 is HTTP's own: the catalogue has no code for a range that a file does not have.
    assert response.status_code in {STATUS[body["error"]], 416}, body
    assert body["error"] != "internal", body
    assert "Traceback" not in response.text


def check_event(name: str, data: Any) -> None:
    """Fail unless an event of the server is one of the catalogue's."""
    if not name.startswith(APP_PREFIX):  # those are other people's
        check_exactly(SERVER_EVENTS[name], data)


def without(event: dict[str, Any], *names: str) -> dict[str, Any]:
    """An event's payload less these fields, to compare it with what REST answered."""
    return {name: value for name, value in event.items() if name not in names}
