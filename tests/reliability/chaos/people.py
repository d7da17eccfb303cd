"""Whose clients they are, and what is in their outboxes."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reliability.chaos.rest import Rest
from tests.reliability.chaos.wire import Wire


@dataclass(slots=True)
class Person:
    """Whose client it is, where it connects, and the conversations that it is in."""

    number: int
    user_id: str
    token: str
    socket_url: str
    rest: Rest
    conversations: list[str]


@dataclass(slots=True)
class Draft:
    """A message in the outbox, until it is acknowledged. `later`: refused, and to be sent again after `sent`."""

    temp_id: str
    conversation: str
    content: str
    tried: int = 0
    sent: float = 0.0
    wire: Wire | None = None
    later: bool = False

    @property
    def payload(self) -> dict[str, str]:
        """What is sent, each time the same."""
        return {"temp_id": self.temp_id, "conversationId": self.conversation, "content": self.content}
