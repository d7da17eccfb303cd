"""On which nodes users are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection

Told = Callable[[bool], None]
Announce = Callable[[str, bool], None]


class PresenceStore(ABC):
    """On which nodes users are. In memory for one node; a twin in Redis serves several.

    A node that dies is forgotten after a while, and its users with it.
    """

    def attach(self, here: Callable[[], list[str]], announce: Announce) -> None:  # noqa: B027 (one that needs neither)
        """`here` says who is on this node; `announce` is told of users who came or went without this node's doing."""

    def start(self) -> None:  # noqa: B027 (the same)
        """This process serves from now on."""

    def stop(self) -> None:  # noqa: B027 (the same)
        """It is about to end; who does not come to another node is offline after the grace period."""

    @abstractmethod
    def arrive(self, user_id: str, told: Told) -> None:
        """The user is on this node now; `told`, soon, whether they are on no other."""

    @abstractmethod
    def leave(self, user_id: str, told: Told) -> None:
        """The user is here no longer; `told`, soon, whether they are on no other."""

    @abstractmethod
    def elsewhere(self, user_ids: Collection[str]) -> set[str]:
        """Which of these are on other nodes, as far as that can be said within a moment."""


class MemoryPresence(PresenceStore):
    """There is only this node."""

    def arrive(self, user_id: str, told: Told) -> None:
        """See `PresenceStore.arrive`."""
        told(True)

    def leave(self, user_id: str, told: Told) -> None:
        """See `PresenceStore.leave`."""
        told(True)

    def elsewhere(self, user_ids: Collection[str]) -> set[str]:
        """See `PresenceStore.elsewhere`."""
        return set()
