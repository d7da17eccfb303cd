"""Messages, reactions and receipts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.base import (
    ATTACHMENTS_A_MESSAGE,
    CONTENT_CHARS,
    EMOJI_BYTES,
    IDS_A_CALL,
    STORABLE,
    TEMP_ID_CHARS,
    USER_ID_CHARS,
    Id,
    Input,
    Path,
    Query,
    Time,
    Wire,
    not_blank,
)
from schemas.files import AttachmentOut
from schemas.users import UserOut


def emoji(text: str) -> str:
    """One word of at most 64 bytes: an emoji, or a `:name:`."""
    if len(text.encode()) > EMOJI_BYTES:
        raise ValueError(f"must have at most {EMOJI_BYTES} bytes")
    if (not text.isprintable() and "\u200d" not in text) or any(character.isspace() for character in text):
        raise ValueError("must be one emoji or name")
    return text


Content = Annotated[str, Field(max_length=CONTENT_CHARS), STORABLE]
Emoji = Annotated[str, Field(min_length=1), STORABLE, AfterValidator(emoji)]
Status = Literal["sent", "delivered", "read"]
Seq = Annotated[int, Field(ge=0, le=2**53)]


class SendMessage(Input):
    """A message to be sent. `temp_id` is the sender's own name for it: the same again is answered, not sent again."""

    conversation_id: Id
    content: Content = ""
    temp_id: Annotated[str, Field(min_length=1, max_length=TEMP_ID_CHARS), STORABLE] | None = None
    reply_to: Id | None = None
    attachment_ids: Annotated[list[Id], Field(max_length=ATTACHMENTS_A_MESSAGE)] = Field(default_factory=list)

    @model_validator(mode="after")
    def says_something(self) -> SendMessage:
        """Refuse a message with nothing in it."""
        if not self.content.strip() and not self.attachment_ids:
            raise ValueError("content: must not be blank")
        return self


@dataclass(slots=True)
class PlainMessage:
    """A `SendMessage` of one conversation, one text and a `temp_id`, as most are."""

    conversation_id: str
    content: str
    temp_id: str
    reply_to: None = None
    attachment_ids: tuple[()] = ()


PLAIN = {"conversationId", "content", "temp_id"}


def read_message(payload: Any) -> SendMessage | PlainMessage:
    """A message to be sent. Raises ValidationError.

    What is beyond doubt is not checked by the schema, which takes ten times as long: three texts of good length, ASCII
    or printable, so that neither NUL nor a lone surrogate is among them. Whatever else it is, the schema says.
    """
    if type(payload) is dict and payload.keys() == PLAIN:
        conversation_id, content, temp_id = payload["conversationId"], payload["content"], payload["temp_id"]
        if (
            type(conversation_id) is type(content) is type(temp_id) is str
            and 0 < len(conversation_id) <= USER_ID_CHARS
            and 0 < len(temp_id) <= TEMP_ID_CHARS
            and len(content) <= CONTENT_CHARS
            and content
            and not content.isspace()
            and _is_storable(conversation_id + temp_id + content)
        ):
            return PlainMessage(conversation_id, content, temp_id)
    return SendMessage.model_validate(payload)


def _is_storable(text: str) -> bool:
    """Whether it surely is: ASCII is known without looking, one byte is found ten times as fast as all are examined."""
    return "\0" not in text if text.isascii() else text.isprintable()


class EditMessage(Input):
    """New content, by its author."""

    content: Annotated[Content, AfterValidator(not_blank)]


class MessagePath(Path):
    """`/messages/ID`."""

    message_id: Id


class HistoryPage(Query):
    """Newest first below `before`, or oldest first above `after`."""

    before: Seq | None = None
    after: Seq | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class HistoryQuery(HistoryPage):
    """The same with the conversation named in the query."""

    conversation_id: Id


class Acknowledge(Input):
    """What was received or read: by message, by messages, or everything in a conversation up to `seq`."""

    message_id: Id | None = None
    message_ids: Annotated[list[Id], Field(min_length=1, max_length=IDS_A_CALL)] | None = None
    conversation_id: Id | None = None
    seq: Seq | None = None

    @model_validator(mode="after")
    def names_something(self) -> Acknowledge:
        """Refuse an acknowledgement of nothing."""
        if self.message_id is None and self.message_ids is None and self.conversation_id is None:
            raise ValueError("messageId: give messageId, messageIds, or conversationId with seq")
        if self.conversation_id is not None and self.seq is None:
            raise ValueError("seq: is needed with conversationId")
        return self

    @property
    def ids(self) -> list[str]:
        """The messages that are named one by one."""
        return (self.message_ids or []) + ([self.message_id] if self.message_id else [])


class React(Input):
    """Toggles, or sets where `on` is given."""

    message_id: Id
    emoji: Emoji
    on: bool | None = None


class ReactionOut(Wire):
    """Who reacted with one emoji, first come first."""

    count: int
    users: list[str]
    user_names: list[str]


class MessageOut(Wire):
    """A message in its present state; a tombstone where `deletedAt` is set."""

    id: str
    temp_id: str | None
    conversation_id: str
    seq: int
    rev: int
    sender_id: str
    sender: UserOut
    content: str
    kind: str
    reply_to: str | None
    reply_count: int
    attachments: list[AttachmentOut]
    mentions: list[str]
    reactions: dict[str, ReactionOut]
    pinned_at: Time | None
    status: Status
    created_at: Time
    sent_at: Time
    edited_at: Time | None
    deleted_at: Time | None


class MessageEvent(MessageOut):
    """A message that is new, or that was edited."""

    prev_rev: int


class MessagePage(Wire):
    """A page of history; `hasMore` in the direction that was asked for."""

    items: list[MessageOut]
    has_more: bool


class MessageReceipt(Wire):
    """When one participant had a message delivered and read."""

    user_id: str
    delivered_at: Time | None
    read_at: Time | None


class MessageReceipts(Wire):
    """Every participant but the sender."""

    items: list[MessageReceipt]


class MessagePinned(Wire):
    """A message was pinned, or taken down: then `pinnedAt` is null."""

    message_id: str
    conversation_id: str
    seq: int
    pinned_at: Time | None
    rev: int
    prev_rev: int


class MessageDeleted(Wire):
    """A message was deleted; its tombstone keeps its `seq`."""

    id: str
    message_id: str
    conversation_id: str
    seq: int
    rev: int
    prev_rev: int
    deleted_at: Time


class MessageStatus(Wire):
    """Everybody else has received, or read, a message; `userId` was the last of them."""

    message_id: str
    conversation_id: str
    user_id: str
    status: Literal["delivered", "read"]
    delivered_at: Time | None = None
    read_at: Time | None = None
    rev: int
    prev_rev: int


class ReceiptUpdate(Wire):
    """Up to which `seq` somebody has received and read."""

    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int
    rev: int
    prev_rev: int


class ReactionUpdate(Wire):
    """A reaction was added or taken back: all reactions of the message, by emoji."""

    message_id: str
    conversation_id: str
    rev: int
    prev_rev: int
    reactions: dict[str, ReactionOut]
