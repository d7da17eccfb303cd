"""Below the clients: frames as they are on the wire, tokens that tests mint, and who heard nothing."""

from __future__ import annotations

import json
import time
from typing import Any, Self

import jwt
import requests
import websocket

from tests.support.api import Addressed
from tests.support.server import SECRET
from tests.support.sockets import Sock

UNASKED = ("user:status",)
"""Events that come when others come and go, whenever that is: no part of what a test of something else asks about."""


def mint(user_id: object, seconds: float = 3600, secret: str = SECRET, **claims: object) -> str:
    """A token as a host application mints it: no more than `userId` and `exp`, unless `claims` say more."""
    return jwt.encode({"userId": user_id, "exp": int(time.time() + seconds), **claims}, secret, algorithm="HS256")


def heard(sock: Sock) -> list[str]:
    """The names of all that the server has sent to this client by now, but for presence."""
    sock.settle()
    return [name for name in sock.names() if name not in UNASKED]


def forget(*socks: Sock) -> None:
    """Let everything that is on its way come, and start anew."""
    for sock in socks:
        sock.settle()
        sock.clear()


def hear_nothing(*socks: Sock) -> None:
    """None of these has been sent anything since it was last cleared."""
    assert [heard(sock) for sock in socks] == [[] for _ in socks]


class RawSocket:
    """A websocket on which a test says every frame itself."""

    def __init__(self, server: Addressed, token: str | None = None, *, headers: dict[str, str] | None = None) -> None:
        """Open it; with a token, connect to the namespace too."""
        url = server.url.replace("http://", "ws://")
        self._ws = websocket.create_connection(
            f"{url}/socket.io/?EIO=4&transport=websocket", timeout=10, header=headers or {}, suppress_origin=True
        )
        self.opened: dict[str, Any] = json.loads(str(self._ws.recv())[1:])
        self.connected = ""
        if token is not None:
            self.send("40" + json.dumps({"token": token, "recovery": False}))
            self.connected = self.receive()

    def send(self, frame: str) -> None:
        """A text frame."""
        self._ws.send(frame)

    def send_bytes(self, frame: bytes) -> None:
        """A binary frame."""
        self._ws.send_binary(frame)

    def receive(self) -> str:
        """The next frame; empty once the connection is closed."""
        frame = self._ws.recv()
        return frame if isinstance(frame, str) else frame.decode(errors="replace")

    def until(self, beginning: str) -> list[str]:
        """The frames up to the first that begins so. Fails where the connection is closed before."""
        frames: list[str] = []
        while not frames or not frames[-1].startswith(beginning):
            frames.append(self.receive())
            assert frames[-1], f"closed after {frames}"
        return frames

    def answers(self) -> list[str]:
        """All that came so far, up to an answer that shows that the connection lives."""
        self.send('4298765["echo",0]')
        return self.until("4398765")[:-2]

    def close(self) -> None:
        """Gone, without a farewell."""
        self._ws.shutdown()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RawPolling:
    """The same over long-polling."""

    def __init__(self, server: Addressed, token: str) -> None:
        """Open it and connect to the namespace."""
        self._http = requests.Session()
        self._url = f"{server.url}/socket.io/?EIO=4&transport=polling"
        opened = json.loads(self._http.get(self._url, timeout=10).text[1:])
        self._url += f"&sid={opened['sid']}"
        self.send("40" + json.dumps({"token": token, "recovery": False}))
        self.until("40")

    def send(self, body: str) -> int:
        """A poll's body; the HTTP status."""
        return self._http.post(self._url, data=body.encode(), timeout=10).status_code

    def until(self, beginning: str) -> list[str]:
        """The frames up to the first that begins so."""
        frames: list[str] = []
        while not any(frame.startswith(beginning) for frame in frames):
            answer = self._http.get(self._url, timeout=10)
            assert answer.status_code == 200, answer.text
            frames += answer.text.split("\x1e")
        return frames

    def answers(self) -> list[str]:
        """All that came so far, up to an answer that shows that the connection lives."""
        assert self.send('4298765["echo",0]') == 200
        return [frame for frame in self.until("4398765") if frame != '42["echo-response",0]'][:-1]

    def close(self) -> None:
        """Gone, in order."""
        self.send("1")
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
