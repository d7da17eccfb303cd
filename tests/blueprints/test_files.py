"""Files: who may have one, how a browser gets it, its thumbnail, and its end."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.blueprints.uploading import fetch, picture, upload
from tests.support.api import Api, User, unique
from tests.support.server import ServerProcess


def test_a_picture_gets_an_upright_thumbnail(alice: User) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = upload(alice, picture(1200, 600, "JPEG", exif=exif), "turned.jpg")
    assert (turned["width"], turned["height"], turned["mime"]) == (600, 1200, "image/jpeg")
    response = fetch(alice, turned["thumbnailUrl"])
    assert (response.status_code, response.headers["Content-Type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(response.content)) as small:
        assert small.size == (240, 480)
        colours = small.convert("RGB")
        top, bottom = colours.getpixel((120, 40)), colours.getpixel((120, 440))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > 200, top[2] < 60, bottom[0] < 60, bottom[2] > 200) == (True,) * 4
    small_one = upload(alice, picture(10, 5), "small.png")
    assert (small_one["width"], small_one["height"]) == (10, 5)
    broken = upload(alice, picture()[:200], "broken.png")
    assert not {"width", "thumbnailUrl"} & set(broken)
    alice.refused("GET", f"/files/{broken['id']}/thumbnail", status=404, error="not_found")
    text = upload(alice, b"text")
    alice.refused("GET", f"/files/{text['id']}/thumbnail", status=404, error="not_found")


@pytest.mark.core
def test_a_file_comes_whole_or_in_ranges(alice: User) -> None:
    data = bytes(range(256)) * 40
    url = upload(alice, data, "data.bin")["url"]
    whole = fetch(alice, url)
    assert (whole.status_code, whole.content, whole.headers["Accept-Ranges"]) == (200, data, "bytes")
    assert int(whole.headers["Content-Length"]) == len(data)
    for asked, start, end in (("0-9", 0, 10), ("10000-", 10000, len(data)), ("-5", len(data) - 5, len(data))):
        part = fetch(alice, url, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, data[start:end])
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(data)}"
    beyond = fetch(alice, url, headers={"Range": "bytes=99999-"})
    assert (beyond.status_code, beyond.json()["error"]) == (416, "validation_failed")
    assert beyond.headers["Content-Range"] == f"bytes */{len(data)}"
    unchanged = fetch(alice, url, headers={"If-None-Match": whole.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = alice.request("HEAD", url.removeprefix("/api"))
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(data)))


def test_nothing_that_can_run_is_shown_in_the_page(alice: User) -> None:
    script = b"<script>alert(1)</script>"
    for name, data, inline in (
        ("a.html", script, False),
        ("a.xhtml", script, False),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", False),
        ("a.js", b"alert(1)", False),
        ("a.xml", b"<?xml version='1.0'?><x/>", False),
        ("a.pdf", b"%PDF-1.4 text", False),
        ("a", script, False),
        ('ab"c\r\nX-Evil: 1.png', picture(), True),
        ("../../etc/passwd", b"root", False),
        ("a.png", picture(), True),
    ):
        answer = upload(alice, data, name)
        assert "/" not in answer["filename"]
        response = fetch(alice, answer["url"])
        assert response.content == data
        assert "X-Evil" not in response.headers
        assert response.headers["Content-Disposition"].startswith("inline" if inline else "attachment"), name
        assert "html" not in response.headers["Content-Type"]
        assert "svg" not in response.headers["Content-Type"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response.headers["Cache-Control"].startswith("private")


@pytest.mark.core
def test_a_file_is_for_its_uploader_and_its_conversation(alice: User, bob: User, carol: User, api: Api) -> None:
    conversation = alice.group(bob)
    named = upload(alice, b"for the conversation", conversationId=conversation["id"])
    loose = upload(alice, picture(), "loose.png")
    urls = [loose["url"], loose["thumbnailUrl"], named["url"]]
    for url in urls:
        assert fetch(alice, url).status_code == 200
        answers = [user.get(path) for user, path in ((carol, url[4:]), (carol, "/files/nobody"))]
        assert {(one.status_code, one.content) for one in answers} == {(404, answers[0].content)}
        api.refused("GET", url[4:], status=401, error="token_required")
    assert fetch(bob, named["url"]).status_code == 200
    bob.refused("GET", loose["url"][4:], status=404, error="not_found")
    message = alice.say(conversation, "look", attachmentIds=[loose["id"], named["id"]])
    assert message["attachments"] == [loose, named]
    assert bob.answer("GET", f"/messages/{message['id']}")["attachments"] == [loose, named]
    assert [fetch(bob, url).status_code for url in urls] == [200] * 3
    carol.refused("GET", loose["url"][4:], status=404, error="not_found")
    alice.answer("DELETE", f"/conversations/{conversation['id']}/participants/{bob.id}", status=204)
    bob.refused("GET", loose["url"][4:], status=404, error="not_found")
    alice.answer("POST", f"/conversations/{conversation['id']}/participants", {"userId": bob.id}, status=201)
    assert fetch(bob, loose["url"]).status_code == 200
    alice.answer("DELETE", f"/conversations/{conversation['id']}", status=204)
    bob.refused("GET", loose["url"][4:], status=404, error="not_found")


@pytest.mark.core
def test_an_attachment_is_claimed_once_and_goes_with_its_message(alice: User, bob: User, server: ServerProcess) -> None:
    conversation, other = alice.direct(bob), alice.group(bob)
    file, foreign = upload(alice, picture(), "a.png"), upload(bob, b"bob's")
    elsewhere = upload(alice, b"text", conversationId=other["id"])
    draft = {"conversationId": conversation["id"], "content": "", "temp_id": unique("t")}
    for ids, status, error in (
        ([foreign["id"]], 404, "not_found"),
        ([elsewhere["id"]], 404, "not_found"),
        ([file["id"], "nobody"], 404, "not_found"),
        ([file["id"], file["id"]], 422, "validation_failed"),
    ):
        refused = alice.refused("POST", "/messages", {**draft, "attachmentIds": ids}, status=status, error=error)
        assert list(refused["fields"]) == ["attachmentIds"]
    message = alice.answer("POST", "/messages", {**draft, "attachmentIds": [file["id"]]}, status=201)
    assert alice.answer("POST", "/messages", {**draft, "attachmentIds": [file["id"]]}, status=200) == message
    again = {**draft, "temp_id": unique("t"), "attachmentIds": [file["id"]]}
    alice.refused("POST", "/messages", again, status=422, error="validation_failed")
    stored = list((server.data_dir / "files").rglob(f"{file['id']}*"))
    assert len(stored) == 2
    assert alice.answer("DELETE", f"/messages/{message['id']}")["attachments"] == []
    for user in (alice, bob):
        for path in (file["url"], file["thumbnailUrl"]):
            user.refused("GET", path[4:], status=404, error="not_found")
    assert [path for path in stored if path.exists()] == []
    alice.refused("POST", "/messages", again, status=404, error="not_found")
