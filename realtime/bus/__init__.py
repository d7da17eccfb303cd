"""Redis or Valkey as a bus between nodes: channels to publish on and to follow, and keys. Knows nothing of chat."""

from realtime.bus.address import Address, AddressError
from realtime.bus.bus import Bus, Published
from realtime.bus.commands import Away

__all__ = ["Address", "AddressError", "Away", "Bus", "Published"]
