"""One's own messages are counted by 64s, and no longer each at once; a batch is given as arrays.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

from models.functions import STORE_MESSAGES
from models.unread import COUNTED_BY, TRIGGER

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DROP_BEFORE = "DROP FUNCTION store_messages(jsonb, jsonb, bigint)"
DROP = "DROP FUNCTION store_messages(jsonb, text[], bigint[], bigint[], bigint[], int[], bigint)"
MOVE = f"""
    UPDATE participants SET skipped = skipped {{sign}} (
        SELECT count(*) FROM messages JOIN conversations ON conversations.id = messages.conversation_id
        WHERE messages.conversation_id = participants.conversation_id AND sender_id = participants.user_id
        AND messages.seq > read_seq AND messages.seq > conversations.seq - conversations.seq % {COUNTED_BY}
    ) WHERE read_seq < (SELECT seq FROM conversations WHERE id = conversation_id)
"""  # noqa: S608 (our own number)


def upgrade() -> None:
    """What is not yet due is taken out of the count."""
    dialect = op.get_bind().dialect.name
    op.execute(MOVE.format(sign="-"))
    for statement in ((DROP_BEFORE, STORE_MESSAGES) if dialect == "postgresql" else ()) + TRIGGER[dialect]:
        op.execute(statement)


def downgrade() -> None:
    """Each is counted again, at once."""
    if op.get_bind().dialect.name == "postgresql":
        scripts = op.get_context().script
        assert scripts is not None
        before = scripts.get_revision("0005").module.STORE_MESSAGES
        for statement in ("DROP TRIGGER count_own ON messages", "DROP FUNCTION count_own()", DROP, before):
            op.execute(statement)
    else:
        op.execute("DROP TRIGGER count_own")
    op.execute(MOVE.format(sign="+"))
