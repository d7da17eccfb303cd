"""`flask shell` beside a running server, without Redis: what it says, and that browsers hear what is done in it."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterator

import pytest

from tests.conftest import ServerFactory, SockFactory
from tests.support.api import Api, User
from tests.support.flask import flask
from tests.support.postgres import Postgres
from tests.support.processes import Child
from tests.support.server import ServerProcess
from tests.support.sockets import Sock
from tests.support.valkey import Valkey

COMPARED_SECONDS = 1.0
"""After which a room is compared with the database in any case (realtime/rooms.py)."""


class Shell:
    """A `flask shell` that stays open: a line is typed into it at a time."""

    def __init__(self, server: ServerProcess) -> None:
        env = {**server.env, "PYTHONWARNINGS": "ignore"}
        self._child = Child([sys.executable, "-m", "flask", "--app", "app", "shell"], env=env, stdin=True)
        self._asked = 0

    def greeting(self) -> list[str]:
        """What it shows before the first line is typed."""
        assert self._child.err.wait_for("^Instance: ", timeout=30), self.text()
        return self._child.err.lines()

    def value(self, expression: str) -> object:
        """What an expression comes to, which must be a literal of Python's."""
        self._asked += 1
        self._child.write_line(f"print('value', {self._asked}, repr({expression}), flush=True)")
        found = self._child.out.wait_for(rf"value {self._asked} (.*)$", timeout=30)
        assert found, self.text()
        return ast.literal_eval(found[1])

    def do(self, line: str) -> None:
        """Type a line, and wait until it has run."""
        self._child.write_line(line)
        self.value("0")
        assert "Traceback" not in self._child.err.text(), self.text()

    def text(self) -> str:
        """All that it wrote."""
        return f"{self._child.out.text()}\n{self._child.err.text()}"

    def close(self) -> None:
        """The end of its input ends it."""
        assert self._child.process.stdin
        self._child.process.stdin.close()
        assert self._child.wait(30) == 0


@pytest.fixture
def shell(server: ServerProcess) -> Iterator[Shell]:
    """A shell beside the shared server."""
    opened = Shell(server)
    opened.greeting()
    yield opened
    opened.close()


def test_the_first_screen_says_what_is_at_hand(shell: Shell, server: ServerProcess) -> None:
    first = shell.greeting()[:3]
    named = ("models", "services", "schemas", "db", "socketio", "settings", "emit")
    assert all(name in first[0] for name in named)
    assert 'emit("app:notice", DATA, to_user=NAME)' in first[1]
    assert first[2] == f"Browsers are reached through the server on port {server.port}."
    assert [shell.value(f"{name}.__name__") for name in ("services.tokens", "schemas.sync", "models.Message")] == [
        "services.tokens",
        "schemas.sync",
        "Message",
    ]
    assert shell.value("db.session.query(models.User).count() > -1")
    assert shell.value("settings.host") == server.host


def send(conversation_id: str, content: str) -> str:
    """The draft of a message, as it is typed."""
    return (
        f"schemas.messages.SendMessage(conversation_id={conversation_id!r}, content={content!r}, temp_id={content!r})"
    )


