"""What the relay does, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

PUBLISHED = Counter("parley_relay_published", "Messages handed to the relay's connections")
RECEIVED = Counter("parley_relay_received", "Messages of other nodes that arrived here")
DROPPED = Counter("parley_relay_dropped", "Messages that were not sent: the relay was away, or its queue full")
CONNECTS = Counter("parley_relay_connects", "Connections opened to the relay, the first included", ["lane"])
UP = Gauge("parley_relay_up", "1 while this node hears itself through the relay")
CHANNELS = Gauge("parley_relay_channels", "Channels that this node is subscribed to")
ROUND_TRIP = Histogram(
    "parley_relay_round_trip_seconds",
    "From publishing to hearing it, this node's own waits included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
