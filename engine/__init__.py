"""Socket.IO over our server: what the libraries leave open, closed. Knows nothing of chat."""

from engine.namespace import Answer, EventNamespace
from engine.server import SocketIO

__all__ = ["Answer", "EventNamespace", "SocketIO"]