@pytest.mark.core
def test_what_services_change_reaches_browsers_within_a_moment(
    shell: Shell, alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    """Quicker than the comparison with the database, which would tell it too, each message a round later."""
    group = alice.group(bob)
    his, hers = sock(bob, auto_join=True), sock(carol, auto_join=True)
    began = time.monotonic()
    for number in range(5):
        shell.do(f"sent = services.messages.send({alice.id!r}, {send(group['id'], str(number))})")
        his.wait_count("message:new", number + 1)
    assert time.monotonic() - began < 5 * COMPARED_SECONDS / 2
    assert shell.value(f"services.messages.send({alice.id!r}, {send(group['id'], '4')}).duplicate") is True
    shell.do("message_id = sent.message['id']")
    shell.do(f"services.messages.edit({alice.id!r}, message_id, schemas.messages.EditMessage(content='edited'))")
    assert his.wait_for("message:updated")["content"] == "edited"
    body = f"schemas.conversations.AddParticipant(user_id={carol.id!r})"
    shell.do(f"services.participants.add({alice.id!r}, {group['id']!r}, {body})")
    assert hers.wait_for("conversation:new")["id"] == group["id"]
    his.wait_for("conversation:participant-added")
    shell.do(f"services.messages.delete({alice.id!r}, message_id)")
    for each in (his, hers):
        each.wait_for("message:deleted")
    shell.do(f"services.users.update_me({alice.id!r}, schemas.users.UpdateMe(display_name='Alice A.'))")
    assert his.wait_for("user:updated")["displayName"] == "Alice A."
    his.settle()
    assert [message["seq"] for message in his.events("message:new")] == [1, 2, 3, 4, 5]
    assert (his.count("message:updated"), his.count("message:deleted")) == (1, 1)


def events(sock: Sock) -> list[object]:
    """The data of all `app:notice` so far; then they are forgotten."""
    sock.settle()
    found = sock.events("app:notice")
    sock.clear()
    return found


@pytest.mark.core
def test_emit_reaches_whom_it_names(shell: Shell, alice: User, bob: User, carol: User, sock: SockFactory) -> None:
    conversation = alice.direct(bob)
    socks = [sock(user, auto_join=True) for user in (alice, bob, carol)]
    calls = [
        (f"to_user={bob.username!r}", [0, 1, 0]),
        (f"to_user={bob.id!r}", [0, 1, 0]),
        (f"to_user=db.session.get(models.User, {bob.id!r})", [0, 1, 0]),
        (f"conversation={conversation['id']!r}", [1, 1, 0]),
        (f"conversation=db.session.get(models.Conversation, {conversation['id']!r})", [1, 1, 0]),
        ("everyone=True", [1, 1, 1]),
    ]
    for target, hearing in calls:
        assert shell.value(f"emit('app:notice', {{'text': 'Hello'}}, {target})") is True
        assert [len(events(each)) for each in socks] == hearing, target


def test_flask_socketios_own_emit_reaches_browsers_too(
    shell: Shell, alice: User, bob: User, carol: User, sock: SockFactory
) -> None:
    conversation = alice.direct(bob)
    socks = [sock(user, auto_join=True) for user in (alice, bob, carol)]
    calls = [
        (f"1, to={conversation['id']!r}", [[1], [1], []]),
        (f"2, room={conversation['id']!r}, skip_sid={socks[0].sid!r}", [[], [2], []]),
        (f"3, to={socks[2].sid!r}", [[], [], [3]]),
        ("{'to': 'all'}", [[{"to": "all"}]] * 3),
    ]
    for arguments, hearing in calls:
        shell.do(f"socketio.emit('app:notice', {arguments})")
        assert [events(each) for each in socks] == hearing, arguments


BAD = [
    ("emit('notice', 1, everyone=True)", "event: must begin with app: and a name"),
    ("emit('app:x', 1)", "to: give exactly one of conversationId, userId and all"),
    ("emit('app:x', 1, everyone=True, to_user='a')", "to: give exactly one"),
    ("emit('app:x', 1, to_user='nobody-at-all')", "User nobody-at-all not found"),
    ("emit('app:x', 1, conversation='nowhere')", "to.conversationId: Conversation not found"),
    ("emit('app:x', 'x' * 70_000, everyone=True)", "data: at most 65536 bytes of JSON"),
    ("emit('app:x', object(), everyone=True)", "data: must be JSON"),
]


def test_what_is_wrong_with_an_event_is_said_in_a_sentence(server: ServerProcess) -> None:
    written = flask(server, "shell", stdin="\n".join(call for call, _ in BAD) + "\n").stderr
    told = [line for line in written.splitlines() if line.startswith("ValueError: ")]
    assert len(told) == len(BAD)
    for line, (call, sentence) in zip(told, BAD, strict=True):
        assert line.startswith(f"ValueError: {sentence}"), call


def test_a_piped_shell_beside_no_server_stores_and_wastes_no_time(fresh_server: ServerFactory) -> None:
    server = fresh_server()
    api = Api(server)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    assert server.stop() == 0
    lines = [
        "import time; began = time.monotonic()",
        *(f"x = services.messages.send({alice.id!r}, {send(conversation['id'], str(number))})" for number in range(20)),
        "print('heard', emit('app:notice', 1, everyone=True))",
        "print('quick', time.monotonic() - began < 5)",
    ]
    done = flask(server, "shell", stdin="\n".join(lines) + "\n")
    assert "heard False" in done.stdout
    assert "quick True" in done.stdout
    assert "No server of this DATA_DIR runs here" in done.stderr.splitlines()[2]
    server.start()
    assert alice.answer("GET", f"/conversations/{conversation['id']}")["seq"] == 20
    api.close()


def test_with_redis_a_shell_reaches_every_node(fresh_server: ServerFactory, postgres: Postgres, valkey: Valkey) -> None:
    """Also the one that is not on its machine, which a DATA_DIR of another name stands for."""
    url = postgres.database()
    near, far = (fresh_server(DATABASE_URL=url, REDIS_URL=valkey.url) for _ in range(2))
    api = Api(near)
    alice, bob = api.register(), api.register()
    conversation = alice.direct(bob)
    with Sock(near, alice.token, auto_join=True) as hers, Sock(far, bob.token, auto_join=True) as his:
        lines = [
            "emit('app:notice', 1, everyone=True)",
            f"emit('app:notice', 2, conversation={conversation['id']!r})",
            f"socketio.emit('app:notice', 3, to={conversation['id']!r})",
            f"sent = services.messages.send({alice.id!r}, {send(conversation['id'], 'From the shell')})",
        ]
        done = flask(near, "shell", stdin="\n".join(lines) + "\n")
        assert done.stderr.splitlines()[2] == "Browsers are reached through REDIS_URL."
        for each in (hers, his):
            assert each.wait_for("message:new")["content"] == "From the shell"
            assert each.wait_count("app:notice", 3) == [1, 2, 3]
    api.close()


def test_a_script_of_ones_own_reaches_browsers(
    server: ServerProcess, alice: User, bob: User, sock: SockFactory
) -> None:
    """A cron job, say: no `flask` command, only the application."""
    conversation = alice.direct(bob)
    his = sock(bob, auto_join=True)
    script = "\n".join(
        [
            "from app import create_app",
            "from schemas.messages import SendMessage",
            "from services import messages",
            "with create_app().app_context():",
            f"    draft = SendMessage(conversation_id={conversation['id']!r}, content='Good night')",
            f"    messages.send({alice.id!r}, draft)",
        ]
    )
    child = Child([sys.executable, "-c", script], env={**server.env, "PYTHONWARNINGS": "ignore"})
    assert child.wait(30) == 0, child.err.text()
    assert his.wait_for("message:new", timeout=COMPARED_SECONDS / 2)["content"] == "Good night"
