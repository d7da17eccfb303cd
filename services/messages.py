"""Messages: send, see, change, take back."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update

from models import Attachment, Conversation, Mention, Message, Participant, Reaction, now_ms, temp_key
from realtime.catchup import tombstone_data
from realtime.views import View, messages_view
from schemas.base import iso_or_none
from schemas.errors import ChatError, conflict, forbidden, not_found
from schemas.messages import EditMessage, HistoryPage, PlainMessage, SendMessage
from services.access import access_conversation, access_message, access_participant, reading
from services.files import discard
from services.mentions import drop_mentions, find_mentions, store_mentions
from services.placing import Draft, Sent, digest_of
from services.work import Change, Work, perform
from services.writer import writer


def send(sender_id: str, body: SendMessage) -> Sent:
    """Store a message and tell the room; returns once it is committed.

    The same `temp_id` with the same draft answers the message that is there. Raises ChatError
    `not_a_participant`, `conflict`, `not_found`, `validation_failed`, `unavailable`.
    """
    sent = writer.write(_draft(sender_id, body))
    assert isinstance(sent, Sent)
    return sent


def submit(sender_id: str, body: SendMessage | PlainMessage, done: Callable[[Sent | ChatError], None]) -> None:
    """The same without waiting: `done` is told of the outcome. One sender's messages keep their order.

    Raises ChatError `unavailable` where too many wait already.
    """

    writer.submit(_draft(sender_id, body), done)


def _draft(sender_id: str, body: SendMessage | PlainMessage) -> Draft:
    """A draft without `temp_id` is never compared with another one."""
    conversation_id, content, temp_id = body.conversation_id, body.content, body.temp_id
    reply_to, attachment_ids = body.reply_to, tuple(body.attachment_ids)
    key = digest = None
    if temp_id is not None:
        key = temp_key(sender_id, conversation_id, temp_id)
        if reply_to is not None or attachment_ids:
            digest = digest_of(content, reply_to, attachment_ids)
    return Draft(sender_id, conversation_id, content, temp_id, key, reply_to, attachment_ids, digest)


def get(user_id: str, message_id: str) -> View:
    """One message. Raises ChatError `not_found`."""
    with reading() as session:
        message, _ = access_message(session, user_id, message_id)
        return messages_view(session, [message])[0]


def history(user_id: str, conversation_id: str, page: HistoryPage) -> dict[str, object]:
    """A page of a conversation's messages: newest first, or oldest first where `after` is given.

    Raises ChatError `not_a_participant`.
    """
    query = select(Message).where(Message.conversation_id == conversation_id)
    if page.before is not None:
        query = query.where(Message.seq < page.before)
    if page.after is not None:
        query = query.where(Message.seq > page.after)
    query = query.order_by(Message.seq if page.after is not None else Message.seq.desc())
    with reading() as session:
        access_conversation(session, user_id, conversation_id)
        found = session.scalars(query.limit(page.limit + 1)).all()
        return {"items": messages_view(session, found[: page.limit]), "hasMore": len(found) > page.limit}


def change_message(work: Work, user_id: str, message_id: str) -> tuple[Change, Message, Participant]:
    """Lock the conversation of a message that the user may see. Raises ChatError `not_found`."""
    conversation_id = work.session.scalar(select(Message.conversation_id).where(Message.id == message_id))
    if conversation_id is None or work.session.get(Conversation, conversation_id) is None:
        raise not_found("Message")
    try:
        change = work.change(conversation_id)
        access_participant(work.session, user_id, conversation_id)
    except ChatError:
        raise not_found("Message") from None
    message, participant = access_message(work.session, user_id, message_id)
    return change, message, participant


def edit(user_id: str, message_id: str, body: EditMessage) -> View:
    """New content, by the author. The same content again changes nothing.

    Raises ChatError `not_found`, `forbidden`, `conflict` for a message that was taken back.
    """

    def run(work: Work) -> View:
        change, message, _ = change_message(work, user_id, message_id)
        if message.sender_id != user_id:
            raise forbidden("Only its author may change a message")
        if message.deleted_at is not None:
            raise conflict("The message was deleted")
        if message.content != body.content:
            _remember_draft(message)
            message.content = body.content
            message.edited_at = now_ms()
            message.change(change.next_rev())
            _renew_mentions(work, message)
            work.session.flush()
            view = messages_view(work.session, [message])[0]
            change.event("message:updated", view)
            return view
        return messages_view(work.session, [message])[0]

    return perform(run)


def _remember_draft(message: Message) -> None:
    """From now on its content does not tell any longer whether a draft with its `temp_id` is the one it was made of."""
    if message.temp_key is not None and message.digest is None:
        message.digest = digest_of(message.content)


def _renew_mentions(work: Work, message: Message) -> None:
    before = set(work.session.scalars(select(Mention.user_id).where(Mention.message_id == message.id)))
    now = set(find_mentions(work.transaction, message.conversation_id, message.sender_id, message.content))
    drop_mentions(work.session, message, sorted(before - now))
    store_mentions(work.session, message, sorted(now - before))


def pin(user_id: str, message_id: str, *, pinned: bool) -> View:
    """Pin a message to the top of its conversation, or take it down; any participant may. Again is harmless.

    Raises ChatError `not_found`, `conflict` for a message that was taken back.
    """

    def run(work: Work) -> View:
        change, message, _ = change_message(work, user_id, message_id)
        if message.deleted_at is not None:
            raise conflict("The message was deleted")
        if pinned != (message.pinned_at is not None):
            message.pinned_at = now_ms() if pinned else None
            message.change(change.next_rev())
            work.session.flush()
            at = iso_or_none(message.pinned_at)
            change.event("message:pinned", {"messageId": message.id, "seq": message.seq, "pinnedAt": at})
        return messages_view(work.session, [message])[0]

    return perform(run)


def delete(user_id: str, message_id: str) -> View:
    """Take a message back, by its author or an admin of the conversation; what stays is its tombstone.

    Its content, reactions, mentions and files are cleared. Again is harmless. Raises ChatError `not_found`,
    `forbidden`.
    """
    files: list[str] = []

    def run(work: Work) -> View:
        files.clear()
        change, message, participant = change_message(work, user_id, message_id)
        if message.sender_id != user_id and participant.role not in ("owner", "admin"):
            raise forbidden("Only its author or an admin of the conversation may delete a message")
        if message.deleted_at is None:
            message.deleted_at = now_ms()
            message.change(change.next_rev())
            files.extend(_clear(work, message))
            change.event("message:deleted", tombstone_data(messages_view(work.session, [message])[0]))
        return messages_view(work.session, [message])[0]

    view = perform(run)
    discard(files)
    return view


def _clear(work: Work, message: Message) -> list[str]:
    """Empty a message that was taken back; returns the ids of the files that go with it."""
    session = work.session
    _remember_draft(message)
    message.content = ""
    message.pinned_at = None
    session.execute(delete_rows(Reaction).where(Reaction.message_id == message.id))
    named = session.scalars(select(Mention.user_id).where(Mention.message_id == message.id)).all()
    drop_mentions(session, message, named)
    # Nobody but its author has it unread any longer; the author never had.
    session.execute(
        update(Participant)
        .where(
            Participant.conversation_id == message.conversation_id,
            Participant.read_seq < message.seq,
            Participant.user_id != message.sender_id,
        )
        .values(skipped=Participant.skipped + 1)
        .execution_options(synchronize_session=False)
    )
    attached = session.scalars(select(Attachment).where(Attachment.message_id == message.id)).all()
    for attachment in attached:
        attachment.deleted_at = message.deleted_at
    session.flush()
    return [attachment.id for attachment in attached]
