"""Uploads: what is taken, what is told while it comes, and what is left of those that fail."""

from __future__ import annotations

import hashlib
import socket

import pytest
import requests

from tests.blueprints.conftest import Listeners, ListenersFactory
from tests.blueprints.uploading import MULTIPART, fetch, left_over, multipart, picture, post_in_chunks, send, upload
from tests.conftest import ServerFactory
from tests.support.api import Api, User
from tests.support.server import ServerProcess


@pytest.mark.core
def test_an_upload_is_told_to_its_uploader_while_it_comes(
    alice: User, bob: User, listeners: ListenersFactory, server: ServerProcess
) -> None:
    conversation = alice.direct(bob)
    room = listeners(alice=alice, bob=bob)
    data = bytes(range(256)) * 8192
    answers: list[requests.Response] = []

    def act() -> None:
        headers = {"X-Upload-Id": "mine"}
        answers.append(send(alice, data, "Dätä.bin", headers=headers, conversationId=conversation["id"]))

    heard = room.hear(act)
    assert heard["bob"] == []
    assert heard["alice"][-1] == "upload:complete"
    assert set(heard["alice"][:-1]) == {"upload:progress"}
    answer = answers[0].json()
    assert answers[0].status_code == 201
    assert (answer["filename"], answer["mime"], answer["size"]) == ("Dätä.bin", "application/octet-stream", len(data))
    assert answer["sha256"] == hashlib.sha256(data).hexdigest()
    assert not {"width", "height", "thumbnailUrl"} & set(answer)
    progress = room["alice"].events("upload:progress")
    received = [event["received"] for event in progress]
    total = int(answers[0].request.headers["Content-Length"])
    assert {(event["uploadId"], event["total"]) for event in progress} == {("mine", total)}
    assert received == sorted(set(received))
    assert received[-1] == total
    assert 5 <= len(received) <= 21
    assert room["alice"].events("upload:complete") == [{**answer, "uploadId": "mine"}]
    assert fetch(alice, answer["url"]).content == data
    assert left_over(server) == []


@pytest.mark.core
def test_an_upload_may_come_in_chunks(alice: User, listeners: ListenersFactory, server: ServerProcess) -> None:
    room = listeners(alice=alice)
    data = b"some text\n" * 50_000
    body = multipart(('name="file"; filename="a.txt"', "Content-Type: text/plain\r\n", data))
    headers = {**MULTIPART, "Authorization": f"Bearer {alice.token}", "X-Upload-Id": "chunks"}
    pieces = [body[start : start + 30_000] for start in range(0, len(body), 30_000)]
    status, answer = post_in_chunks(server, "/upload", pieces, headers)
    assert (status, answer["size"], answer["mime"]) == (201, len(data), "text/plain")
    room["alice"].settle()
    last = room["alice"].events("upload:progress")[-1]
    assert last == {"uploadId": "chunks", "received": len(body), "total": len(body)}
    assert fetch(alice, answer["url"]).content == data


def test_a_file_is_what_its_bytes_say(alice: User, server: ServerProcess) -> None:
    png, jpeg, text = picture(), picture(kind="JPEG"), b"plain text"
    good = [
        ("a.png", png, "image/png", "image/png"),
        ("a.png", png, None, "image/png"),
        ("noname", png, None, "image/png"),
        ("a.PNG", png, "application/octet-stream", "image/png"),
        ("a.jpeg", jpeg, "image/jpg", "image/jpeg"),
        ("a.txt", text, "text/plain; charset=utf-8", "text/plain"),
        ("a.csv", "größe;1\n".encode("latin-1"), "text/csv", "text/csv"),
        ("a.txt", "größe".encode("utf-16"), None, "text/plain"),
        ("letter.txt", b"BMW, MZ and GIF are three letters each.", "text/plain", "text/plain"),
        ("a.json", b"{}", "application/json", "application/json"),
        ("a.docx", b"PK\x03\x04" + bytes(50), None, None),
        ("a.html", b"<!doctype html><script>alert(1)</script>", "text/html", "text/plain"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "text/plain"),
        ("a.bin", b"\0\1\2", "x/" + "y" * 500, "application/octet-stream"),
        ("a.bin", b"\0\1\2", "no type at all", "application/octet-stream"),
    ]
    for name, data, declared, mime in good:
        answer = upload(alice, data, name, declared)
        assert mime in (None, answer["mime"]), (name, declared, answer)
    lies = [
        ("a.png", text, "image/png"),
        ("a.png", text, None),
        ("a.png", jpeg, "image/png"),
        ("a.txt", png, "text/plain"),
        ("a.txt", png, None),
        ("a.png", png, "text/html"),
        ("a.html", png, None),
        ("a.jpg", b"<script>alert(1)</script>", "image/jpeg"),
        ("a.pdf", png, "application/pdf"),
        ("a.svg", png, "image/svg+xml"),
        ("a.mp4", text, "video/mp4"),
        ("a.txt", b"\0\1\2\3", "text/plain"),
        ("a.gif", b"GIF89a <script>", "image/gif"),
    ]
    for name, data, declared in lies:
        response = send(alice, data, name, declared)
        assert (response.status_code, list(response.json()["fields"])) == (415, ["file"]), (name, declared)
    assert left_over(server) == []


