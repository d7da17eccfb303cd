"""REST calls of a client, from a thread of their own each, beside its socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import requests

SECONDS = 5.0
"""A call that takes longer has failed."""


class Unreachable(Exception):
    """No answer came; what was asked may have been done or not."""


@dataclass(slots=True, frozen=True)
class Answer:
    """An answer's status and its parsed body (an object, empty where there was none)."""

    status: int
    body: dict[str, Any]


class Rest:
    """Calls with one user's token; paths count from `/api`."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def call_now(self, method: str, path: str, body: object = None) -> Answer:
        """One call, here and now. Raises Unreachable."""
        try:
            answer = requests.request(
                method,
                f"{self._url}/api{path}",
                json=body,
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=SECONDS,
            )
            return Answer(answer.status_code, answer.json() if answer.content else {})
        except (requests.RequestException, ValueError) as error:
            raise Unreachable(str(error)) from error

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        """One call, in a thread. Raises Unreachable."""
        return await asyncio.to_thread(self.call_now, method, path, body)

    async def history(self, conversation: str) -> list[dict[str, Any]]:
        """All messages of a conversation, oldest first, page by page. Raises Unreachable."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = await self.call("GET", f"/conversations/{conversation}/messages?after={after}&limit=100")
            if page.status != 200:
                raise Unreachable(f"history answered {page.status}")
            found += page.body["items"]
            if not page.body["hasMore"]:
                return found
