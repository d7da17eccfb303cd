"""Frames that went wrong: what a client could say, changed in every way that a seed leads to."""

from __future__ import annotations

import json
import random

TEXT, BINARY, PING = 0x1, 0x2, 0x9
NO_MASK = b"\0\0\0\0"

SAID = [
    '2["echo",{"a":[1,2.5,null,true,"\\u00e9"]}]',
    '217["echo","text"]',
    '2["join-room",{"conversationId":"01900000-0000-7000-8000-000000000000","since":5}]',
    '23["send-message",{"conversationId":"01900000-0000-7000-8000-000000000000","content":"hello","temp_id":"t"}]',
    '2["read",{"messageIds":["a","b"]}]',
    '2["delivered-ack",{"conversationId":"x","seq":3}]',
    '2["typing",{"conversationId":"x","isTyping":true}]',
    '2["react",{"messageId":"x","emoji":"\\ud83d\\ude00","on":true}]',
    '24["sync",{"conversations":{"x":0},"me":1,"epoch":"e"}]',
    '2["presence",{"userIds":["a"]}]',
    '0{"token":"none"}',
    "0/other,{}",
    '31["acknowledged"]',
    '4{"message":"no"}',
    '52-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
    '61-3[{"_placeholder":true,"num":0}]',
    '2/other,["echo",1]',
]
"""Packets of Socket.IO, most of them good; without a type of Engine.IO before them."""

PIECES = [
    *("[" * 500, "{" * 500, '{"a":' * 500, "9" * 400, "-", "1e999", "NaN", "\\ud800", "\\u0000", "\x1e", ",", '"'),
    *('{"_placeholder":true,"num":99}', '{"_placeholder":true,"num":-1}', '{"__proto__":{}}', "/", "?", "null", "\\"),
]


def mutated(rng: random.Random) -> str:
    """One packet that somebody might have meant."""
    text = rng.choice(SAID)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        at, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        change = rng.randrange(6)
        if change == 0:
            text = text[:at] + chr(rng.randrange(1, 256)) + text[at + 1 :]
        elif change == 1:
            text = text[:at] + text[end:]
        elif change == 2:
            text = text[:end] + text[at:]
        elif change == 3:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif change == 4:
            other = rng.choice(SAID)
            text = text[:at] + other[rng.randrange(len(other)) :]
        else:
            text = text[:at]
    return text


def plain_frame(payload: bytes, opcode: int, *, final: bool = True, mask: bytes = NO_MASK) -> bytes:
    """A frame as clients send it; without another mask its bytes are as they were."""
    size, first = len(payload), (0x80 if final else 0) | opcode
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    if mask == NO_MASK:
        return head + mask + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def frame(payload: bytes, opcode: int, rng: random.Random) -> bytes:
    """The same, one in five under a mask of its own."""
    mask = rng.getrandbits(32).to_bytes(4, "little") if rng.random() < 0.2 else NO_MASK
    return plain_frame(payload, opcode, mask=mask)


def batch(rng: random.Random, count: int) -> bytes:
    """So many mutated messages that end no connection: text, and now and then bytes, expected or not."""
    frames = []
    for _ in range(count):
        if rng.random() < 0.1:
            frames.append(frame(rng.randbytes(rng.randrange(40)), BINARY, rng))
        else:
            frames.append(frame(b"4" + mutated(rng).encode(errors="replace"), TEXT, rng))
    return b"".join(frames)


def broken(rng: random.Random) -> bytes:
    """Bytes of a few frames with some of them changed, heads too: sooner or later no WebSocket."""
    data = bytearray(batch(rng, 5) + frame(b"2" * 130, PING, rng) + frame(json.dumps(["x"] * 50).encode(), TEXT, rng))
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randint(1, len(data))])
