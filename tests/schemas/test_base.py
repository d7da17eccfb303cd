"""What is wrong with an input is told in words for whoever wrote the client."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.base import parse
from schemas.errors import ChatError
from schemas.messages import SendMessage


@pytest.mark.parametrize("body", [None, "text", [], 5])
def test_what_is_no_object_is_told_without_naming_a_class(body: Any) -> None:
    with pytest.raises(ChatError) as refused:
        parse(SendMessage, body)
    assert refused.value.body()["fields"] == {"body": "must be an object"}
