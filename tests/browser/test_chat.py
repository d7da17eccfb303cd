"""Two people at the chat page, each in a browser profile of their own, against the real server."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Entering
from tests.browser.person import Person, exactly
from tests.browser.pictures import png
from tests.conftest import ServerFactory
from tests.support.api import Api, User, unique

Talk = tuple[Person, Person, str]


@pytest.fixture
def talk(enter: Entering, alice: User, bob: User) -> Talk:
    """Alice and Bob with their conversation open, and its id."""
    conversation_id = str(alice.direct(bob)["id"])
    one, other = enter(alice), enter(bob)
    for person in (one, other):
        person.open(conversation_id)
    return one, other, conversation_id


def test_a_newcomer_registers_and_learns_what_was_wrong(enter: Entering) -> None:
    newcomer = enter()
    newcomer.guest.expect_complaint("status of 422")
    newcomer.fill_in_registration(unique("ada"), shown="Ada Lovelace", password="short")
    expect(newcomer.see("form-error")).to_be_visible()
    expect(newcomer.see("register-password")).to_have_attribute("aria-invalid", "true")
    newcomer.see("register-password").fill("a longer password")
    newcomer.see("register-submit").click()
    expect(newcomer.see("first-run")).to_contain_text("Ada Lovelace")
    newcomer.page.reload()
    expect(newcomer.see("me")).to_contain_text("Ada Lovelace")


def test_a_wrong_password_is_refused_and_logging_out_ends_the_session(enter: Entering, alice: User) -> None:
    person = enter(alice)
    spent = person.session()["refreshToken"]
    person.see("logout").click()
    person.guest.expect_complaint("status of 401")
    person.see("login-username").fill(alice.username)
    person.see("login-password").fill("not the password")
    person.see("login-submit").click()
    expect(person.see("form-error")).to_be_visible()
    assert person.session() is None
    alice.refused("POST", "/auth/refresh", {"refreshToken": spent}, status=401, error="token_invalid")
    person.log_in(alice)


def test_people_find_each_other_and_talk(enter: Entering, alice: User, bob: User) -> None:
    one, other = enter(alice), enter(bob)
    one.see("user-search").fill(bob.username)
    one.see("user-result").click()
    expect(one.see("thread-title")).to_have_text("Bob")
    said = one.write("Hello Bob")
    expect(said).to_have_attribute("data-status", "delivered")
    expect(other.see("unread")).to_have_text("1")
    expect(other.page).to_have_title("(1) Parley")
    other.see("conversation-item").click()
    expect(other.message("Hello Bob")).to_be_visible()
    expect(other.see("unread")).to_have_count(0)
    expect(other.page).to_have_title("Parley")
    other.write("Hello Alice")
    expect(one.message("Hello Alice")).to_be_visible()
    assert one.texts() == other.texts() == ["Hello Bob", "Hello Alice"]


def test_nobody_by_that_name_is_said_so(enter: Entering, alice: User) -> None:
    person = enter(alice)
    person.see("user-search").fill(unique("nobody"))
    expect(person.page.get_by_text("Nobody is called")).to_be_visible()
    expect(person.see("user-result")).to_have_count(0)


def test_ticks_go_from_sent_to_delivered_to_read(enter: Entering, alice: User, bob: User) -> None:
    conversation_id = alice.direct(bob)["id"]
    one = enter(alice)
    one.open(conversation_id)
    said = one.write("Are you there?")
    expect(said).to_have_attribute("data-status", "sent")
    expect(said.get_by_label("Sent")).to_be_visible()
    other = enter(bob)
    expect(said).to_have_attribute("data-status", "delivered")
    expect(said.get_by_label("Delivered")).to_be_visible()
    other.open(conversation_id)
    expect(said).to_have_attribute("data-status", "read")
    expect(said.get_by_label("Read")).to_be_visible()
    one.page.reload()
    expect(said).to_have_attribute("data-status", "read")


TYPE_AND_ENTER = """() => {
    const box = document.querySelector('[data-testid=composer]');
    box.value = 'Said at once';
    box.dispatchEvent(new InputEvent('input', { bubbles: true }));
    for (let again = 0; again < 2; again++)
        box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
}"""


def test_enter_right_behind_the_text_sends_it_once(talk: Talk) -> None:
    """Both before the page is drawn again: what was drawn last is not what was written."""
    one, other, _ = talk
    one.page.evaluate(TYPE_AND_ENTER)
    expect(one.message("Said at once")).to_have_attribute("data-status", re.compile("sent|delivered|read"))
    expect(one.see("composer")).to_have_value("")
    expect(other.message("Said at once")).to_be_visible()
    one.write("And then")
    expect(other.message("And then")).to_be_visible()
    assert other.texts() == ["Said at once", "And then"]


def test_typing_shows_while_it_lasts(talk: Talk) -> None:
    one, other, conversation_id = talk
    one.see("composer").press_sequentially("I am")
    expect(other.see("typing")).to_have_text("Alice is typing…")
    expect(other.item(conversation_id)).to_contain_text("typing…")
    one.see("composer").fill("")
    expect(other.see("typing")).to_be_hidden()
    one.see("composer").press_sequentially("I am here")
    expect(other.see("typing")).to_be_visible()
    one.see("composer").press("Enter")
    expect(other.message("I am here")).to_be_visible()
    expect(other.see("typing")).to_be_hidden()
    expect(one.see("typing")).to_be_hidden()


def test_presence_follows_the_last_window_of_the_other(enter: Entering, fresh_server: ServerFactory) -> None:
    server = fresh_server(PRESENCE_GRACE="0.2")
    api = Api(server)
    alice, bob = api.register(displayName="Alice"), api.register(displayName="Bob")
    conversation_id = alice.direct(bob)["id"]
    one = enter(alice)
    one.open(conversation_id)
    expect(one.see("presence")).not_to_have_attribute("data-status", "online")
    first, second = enter(bob), enter(bob)
    expect(one.see("presence")).to_have_text("online")
    first.guest.close()
    second.open(conversation_id)
    expect(second.see("presence")).to_have_text("online")
    expect(one.see("presence")).to_have_text("online")
    second.guest.close()
    expect(one.see("presence")).to_have_text("last seen just now")
    api.close()


def test_reactions_count_and_are_taken_back(talk: Talk) -> None:
    one, other, _ = talk
    one.write("Cake at four")
    seen = other.message("Cake at four")
    seen.hover()
    seen.get_by_test_id("react").click()
    other.page.locator('[data-testid="react-option"][data-emoji="🎉"]').click()
    badge = one.message("Cake at four").get_by_test_id("reaction")
    expect(badge).to_have_attribute("data-count", "1")
    expect(badge).to_have_attribute("aria-pressed", "false")
    badge.click()
    expect(seen.get_by_test_id("reaction")).to_have_attribute("data-count", "2")
    expect(badge).to_have_attribute("aria-pressed", "true")
    for person in (one, other):
        person.message("Cake at four").get_by_test_id("reaction").click()
    expect(badge).to_have_count(0)
    expect(seen.get_by_test_id("reaction")).to_have_count(0)


def test_an_edit_reaches_the_other_and_is_marked(talk: Talk) -> None:
    one, other, conversation_id = talk
    said = one.write("See you at fore")
    expect(other.message("See you at fore").get_by_test_id("edit")).to_have_count(0)
    said.hover()
    said.get_by_test_id("edit").click()
    one.see("edit-input").fill("See you at four")
    one.see("edit-input").press("Enter")
    for person in (one, other):
        expect(person.message("See you at four").get_by_test_id("edited")).to_be_visible()
        expect(person.item(conversation_id)).to_contain_text("See you at four")
    assert one.texts() == other.texts() == ["See you at four"]
    one.see("composer").press("ArrowUp")
    expect(one.see("edit-input")).to_have_value("See you at four")
    one.see("edit-input").press("Escape")
    expect(one.message("See you at four")).to_be_visible()


def test_a_deleted_message_leaves_its_tombstone(talk: Talk) -> None:
    one, other, conversation_id = talk
    said = one.write("Not meant for you")
    expect(other.message("Not meant for you")).to_be_visible()
    said.hover()
    said.get_by_test_id("delete").click()
    one.see("confirm-cancel").click()
    expect(said).to_be_visible()
    said.hover()
    said.get_by_test_id("delete").click()
    one.confirm()
    for person in (one, other):
        expect(person.see("tombstone")).to_have_count(1)
        expect(person.item(conversation_id)).to_contain_text("Message deleted")
        person.page.reload()
        expect(person.see("tombstone")).to_have_count(1)
        assert "Not meant" not in person.page.content()


def test_a_group_is_made_renamed_left_and_deleted(enter: Entering, alice: User, bob: User, carol: User) -> None:
    one, two, three = enter(alice), enter(bob), enter(carol)
    one.see("new-group").click()
    one.see("group-title").fill("Engine room")
    for user in (bob, carol):
        one.see("group-search").fill(user.username)
        one.see("group-person").click()
    one.see("group-create").click()
    expect(one.see("thread-title")).to_have_text("Engine room")
    said = one.write("Welcome, both")
    for person in (two, three):
        expect(person.see("unread")).to_have_text("1")
    two.see("conversation-item").click()
    expect(two.message("Welcome, both")).to_contain_text("Alice")
    expect(said).to_have_attribute("data-status", "delivered")
    three.see("conversation-item").click()
    expect(said).to_have_attribute("data-status", "read")

    one.see("conversation-settings").click()
    one.see("rename-input").fill("Boiler room")
    one.see("rename-save").click()
    for person in (one, two, three):
        expect(person.see("thread-title")).to_have_text("Boiler room")

    one.see("participant").filter(has_text="Carol").get_by_test_id("participant-remove").click()
    one.confirm()
    expect(three.see("toast")).to_contain_text("no longer in “Boiler room”")
    expect(three.see("conversation-item")).to_have_count(0)
    expect(two.see("presence")).to_contain_text("2 people")
    one.see("conversation-settings").click()
    one.see("add-person").fill(carol.username)
    one.see("group-person").click()
    expect(three.see("conversation-item")).to_have_count(1)
    expect(one.see("participant")).to_have_count(3)
    one.page.keyboard.press("Escape")

    two.see("conversation-settings").click()
    expect(two.see("group-delete")).to_have_count(0)
    two.see("group-leave").click()
    two.confirm()
    expect(two.see("conversation-item")).to_have_count(0)
    one.see("conversation-settings").click()
    one.see("group-delete").click()
    one.confirm()
    for person in (one, three):
        expect(person.see("conversation-item")).to_have_count(0)


def test_older_messages_come_page_by_page_each_once(enter: Entering, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    said = [f"line {number}" for number in range(1, 121)]
    for text in said:
        bob.say(conversation, text)
    person = enter(alice)
    expect(person.see("unread")).to_have_text("99+")
    person.open(conversation["id"])
    expect(person.message("line 120")).to_be_in_viewport()
    assert person.texts() == said[-50:]
    expect(person.see("unread")).to_have_count(0)
    for newest_of_page, oldest in ((70, 21), (20, 1)):
        person.see("message").first.scroll_into_view_if_needed()
        expect(person.message(f"line {oldest}")).to_be_attached()
        expect(person.message(f"line {newest_of_page + 1}")).to_be_in_viewport()
    assert person.texts() == said
    expect(person.see("history-start")).to_be_attached()
    bob.say(conversation, "line 121")
    expect(person.message("line 121")).to_be_attached()
    expect(person.message("line 121")).not_to_be_in_viewport()
    person.see("to-end").click()
    expect(person.message("line 121")).to_be_in_viewport()


def test_a_new_shown_name_reaches_those_who_talk_with_one(talk: Talk) -> None:
    one, other, _ = talk
    one.see("me").click()
    one.see("profile-name").fill("Alice Liddell")
    one.see("profile-save").click()
    expect(one.see("me")).to_contain_text("Alice Liddell")
    expect(other.see("thread-title")).to_have_text("Alice Liddell")


def test_the_address_names_the_open_conversation(talk: Talk) -> None:
    one, _, conversation_id = talk
    expect(one.page).to_have_url(re.compile(f"#/c/{conversation_id}$"))
    one.page.go_back()
    expect(one.see("composer")).to_have_count(0)
    one.page.go_forward()
    expect(one.see("thread-title")).to_have_text("Bob")


def test_on_a_narrow_screen_list_and_thread_take_turns(enter: Entering, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    files = {"file": ("wide.png", png(1200, 300), "image/png"), "conversationId": (None, conversation["id"])}
    picture = bob.answer("POST", "/upload", status=201, files=files)
    bob.say(conversation, "One very long word: " + "x" * 300, attachmentIds=[picture["id"]])
    person = enter(alice, viewport={"width": 390, "height": 780}, color_scheme="dark")
    expect(person.see("conversation-list")).to_be_visible()
    person.open(conversation["id"])
    expect(person.see("conversation-list")).to_be_hidden()
    expect(person.page.get_by_role("img", name="wide.png")).to_be_in_viewport(ratio=1)
    assert person.page.evaluate("document.documentElement.scrollWidth") == 390
    said = person.write("In a narrow window")
    said.hover()
    for tool in ("react", "edit", "delete"):
        expect(said.get_by_test_id(tool)).to_be_in_viewport(ratio=1)
    person.see("back").click()
    expect(person.see("conversation-list")).to_be_visible()
    expect(person.see("composer")).to_have_count(0)


def test_two_windows_of_one_person_agree(enter: Entering, alice: User, bob: User) -> None:
    conversation = alice.direct(bob)
    bob.say(conversation, "To both of your windows")
    first, second = enter(alice), enter(alice)
    expect(second.see("unread")).to_have_text("1")
    first.open(conversation["id"])
    expect(second.see("unread")).to_have_count(0)
    first.write("From the first")
    second.open(conversation["id"])
    expect(second.message("From the first")).to_have_attribute("data-own", "true")
    second.write("From the second")
    expect(first.see("content").last).to_have_text(exactly("From the second"))
    assert first.texts() == second.texts() == ["To both of your windows", "From the first", "From the second"]
