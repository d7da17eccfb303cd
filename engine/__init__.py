"""Socket.IO over our server: what the libraries leave open, closed. Knows nothing of chat."""

from engine.codec import Large
from engine.namespace import EventNamespace, Reply
from engine.server import SocketIO

__all__ = ["EventNamespace", "Large", "Reply", "SocketIO"]
