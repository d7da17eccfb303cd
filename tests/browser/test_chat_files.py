"""Files on the chat page: their progress, their thumbnails, and what is refused."""

from __future__ import annotations

import random

from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Entering
from tests.browser.person import Person
from tests.browser.pictures import png
from tests.conftest import ServerFactory
from tests.support.api import Api, User

SLOW_BYTES_PER_SECOND = 2_000_000


def slow_down(person: Person) -> None:
    """Give the browser a slow line up."""
    person.page.context.new_cdp_session(person.page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW_BYTES_PER_SECOND},
    )


def named(name: str, mime: str, content: bytes) -> FilePayload:
    """A file as a person chooses it."""
    return {"name": name, "mimeType": mime, "buffer": content}


def test_a_picture_and_a_document_arrive(enter: Entering, alice: User, bob: User) -> None:
    conversation_id = alice.direct(bob)["id"]
    one, other = enter(alice), enter(bob)
    for person in (one, other):
        person.open(conversation_id)
    text = "A page of notes.\n" * 400
    one.see("upload").set_input_files(
        [named("sunset.png", "image/png", png(640, 400)), named("notes.txt", "text/plain", text.encode())]
    )
    expect(one.page.locator('[data-testid="upload-item"][data-done="true"]')).to_have_count(2)
    one.write("Two files")
    expect(one.see("upload-item")).to_have_count(0)
    picture = other.page.get_by_role("img", name="sunset.png")
    expect(picture).to_be_visible()
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") > 0
    other.page.get_by_role("button", name="Picture sunset.png").click()
    large = other.see("dialog").get_by_role("img", name="sunset.png")
    assert large.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 640
    other.page.keyboard.press("Escape")
    with other.page.expect_download() as download:
        other.page.get_by_role("button", name="Download notes.txt").click()
    assert download.value.suggested_filename == "notes.txt"
    assert download.value.path().read_text() == text


def test_progress_is_shown_and_an_upload_can_be_cancelled(enter: Entering, alice: User, bob: User) -> None:
    person = enter(alice)
    person.open(alice.direct(bob)["id"])
    slow_down(person)
    content = random.Random(1).randbytes(3_000_000)
    person.see("upload").set_input_files([named("large.bin", "application/octet-stream", content)])
    bar = person.see("upload-progress")
    expect(bar).to_be_visible()
    part = "() => { const bar = document.querySelector('progress'); return 0 < bar.value && bar.value < bar.max; }"
    person.page.wait_for_function(part)
    expect(person.see("send")).to_be_disabled()
    expect(person.see("upload-item")).to_have_attribute("data-done", "true")
    assert bar.evaluate("(bar) => bar.value === bar.max")
    expect(person.see("send")).to_be_enabled()
    person.see("send").click()
    expect(person.see("attachment")).to_contain_text("2.9 MB")

    person.see("upload").set_input_files([named("unwanted.bin", "application/octet-stream", content)])
    person.page.wait_for_function(part)
    person.page.get_by_role("button", name="Cancel the upload of unwanted.bin").click()
    expect(person.see("upload-item")).to_have_count(0)
    expect(person.see("toast")).to_have_count(0)


def test_a_file_too_large_or_untrue_is_refused_in_the_servers_words(
    enter: Entering, fresh_server: ServerFactory
) -> None:
    api = Api(fresh_server(UPLOAD_MAX_MB="0.1"))
    alice, bob = api.register(), api.register()
    person = enter(alice)
    person.open(alice.direct(bob)["id"])
    person.guest.expect_complaint("status of 413")
    person.see("upload").set_input_files([named("large.bin", "application/octet-stream", bytes(3_000_000))])
    expect(person.see("toast")).to_contain_text("at most 0.1 MiB")
    person.guest.expect_complaint("status of 415")
    person.see("upload").set_input_files([named("picture.png", "image/png", b"not a picture at all")])
    expect(person.see("toast").last).to_contain_text("image/png, but it is not")
    expect(person.see("upload-item")).to_have_count(0)
    expect(person.write("Without files, then")).to_have_attribute("data-status", "sent")
    api.close()
