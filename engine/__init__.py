"""Socket.IO over our server: what the libraries leave open, closed. Knows nothing of chat."""

from engine.codec import Large
from engine.namespace import Arrival, EventNamespace, Reply
from engine.server import SocketIO

__all__ = ["Arrival", "EventNamespace", "Large", "Reply", "SocketIO"]
