"""A client of the REST API, as tests write it: `alice.post("/messages", {...})`."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

import requests

PASSWORD = "correct horse battery staple"
"""The password of every user that a test makes without saying another."""


class Addressed(Protocol):
    """Whatever has an address: a server under test."""

    @property
    def url(self) -> str:
        """Where it is."""


def unique(name: str) -> str:
    """A username that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:10]}"


class Api:
    """REST calls to one server, with a bearer token where there is one. Paths count from `/api`."""

    def __init__(self, server: Addressed, token: str | None = None) -> None:
        self.server = server
        self.token = token
        self._http = requests.Session()
        self._opened: list[Api] = []

    def request(self, method: str, path: str, json: object = None, **options: Any) -> requests.Response:
        """Any call; `options` as in requests. `json` None sends no body."""
        return self._send(method, f"{self.server.url}/api{path}", json, options)

    def root(self, path: str, **options: Any) -> requests.Response:
        """GET of a path outside `/api`: `/readyz`, the page."""
        return self._send("GET", f"{self.server.url}{path}", None, options)

    def _send(self, method: str, url: str, json: object, options: dict[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        options.setdefault("timeout", 30)
        return self._http.request(method, url, json=json, headers=headers, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET; `params=` for the query."""
        return self.request("GET", path, **options)

    def post(self, path: str, json: object = None, **options: Any) -> requests.Response:
        """POST."""
        return self.request("POST", path, json, **options)

    def put(self, path: str, json: object = None, **options: Any) -> requests.Response:
        """PUT."""
        return self.request("PUT", path, json, **options)

    def patch(self, path: str, json: object = None, **options: Any) -> requests.Response:
        """PATCH."""
        return self.request("PATCH", path, json, **options)

    def delete(self, path: str, json: object = None, **options: Any) -> requests.Response:
        """DELETE."""
        return self.request("DELETE", path, json, **options)

    def answer(self, method: str, path: str, json: object = None, *, status: int = 200, **options: Any) -> Any:
        """The parsed body of a call that must answer `status`; None for an empty one."""
        response = self.request(method, path, json, **options)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:2000]}"
        return response.json() if response.content else None

    def refused(self, method: str, path: str, json: object = None, *, status: int, error: str, **options: Any) -> Any:
        """The body of a call that must be refused with this status and error code."""
        body = self.answer(method, path, json, status=status, **options)
        assert body["error"] == error, body
        assert isinstance(body["message"], str), body
        assert body["message"], body
        return body

    def register(self, name: str | None = None, password: str = PASSWORD, **more: object) -> User:
        """A new user named exactly `name`, or uniquely; `more` goes into the body (displayName, email)."""
        body = {"username": name or unique("user"), "password": password, **more}
        return self._user(self.answer("POST", "/auth/register", body, status=201), password)

    def login(self, name: str, password: str = PASSWORD) -> User:
        """A new session of a user who exists."""
        return self._user(self.answer("POST", "/auth/login", {"username": name, "password": password}), password)

    def _user(self, answer: dict[str, Any], password: str) -> User:
        user = User(self.server, answer, password)
        self._opened.append(user)
        return user

    def close(self) -> None:
        """Close its connections and those of the users that it made."""
        self._http.close()
        for user in self._opened:
            user.close()


class User(Api):
    """A user with a session: calls carry their token."""

    def __init__(self, server: Addressed, answer: dict[str, Any], password: str) -> None:
        """`answer` is what registering or logging in answered."""
        super().__init__(server, answer["token"])
        self.token: str = answer["token"]
        self.refresh_token: str = answer["refreshToken"]
        self.expires_in: float = answer["expiresIn"]
        self.profile: dict[str, Any] = answer["user"]
        self.id: str = self.profile["id"]
        self.username: str = self.profile["username"]
        self.password = password

    def direct(self, other: User) -> dict[str, Any]:
        """The direct conversation with `other`, new or not."""
        response = self.post("/conversations", {"type": "direct", "participantIds": [other.id]})
        assert response.status_code in {200, 201}, response.text
        conversation: dict[str, Any] = response.json()
        return conversation

    def group(self, *others: User, title: str = "A group") -> dict[str, Any]:
        """A new group with `others`, owned by this user."""
        body = {"type": "group", "participantIds": [other.id for other in others], "title": title}
        conversation: dict[str, Any] = self.answer("POST", "/conversations", body, status=201)
        return conversation

    def say(self, conversation: dict[str, Any], content: str, **more: object) -> dict[str, Any]:
        """A new message of this user, through REST; `more` goes into the body."""
        body = {"conversationId": conversation["id"], "content": content, "temp_id": uuid.uuid4().hex, **more}
        message: dict[str, Any] = self.answer("POST", "/messages", body, status=201)
        return message
