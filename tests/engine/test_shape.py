"""The engine stands on the insides of libraries: this fails where one of them is no longer what it was built on.

docs/engine.md says, for each, what to check before its fingerprint here is renewed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Iterator
from typing import Any

import engineio
import eventlet.green.ssl
import eventlet.greenio
import eventlet.hubs.hub
import eventlet.hubs.poll
import eventlet.tpool
import eventlet.wsgi
import flask_socketio
import pytest
import socketio

from engine import SocketIO
from engine.connection import Connection
from engine.manager import Manager
from engine.namespace import EventNamespace
from engine.packets import Packet
from engine.readable import Server as EngineServer
from engine.readable import Socket
from engine.remote import FastRemote, Remote, StockRemote
from engine.server import Server
from engine.transport import Transport
from runtime.hub import Hub
from tests.support.processes import PROJECT

OURS: tuple[type[Any], ...] = (
    *(Socket, Connection, EngineServer, Transport, Server, Manager, Remote, FastRemote, StockRemote),
    *(Packet, SocketIO, EventNamespace, Hub),
)

LIBRARIES = {
    "python-engineio": "engineio",
    "python-socketio": "socketio",
    "Flask-SocketIO": "flask_socketio",
    "eventlet": "eventlet",
}

FINGERPRINTS = {
    "eventlet.hubs.poll:Hub.wait": "691d0ecab34b",
    "engineio.base_server:BaseServer._bad_request": "af66afac6f6c",
    "engineio.base_server:BaseServer._cors_allowed_origins": "d0cad0c66d53",
    "engineio.base_server:BaseServer._cors_headers": "da3a25b43052",
    "engineio.base_server:BaseServer._ok": "b8f717402eac",
    "engineio.base_server:BaseServer.generate_id": "b6a591454237",
    "engineio.base_socket:BaseSocket.__init__": "8532b631a4dc",
    "engineio.packet:Packet.decode": "18e27ff7fd56",
    "engineio.packet:Packet.encode": "8f3d5d869711",
    "engineio.server:Server._handle_connect": "049f7c2b2c23",
    "engineio.server:Server._trigger_event": "bc536417c304",
    "engineio.server:Server.disconnect": "3f5faf6e405f",
    "engineio.server:Server.handle_request": "79302edd007f",
    "engineio.socket:Socket._upgrade_websocket": "02f6ac054416",
    "engineio.socket:Socket._websocket_handler": "58afe1227192",
    "engineio.socket:Socket.check_ping_timeout": "ccddc110d983",
    "engineio.socket:Socket.close": "05fac5583199",
    "engineio.socket:Socket.handle_get_request": "d45c0d8f9884",
    "engineio.socket:Socket.handle_post_request": "5be8170455a3",
    "engineio.socket:Socket.poll": "d7d705066fd3",
    "engineio.socket:Socket.receive": "4126eb2537d0",
    "engineio.socket:Socket.schedule_ping": "fe316639159c",
    "engineio.socket:Socket.send": "f8b2738ee5d4",
    "flask_socketio.namespace:Namespace.trigger_event": "99752624acf7",
    "flask_socketio:SocketIO.init_app": "12a3a6c8e896",
    "socketio.base_manager:BaseManager.basic_disconnect": "2933b50bc4b2",
    "socketio.base_manager:BaseManager.basic_enter_room": "3f509586d2d7",
    "socketio.base_manager:BaseManager.basic_leave_room": "e27f3eea06d1",
    "socketio.base_manager:BaseManager.eio_sid_from_sid": "b0c0aeb5430d",
    "socketio.base_manager:BaseManager.get_participants": "7d78ad681c95",
    "socketio.base_manager:BaseManager.get_rooms": "56a1017f85af",
    "socketio.base_manager:BaseManager.is_connected": "d37721466718",
    "socketio.base_manager:BaseManager.pre_connect": "bfdba4c0c8f1",
    "socketio.base_manager:BaseManager.pre_disconnect": "18a8d01ed87a",
    "socketio.base_manager:BaseManager.sid_from_eio_sid": "15467098a36b",
    "socketio.base_server:BaseServer.__init__": "6b998e091b34",
    "socketio.manager:Manager.emit": "566510ea2de3",
    "socketio.packet:Packet._reconstruct_binary_internal": "dd2f80dad101",
    "socketio.packet:Packet.add_attachment": "01e024038f3d",
    "socketio.packet:Packet.encode": "513c45be7518",
    "socketio.pubsub_manager:PubSubManager._handle_callback": "b637c31d8f5a",
    "socketio.pubsub_manager:PubSubManager._handle_close_room": "5b06fc1b87c6",
    "socketio.pubsub_manager:PubSubManager._handle_disconnect": "8971003e0ed1",
    "socketio.pubsub_manager:PubSubManager._handle_emit": "f1fb64e2d841",
    "socketio.pubsub_manager:PubSubManager._handle_enter_room": "f4a5a3619d98",
    "socketio.pubsub_manager:PubSubManager._handle_leave_room": "4770a107c5a2",
    "socketio.pubsub_manager:PubSubManager._publish": "2c3f9cd033dc",
    "socketio.pubsub_manager:PubSubManager.emit": "d26eb5218961",
    "socketio.pubsub_manager:PubSubManager.enter_room": "4401b6e6752d",
    "socketio.pubsub_manager:PubSubManager.initialize": "e8a2b026ecea",
    "socketio.pubsub_manager:PubSubManager.leave_room": "d94aea421110",
    "socketio.server:Server._engineio_server_class": "8d7e7034b245",
    "socketio.server:Server._handle_connect": "1b0ba130a57d",
    "socketio.server:Server._handle_disconnect": "fb93d61de8cb",
    "socketio.server:Server._handle_eio_disconnect": "5c0002fcdb35",
    "socketio.server:Server._handle_eio_message": "65f309c138d6",
    "socketio.server:Server._handle_event": "3f64c030f25e",
    "socketio.server:Server._handle_event_internal": "37e1c84a6974",
    "socketio.server:Server._send_eio_packet": "5fa452fb118c",
    "socketio.server:Server._send_packet": "3289b949be8c",
}
"""Of the source, signature included, of everything that is overridden, and of what it calls that is not public."""

PAGE = (PROJECT / "docs" / "engine.md").read_text()


def stock(name: str) -> Any:
    """A function of a library by its dotted name."""
    module, names = name.split(":")
    found: Any = importlib.import_module(module)
    for part in names.split("."):
        found = inspect.getattr_static(found, part)
    return found.__func__ if isinstance(found, (classmethod, staticmethod)) else found


def fingerprint(name: str) -> str:
    """Twelve digits that change with its source."""
    return hashlib.sha256(inspect.getsource(stock(name)).encode()).hexdigest()[:12]


def overridden(ours: type[Any]) -> Iterator[str]:
    """What a class of ours replaces of a library's."""
    for name in vars(ours):
        if name.startswith("__"):
            continue
        for base in ours.__mro__[1:]:
            if name in vars(base) and base.__module__.split(".")[0] in LIBRARIES.values():
                yield f"{base.__module__}:{base.__qualname__}.{name}"
                break


