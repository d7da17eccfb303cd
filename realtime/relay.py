"""The seam between a commit and all nodes' rooms.

`publish` is called once after each commit, outside every transaction. A relay may be late, lose, repeat and reorder:
the database is the truth, and each room's gate puts things right. It never waits for the network and never raises:
a change that is saved must not look failed.
"""

from __future__ import annotations

from typing import Protocol

from realtime.events import Outcome
from realtime.nodes import Nodes, nodes
from realtime.rooms import rooms


class Relay(Protocol):
    """Carries what a commit sets off to every node, this one included."""

    def publish(self, outcome: Outcome) -> None:
        """Hand over; at most once to each node. Never raises, never waits."""


class LocalRelay:
    """The relay of a single node: straight to its own rooms."""

    def publish(self, outcome: Outcome) -> None:
        """See `Relay.publish`."""
        rooms.deliver(outcome)


class SharedRelay(LocalRelay):
    """The relay of one node among several: to its own rooms at once, to the others over the bus."""

    def __init__(self, others: Nodes) -> None:
        self._others = others

    def publish(self, outcome: Outcome) -> None:
        """See `Relay.publish`."""
        try:
            super().publish(outcome)
        finally:
            self._others.send_packets(outcome.packets)
            for notice in outcome.notices:
                self._others.tell_users(notice.users, notice.name, notice.data)
            for closing in outcome.closings:
                self._others.send_closing(closing)


relay: Relay = SharedRelay(nodes) if nodes.bus is not None else LocalRelay()
