"""How many messages a participant has not read: arithmetic, and a handful of rows (docs/decisions/0003).

One's own messages are nothing to read. To count each at once in its sender's row would be a second row to change for
every message. So the database counts them into `Participant.skipped` by 64s, once a `seq` that is a multiple of that is
stored; those after it, 63 at most, are counted when somebody asks (docs/decisions/0032-own-messages-by-64s.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, event, func, select, text
from sqlalchemy.orm import Session

from extensions import Base
from models.conversations import Conversation, Participant
from models.messages import Message

COUNTED_BY = 64
"""Messages of a conversation whose senders are counted together. Another number takes a migration."""

_COUNT_OWN = f"""
    UPDATE participants SET skipped = skipped + own.count FROM (
        SELECT sender_id, count(*) AS count FROM messages JOIN participants AS sender
        ON sender.conversation_id = messages.conversation_id AND user_id = sender_id AND read_seq < messages.seq
        WHERE messages.conversation_id = NEW.conversation_id AND messages.seq > NEW.seq - {COUNTED_BY}
        AND messages.seq <= NEW.seq GROUP BY sender_id
    ) AS own WHERE conversation_id = NEW.conversation_id AND user_id = own.sender_id
"""  # noqa: S608 (our own number)
_COUNT_OWN_ON_POSTGRESQL = f"""
    DECLARE
        own record;
    BEGIN
        FOR own IN SELECT sender_id, count(*)::int AS count FROM messages WHERE conversation_id = NEW.conversation_id
            AND seq > NEW.seq - {COUNTED_BY} AND seq <= NEW.seq GROUP BY sender_id
        LOOP
            UPDATE participants SET skipped = skipped + CASE
                WHEN read_seq <= NEW.seq - {COUNTED_BY} THEN own.count
                ELSE (SELECT count(*) FROM messages WHERE conversation_id = NEW.conversation_id
                    AND seq > read_seq AND seq <= NEW.seq AND sender_id = user_id)
            END WHERE conversation_id = NEW.conversation_id AND user_id = own.sender_id;
        END LOOP;
        RETURN NULL;
    END
"""  # noqa: S608 (our own number)
"""The same in small steps. PostgreSQL plans each once, maybe while the tables are nearly empty; with the one statement
above in their place 100 pairs sent a quarter fewer messages.
"""

_WHEN = f"NEW.seq % {COUNTED_BY} = 0"

TRIGGER = {
    "sqlite": (f"CREATE TRIGGER count_own AFTER INSERT ON messages WHEN {_WHEN} BEGIN {_COUNT_OWN}; END",),
    "postgresql": (
        f"CREATE FUNCTION count_own() RETURNS trigger LANGUAGE plpgsql AS $$ {_COUNT_OWN_ON_POSTGRESQL} $$",
        f"CREATE TRIGGER count_own AFTER INSERT ON messages FOR EACH ROW WHEN ({_WHEN}) EXECUTE FUNCTION count_own()",
    ),
}
"""What makes it, by dialect. On SQLite a migration that makes the table anew has to make this anew, too."""


SKIPPED = f"""
    SELECT count(*) FROM messages WHERE conversation_id = participants.conversation_id AND seq > participants.read_seq
    AND CASE WHEN sender_id = participants.user_id THEN seq <= (
        SELECT seq / {COUNTED_BY} * {COUNTED_BY} FROM conversations WHERE id = participants.conversation_id
    ) ELSE deleted_at IS NOT NULL END
"""  # noqa: S608 (our own number)
"""What `Participant.skipped` is to be, counted anew. Without `%`, which a driver of PostgreSQL takes for a place."""


@event.listens_for(Base.metadata, "after_create")
def _make(_metadata: object, connection: Connection, **_options: object) -> None:
    """Where tables are made without migrations."""
    for statement in TRIGGER[connection.dialect.name]:
        connection.execute(text(statement))


def counted_upto(seq: Any) -> Any:
    """Up to which place own messages are in `skipped`, where a conversation's newest is at `seq`; also as SQL."""
    return seq - seq % COUNTED_BY


_LAST_OWN = (
    select(func.count(case((Message.seq > Participant.read_seq, 1))))
    .where(
        Message.conversation_id == Conversation.id,
        Message.seq > counted_upto(Conversation.seq),  # what the index is searched by: no other bound beside it
        Message.sender_id == Participant.user_id,
    )
    .correlate(Conversation, Participant)
    .scalar_subquery()
)
"""How many of the messages after the last that was counted are a participant's own, and not read."""


def unread_counts(session: Session, mine: Sequence[tuple[Conversation, Participant]]) -> list[int]:
    """How many messages each of these participants has not read in the conversation; one query for all."""
    behind = [person for row, person in mine if max(person.read_seq, counted_upto(row.seq)) < row.seq]
    own: dict[tuple[str, str], int] = {}
    if behind:
        query = (
            select(Participant.conversation_id, Participant.user_id, _LAST_OWN)
            .join(Conversation, Conversation.id == Participant.conversation_id)
            .where(
                Participant.conversation_id.in_({one.conversation_id for one in behind}),
                Participant.user_id.in_({one.user_id for one in behind}),
            )
        )
        own = {(conversation_id, user_id): count for conversation_id, user_id, count in session.execute(query)}
    return [
        max(0, row.seq - person.read_seq - person.skipped - own.get((row.id, person.user_id), 0))
        for row, person in mine
    ]
