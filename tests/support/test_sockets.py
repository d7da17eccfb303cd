"""The tests' own client."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

from websockets.sync.server import ServerConnection, serve

from tests.support.sockets import Sock


def _close_at_once(connection: ServerConnection) -> None:
    opened = {"sid": "engine", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 20_000}
    connection.send(f"0{json.dumps(opened)}")
    connection.recv()
    connection.send('40{"sid":"socket"}')
    connection.recv()  # only a client that has begun to read and to write says anything more


def test_a_client_whose_server_closes_first_gives_its_socket_back() -> None:
    with serve(_close_at_once, "127.0.0.1", 0) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        port = server.socket.getsockname()[1]
        try:
            client = Sock(SimpleNamespace(url=f"http://127.0.0.1:{port}"))
            tcp = client.client.eio.ws.sock
            client.emit("anything")
            assert client.wait_closed() == "transport error"
            client.close()
            assert tcp.fileno() == -1
        finally:
            server.shutdown()
            serving.join()
