"""The short way of reading a message takes nothing that the schema would refuse, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.messages import PlainMessage, SendMessage, read_message

PLAIN = {"conversationId": "c", "content": "Hello", "temp_id": "t"}

PAYLOADS: list[Any] = [
    PLAIN,
    {**PLAIN, "content": "x" * 8000},
    {**PLAIN, "content": "x" * 8001},
    {**PLAIN, "content": ""},
    {**PLAIN, "content": "   "},
    {**PLAIN, "content": "\u3000"},
    {**PLAIN, "content": "two\nlines"},
    {**PLAIN, "content": "n\x00l"},
    {**PLAIN, "content": "half an emoji \ud83d"},
    {**PLAIN, "content": "a whole one 😀, ä, 漢"},
    {**PLAIN, "content": 5},
    {**PLAIN, "temp_id": ""},
    {**PLAIN, "temp_id": "t" * 128},
    {**PLAIN, "temp_id": "t" * 129},
    {**PLAIN, "temp_id": None},
    {**PLAIN, "temp_id": 7},
    {**PLAIN, "conversationId": ""},
    {**PLAIN, "conversationId": "c" * 129},
    {**PLAIN, "conversationId": ["c"]},
    {**PLAIN, "replyTo": "m"},
    {**PLAIN, "attachmentIds": ["a"]},
    {**PLAIN, "unknown": 1},
    {"conversationId": "c", "content": "Hello"},
    {"content": "Hello"},
    {},
    [],
    "Hello",
    None,
]


def outcome(read: Any, payload: Any) -> Any:
    """What is read, as values; or why nothing is."""
    try:
        found = read(payload)
    except ValidationError as error:
        return [(item["loc"], item["type"]) for item in error.errors()]
    return found.conversation_id, found.content, found.temp_id, found.reply_to, list(found.attachment_ids)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_both_ways_read_the_same(payload: Any) -> None:
    assert outcome(read_message, payload) == outcome(SendMessage.model_validate, payload)


def test_a_plain_message_takes_the_short_way() -> None:
    assert isinstance(read_message(PLAIN), PlainMessage)