@pytest.mark.parametrize("ours", OURS, ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_what_is_overridden_is_watched(ours: type[Any]) -> None:
    assert [name for name in overridden(ours) if name not in FINGERPRINTS] == []


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_what_the_engine_is_built_on_is_what_it_was(name: str) -> None:
    assert fingerprint(name) == FINGERPRINTS[name], f"{name} has changed: see docs/engine.md, 'An upgrade'"


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_page_names_what_is_watched(name: str) -> None:
    function = name.rpartition(":")[2].rpartition(".")[2]
    assert re.search(rf"`{re.escape(function)}`", PAGE), f"docs/engine.md does not name {function}"


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_page_names_the_pinned_versions(library: str) -> None:
    pinned = re.search(rf"^{library}==(\S+)$", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    assert re.search(rf"^\| {library} \| {re.escape(pinned[1])} \|", PAGE, re.MULTILINE)
    assert importlib.metadata.version(library) == pinned[1]


def test_every_file_of_the_engine_is_on_the_page() -> None:
    names = {path.name for path in (PROJECT / "engine").glob("*.py")} - {"__init__.py"}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_the_attributes_that_are_read_are_there() -> None:
    server = engineio.Server(async_mode="threading", monitor_clients=False)
    session = engineio.socket.Socket(server, "sid")
    for name in ("sid", "queue", "last_ping", "connected", "upgrading", "upgraded", "closing", "closed"):
        assert hasattr(session, name), name
    for name in ("sockets", "handlers", "transports", "start_service_task", "cors_allowed_origins", "reason"):
        assert hasattr(server, name), name
    above = socketio.Server(async_mode="threading", monitor_clients=False)
    for name in ("eio", "manager", "packet_class", "_binary_packet", "handlers", "namespace_handlers", "namespaces"):
        assert hasattr(above, name), name
    for name in ("rooms", "callbacks", "pending_connect", "pending_disconnect"):
        assert hasattr(above.manager, name), name


def test_the_names_that_are_replaced_are_looked_up_where_they_are_replaced() -> None:
    """There is no argument for them: `socket.Socket` in python-engineio, `socketio.Server` in Flask-SocketIO."""
    assert "socket.Socket(self, sid)" in inspect.getsource(engineio.Server._handle_connect)
    assert "socketio.Server(**" in inspect.getsource(flask_socketio.SocketIO.init_app)
    assert flask_socketio.socketio is socketio


def test_eventlet_keeps_its_side() -> None:
    hub = eventlet.hubs.hub.BaseHub
    for name in ("add", "remove", "mark_as_reopened", "schedule_call_global", "switch"):
        assert callable(getattr(hub, name)), name
    assert list(inspect.signature(hub.add).parameters) == ["self", "evtype", "fileno", "cb", "tb", "mark_as_closed"]
    idle = hub()
    assert (idle.next_timers, idle.timers) == ([], [])
    idle.schedule_call_global(0, int)
    assert len(idle.next_timers) == 1
    idle.prepare_timers()
    assert idle.timers[0][0] <= idle.clock()
    assert "already_handled" in inspect.getsource(eventlet.wsgi.HttpProtocol.handle_one_response)
    assert {"max_size", "log_output", "debug", "keepalive"} <= inspect.signature(eventlet.wsgi.server).parameters.keys()
    assert callable(eventlet.wsgi.Input.get_socket)
    assert callable(eventlet.tpool.execute)
    assert not hasattr(eventlet.green.ssl.GreenSSLSocket, "fd"), "a TLS socket would be taken for a plain one"
    assert "self.fd = fd" in inspect.getsource(eventlet.greenio.GreenSocket.__init__)
