"""The tables, and the one way to read and write them."""

import models.functions
import models.unread  # noqa: F401 (as the functions: made with the tables)
from models.accounts import LoginSession, RefreshToken, RevokedToken, User
from models.clock import new_id, new_ids, now_ms
from models.conversations import Conversation, Participant, Receipt
from models.messages import Attachment, Mention, Message, Reaction, temp_key
from models.meta import EPOCH, Meta
from models.relay import EVERY, RelayedEvent, ServiceToken
from models.store import Unavailable, store
from models.transaction import Transaction

__all__ = [
    "EPOCH",
    "EVERY",
    "Attachment",
    "Conversation",
    "LoginSession",
    "Mention",
    "Message",
    "Meta",
    "Participant",
    "Reaction",
    "Receipt",
    "RefreshToken",
    "RelayedEvent",
    "RevokedToken",
    "ServiceToken",
    "Transaction",
    "Unavailable",
    "User",
    "new_id",
    "new_ids",
    "now_ms",
    "store",
    "temp_key",
]
