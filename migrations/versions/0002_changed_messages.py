"""Messages that changed after they were sent have an index of their own.

A new message was entered into an index by `rev` that only changed ones are looked up in: a quarter of the pages that a
batch of messages writes. Which messages are new follows from `seq`.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHANGED = sa.text("changed_rev IS NOT NULL")
REPLIES = sa.text("reply_to IS NOT NULL")


def upgrade() -> None:
    """Which of the messages so far have changed is not known any more: they all count as changed."""
    op.add_column("messages", sa.Column("changed_rev", sa.BigInteger(), nullable=True))
    op.execute(sa.text("UPDATE messages SET changed_rev = rev"))
    op.drop_index("ix_messages_conversation_id_rev", table_name="messages")
    op.drop_index(op.f("ix_messages_reply_to"), table_name="messages")
    op.create_index(
        "ix_messages_changed",
        "messages",
        ["conversation_id", "changed_rev"],
        sqlite_where=CHANGED,
        postgresql_where=CHANGED,
    )
    op.create_index(
        op.f("ix_messages_reply_to"), "messages", ["reply_to"], sqlite_where=REPLIES, postgresql_where=REPLIES
    )


def downgrade() -> None:
    """Back to one index for all."""
    op.drop_index(op.f("ix_messages_reply_to"), table_name="messages")
    op.drop_index("ix_messages_changed", table_name="messages")
    op.create_index(op.f("ix_messages_reply_to"), "messages", ["reply_to"])
    op.create_index("ix_messages_conversation_id_rev", "messages", ["conversation_id", "rev"])
    op.drop_column("messages", "changed_rev")