@pytest.mark.core
def test_a_bad_upload_leaves_nothing(alice: User, listeners: ListenersFactory, server: ServerProcess) -> None:
    room = listeners(alice=alice)
    file = ('name="file"; filename="a.txt"', "", b"text")
    before = sorted((server.data_dir / "files").rglob("*"))
    cases: list[tuple[bytes, dict[str, str], str]] = [
        (multipart(), MULTIPART, "file"),
        (multipart(('name="other"', "", b"text")), MULTIPART, "file"),
        (multipart(('name="file"', "", b"no file name")), MULTIPART, "file"),
        (multipart(('name="picture"; filename="a.txt"', "", b"text")), MULTIPART, "file"),
        (multipart(('name="file"; filename="a.txt"', "", b"")), MULTIPART, "file"),
        (multipart(file, file), MULTIPART, "file"),
        (multipart(file, ('name="conversationId"', "", b"x" * 70_000)), MULTIPART, "conversationId"),
        (multipart(file, ('name="conversationId"', "", b"x" * 129)), MULTIPART, "conversationId"),
        (multipart(file, ('name="conversationId"', "", b"a\0b")), MULTIPART, "conversationId"),
        (multipart(file, end=False), MULTIPART, "body"),
        (multipart(file)[:-30], MULTIPART, "body"),
        (multipart(file).replace(b"Content-Disposition", b"X-Other"), MULTIPART, "body"),
        (multipart(file), {"Content-Type": "multipart/form-data"}, "body"),
        (multipart(file), {"Content-Type": "multipart/form-data; boundary=another"}, "body"),
        (multipart(file), {"Content-Type": "multipart/form-data; boundary*=utf-8''%E2%82%AC"}, "body"),
        (multipart(file), {"Content-Type": "application/json"}, "body"),
        (b"", {}, "body"),
        (b"", MULTIPART, "body"),
        (multipart(file), {**MULTIPART, "X-Upload-Id": "u" * 129}, "X-Upload-Id"),
    ]

    def act() -> None:
        for body, headers, field in cases:
            response = alice.post("/upload", data=body, headers=headers)
            assert (response.status_code, list(response.json().get("fields", {}))) == (422, [field]), body[:300]

    assert "upload:complete" not in room.hear(act)["alice"]
    for conversation_id in ("nobody", "0" * 36):
        response = send(alice, b"text", conversationId=conversation_id)
        assert (response.status_code, response.json()["error"]) == (403, "not_a_participant")
    assert sorted((server.data_dir / "files").rglob("*"))[: len(before)] == before
    assert left_over(server) == []


@pytest.mark.core
def test_an_upload_that_breaks_off_leaves_nothing(alice: User, server: ServerProcess) -> None:
    body = multipart(('name="file"; filename="a.txt"', "", b"text" * 100_000))
    head = f"POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    head += f"Content-Type: {MULTIPART['Content-Type']}\r\n"
    for framing, sent in (
        (f"Content-Length: {len(body)}\r\n\r\n", body[:200_000]),
        ("Transfer-Encoding: chunked\r\n\r\n", b"30000\r\n" + body[: 0x30000 // 2]),
        ("Transfer-Encoding: chunked\r\n\r\n", b"not a number\r\n"),
    ):
        with socket.create_connection((server.host, server.port), timeout=10) as connection:
            connection.sendall(head.encode() + framing.encode() + sent)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b" 422 " in answer.split(b"\r\n")[0], answer
        assert b"validation_failed" in answer
        assert left_over(server) == []


def test_a_file_that_is_too_large_is_refused(fresh_server: ServerFactory, listeners: ListenersFactory) -> None:
    server = fresh_server(UPLOAD_MAX_MB="0.5")
    api = Api(server)
    user = api.register()
    room: Listeners = listeners(user=user)
    limit = 512 * 1024
    assert upload(user, b"x" * limit)["size"] == limit
    for data in (b"x" * (limit + 1), b"x" * (limit + 200_000)):
        response = send(user, data)
        assert (response.status_code, response.json()["error"]) == (413, "too_large")
        assert list(response.json()["fields"]) == ["file"]
    body = multipart(('name="file"; filename="a.txt"', "", b"x" * (limit + 1)))
    headers = {**MULTIPART, "Authorization": f"Bearer {user.token}"}
    pieces = [body[start : start + 50_000] for start in range(0, len(body), 50_000)]
    status, answer = post_in_chunks(server, "/upload", pieces, headers)
    assert (status, answer["error"], list(answer["fields"])) == (413, "too_large", ["file"])
    room["user"].settle()
    assert room["user"].count("upload:complete") == 1
    assert left_over(server) == []
    api.close()
