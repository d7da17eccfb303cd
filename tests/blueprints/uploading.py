"""What tests of uploads and files share: pictures, uploads by the library and by hand, and what is left on disk."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from tests.support.api import Api, User
from tests.support.server import ServerProcess

BOUNDARY = "the-boundary"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def picture(width: int = 640, height: int = 320, kind: str = "PNG", **options: Any) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def send(
    user: User, data: bytes, name: str = "notes.txt", mime: str | None = None, headers: Any = None, **form: str
) -> requests.Response:
    """Upload one file; `form` are the other fields."""
    part = (name, data, mime) if mime else (name, data)
    return user.post("/upload", files={"file": part}, data=form, headers=headers or {})


def upload(user: User, data: bytes, name: str = "notes.txt", mime: str | None = None, **form: str) -> dict[str, Any]:
    """The same, where it must be taken."""
    response = send(user, data, name, mime, **form)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def fetch(user: Api, url: str, **options: Any) -> requests.Response:
    """A file by the address that its upload answered."""
    return user.get(url.removeprefix("/api"), stream=True, **options)


def left_over(server: ServerProcess) -> list[Path]:
    """What lies among the uploads that are under way."""
    return list((server.data_dir / "files" / "incoming").glob("*"))


def multipart(*parts: tuple[str, str, bytes], end: bool = True) -> bytes:
    """A body by hand: each part's Content-Disposition after `form-data;`, its other headers, its bytes."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n{headers}\r\n".encode() + data + b"\r\n"
        for name, headers, data in parts
    )
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def post_in_chunks(
    server: ServerProcess, path: str, pieces: list[bytes], headers: dict[str, str], method: str = "POST"
) -> tuple[int, Any]:
    """A request without Content-Length, each piece a chunk; the status and the parsed answer."""

    def body() -> Iterator[bytes]:
        yield from pieces

    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    try:
        connection.request(method, f"/api{path}", body=body(), headers=headers, encode_chunked=True)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
