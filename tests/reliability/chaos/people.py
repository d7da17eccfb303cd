"""Whose clients they are, and what is in their outboxes."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reliability.chaos.rest import Rest
from tests.reliability.chaos.wire import Wire


@dataclass(slots=True)
class Person:
    """Whose client it is, where it may connect, the first being preferred, and the conversations that it is in."""

    number: int
    user_id: str
    token: str
    socket_urls: list[str]
    rest: Rest
    conversations: list[str]

    place: int = 0

    @property
    def socket_url(self) -> str:
        """Where they connect now."""
        return self.socket_urls[self.place]

    @property
    def at_home(self) -> bool:
        """Whether that is where they connect by preference."""
        return self.place == 0

    def try_another(self) -> None:
        """Nobody is there: the next address, in turns."""
        self.place = (self.place + 1) % len(self.socket_urls)

    def go_home(self) -> None:
        """Try the preferred one again."""
        self.place = 0


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
