"""WebSocket frames: whatever way the bytes are cut, and whatever is wrong with them."""

from __future__ import annotations

import random

import pytest

from engine.frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    FrameError,
    FrameReader,
    _unmask_in_python,
    frame,
    handshake,
    unmask,
)

LIMIT = 100_000


def masked(payload: bytes, opcode: int = TEXT, *, final: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A frame as clients send it."""
    size = len(payload)
    head = bytes(((0x80 if final else 0) | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 65536:
        head += bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def read(data: bytes, step: int | None = None) -> list[tuple[int, bytes]]:
    """All messages, the bytes fed in steps."""
    reader = FrameReader(LIMIT)
    step = step or max(1, len(data))
    return [message for start in range(0, len(data), step) for message in reader.feed(data[start : start + step])]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, LIMIT])
@pytest.mark.parametrize("step", [None, 1, 7, 4096])
def test_messages_of_every_size_arrive_however_they_are_cut(size: int, step: int | None) -> None:
    payload = random.Random(size).randbytes(size)
    if step == 1 and size > 1000:
        step = 1013
    data = masked(payload) + masked(b"next", BINARY)
    assert read(data, step) == [(TEXT, payload), (BINARY, b"next")]


@pytest.mark.parametrize("size", [1, 125, 126, 65535])
def test_one_whole_text_is_read_at_once_and_nothing_else_is(size: int) -> None:
    payload = random.Random(size).randbytes(size)
    whole = masked(payload)
    assert FrameReader(LIMIT).whole_text(whole) == payload
    others = [whole[:-1], whole + b"\x81", masked(payload, BINARY), masked(payload, final=False), frame(payload)]
    assert [FrameReader(LIMIT).whole_text(other) for other in others] == [None] * len(others)
    assert FrameReader(size - 1).whole_text(whole) is None, "too large: `feed` says so"
    begun = FrameReader(LIMIT)
    assert list(begun.feed(masked(b"a", final=False))) == []
    assert begun.whole_text(whole) is None, "a fragmented message is under way"


def test_fragments_become_one_message_with_control_frames_between() -> None:
    data = masked(b"a", final=False) + masked(b"ping", PING) + masked(b"b", 0, final=False) + masked(b"c", 0)
    assert read(data) == [(PING, b"ping"), (TEXT, b"abc")]


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x05hello" + b"\x00" * 8,  # not masked
        masked(b"x", TEXT | 0x40),  # a reserved bit
        masked(b"x", 0x3),  # an unknown opcode
        masked(b"x", 0xB),  # an unknown control opcode
        masked(b"x", 0),  # a continuation of nothing
        masked(b"x", final=False) + masked(b"y"),  # a new message inside another
        masked(b"x", PING, final=False),  # a control frame in pieces
        masked(b"x" * 126, CLOSE),  # a control frame that is too long
        masked(b"x" * (LIMIT + 1))[:20],  # too large, known from its head
        b"\x81\xff" + b"\xff" * 8 + b"\x00" * 4,  # larger than anything
        masked(b"x" * 60_000, final=False) + masked(b"x" * 60_000, 0),  # too large in pieces
        masked(b"", final=False) + masked(b"", 0, final=False) * (LIMIT // 16 + 1),  # nothing, in endless pieces
    ],
)
def test_what_is_no_websocket_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError) as refused:
        read(data)
    assert refused.value.code in (1002, 1009)


@pytest.mark.parametrize("seed", range(20))
def test_mutated_frames_never_do_more_than_be_refused(seed: int) -> None:
    rng = random.Random(seed)
    whole = masked(b'42["echo",{"a":1}]') + masked(b"x" * 300, final=False) + masked(b"y" * 70_000, 0)
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), 400))] = rng.randrange(256)
        try:
            messages = read(bytes(data[: rng.randint(1, len(data))]), rng.choice([None, 13, 1000]))
        except FrameError:
            continue
        assert all(len(payload) <= LIMIT for _, payload in messages)


def test_both_ways_of_unmasking_agree() -> None:
    rng = random.Random(1)
    for size in [*range(1, 70), 4096, 100_001]:
        data, mask = rng.randbytes(size), rng.randbytes(4)
        assert unmask(data, mask) == _unmask_in_python(data, mask)


def test_a_servers_frame_says_its_length() -> None:
    assert frame(b"hello") == b"\x81\x05hello"
    assert frame(b"x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert frame(b"x" * 65536, BINARY)[:10] == b"\x82\x7f" + (65536).to_bytes(8, "big")


def test_the_handshake_is_that_of_the_standard() -> None:
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in handshake("dGhlIHNhbXBsZSBub25jZQ==")
