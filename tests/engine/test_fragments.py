"""Messages in pieces, with whatever may come between them."""

from __future__ import annotations

import json

import pytest

from tests.engine.test_frames import masked
from tests.engine.test_limits import await_bytes, plain_socket, until_closed
from tests.support.api import User
from tests.support.server import ServerProcess

PING, BINARY, CONTINUED = 0x9, 0x2, 0x0


def pieces(payload: bytes, opcode: int, size: int, between: bytes = b"") -> bytes:
    """A message in frames of `size` bytes."""
    cut = [payload[start : start + size] for start in range(0, len(payload), size)]
    frames = [
        masked(piece, CONTINUED if number else opcode, final=number == len(cut) - 1) for number, piece in enumerate(cut)
    ]
    return between.join(frames)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_in_pieces_arrives_whole_and_control_frames_are_answered_between(
    server: ServerProcess, alice: User, size: int
) -> None:
    content = "é" * 500
    event = f'42["echo",{json.dumps(content, ensure_ascii=False)}]'.encode()
    with plain_socket(server, alice) as connection:
        connection.sendall(pieces(event, 0x1, size, between=masked(b"there?", PING)))
        heard = await_bytes(connection, content.encode())
        assert heard.count(b"\x8a\x06there?") == -(-len(event) // size) - 1
        assert heard.index(b"\x8a\x06there?") < heard.index(b"echo-response") if size < len(event) else True


def test_attachments_in_pieces_arrive_whole(server: ServerProcess, alice: User) -> None:
    first, second = bytes(range(256)) * 40, b"\x00" * 70_000
    places = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
    with plain_socket(server, alice) as connection:
        connection.sendall(pieces(f'452-["echo",[{places}]]'.encode(), 0x1, 10))
        connection.sendall(pieces(first, BINARY, 1013, between=masked(b"", PING)) + pieces(second, BINARY, 9999))
        heard = await_bytes(connection, second)
        assert f'52-["echo-response",[{places}]'.encode() in heard
        assert first in heard


def test_text_is_checked_whole_and_not_by_the_piece(server: ServerProcess, alice: User) -> None:
    """A character may be cut in two; one that is broken closes the connection, with the standard's code for that."""
    with plain_socket(server, alice) as connection:
        connection.sendall(pieces('42["echo","\U0001f600"]'.encode(), 0x1, 1))
        await_bytes(connection, "\U0001f600".encode())
        connection.sendall(masked(b'42["echo","\xf0', final=False) + masked(b'"]', CONTINUED))
        assert until_closed(connection).endswith(b"\x88\x02\x03\xef")


def test_a_close_between_pieces_ends_the_connection_in_order(server: ServerProcess, alice: User) -> None:
    with plain_socket(server, alice) as connection:
        connection.sendall(masked(b'42["echo",', final=False) + masked(b"\x03\xe8", 0x8) + masked(b"1]", CONTINUED))
        heard = until_closed(connection)
        assert heard.endswith(b"\x88\x02\x03\xe8")
        assert b"echo-response" not in heard
