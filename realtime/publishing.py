"""From a change or an event to all browsers, whichever process it was made in."""

from __future__ import annotations

from realtime import emissions
from realtime.emissions import Broadcast, Emission
from realtime.events import Outcome
from realtime.loopback import Parcel, loopback
from realtime.relay import relay
from settings import settings


class Publisher:
    """Hands everything to the relay, and to the servers beside a process that serves nobody itself."""

    def __init__(self) -> None:
        self._beside = False

    def stand_beside(self) -> None:
        """This process is no server: what it publishes is also handed to those of this machine."""
        self._beside = True

    def serve(self, host: str, port: int) -> None:
        """This process is a server, and takes what others hand over."""
        self._beside = False
        loopback.open(host, port)

    def stop(self) -> None:
        """It no longer is."""
        loopback.close()

    def servers(self) -> list[int]:
        """The ports of the servers of this machine that answer."""
        return loopback.ports()

    @property
    def _hands_over(self) -> bool:
        """Whether others have to be told by a call: with Redis the relay reaches them."""
        return self._beside and not settings.redis_url

    def publish(self, outcome: Outcome) -> None:
        """Hand over what a commit set off."""
        relay.publish(outcome)
        if self._hands_over:
            loopback.hand_over(Parcel(outcome=outcome))

    def emit(self, emission: Emission) -> bool:
        """Send an event to all nodes; returns whether there was a server to tell."""
        if self._hands_over:
            return loopback.hand_over(Parcel(emission=emission)) > 0
        emissions.deliver(emission)
        return True

    def broadcast(self, broadcast: Broadcast) -> None:
        """Have the servers beside this process do what `socketio.emit` was asked for."""
        loopback.hand_over(Parcel(broadcast=broadcast))


publisher = Publisher()
