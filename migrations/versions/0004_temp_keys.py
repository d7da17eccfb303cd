"""A message's `temp_id` is looked up by a short key, and its row refers to nothing by foreign keys.

The index of sender, conversation and `temp_id` was the largest of all, and written to by each message; so was what a
foreign key to a busy row costs (on PostgreSQL a lock of the row it names).

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CHUNK = 5_000

NAMED = sa.table(
    "messages",
    sa.column("id", sa.String),
    sa.column("sender_id", sa.String),
    sa.column("conversation_id", sa.String),
    sa.column("temp_id", sa.String),
    sa.column("temp_key", sa.LargeBinary),
)


def upgrade() -> None:
    """Every message that has a `temp_id` gets its key; on SQLite the table is built anew once."""
    op.add_column("messages", sa.Column("temp_key", sa.LargeBinary(length=40), nullable=True))
    _name()
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_messages_sender_id_conversation_id_temp_id"), type_="unique")
        batch_op.drop_constraint(op.f("fk_messages_conversation_id"), type_="foreignkey")
        batch_op.drop_constraint(op.f("fk_messages_sender_id"), type_="foreignkey")
        batch_op.create_unique_constraint(op.f("uq_messages_temp_key"), ["temp_key"])


def downgrade() -> None:
    """Back to the three texts."""
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_messages_temp_key"), type_="unique")
        batch_op.drop_column("temp_key")
        batch_op.create_foreign_key(op.f("fk_messages_conversation_id"), "conversations", ["conversation_id"], ["id"])
        batch_op.create_foreign_key(op.f("fk_messages_sender_id"), "users", ["sender_id"], ["id"])
        batch_op.create_unique_constraint(
            op.f("uq_messages_sender_id_conversation_id_temp_id"), ["sender_id", "conversation_id", "temp_id"]
        )


def _name() -> None:
    """Fill the keys in, some thousand rows at a time."""
    connection, after = op.get_bind(), ""
    wanted = sa.select(NAMED.c.id, NAMED.c.sender_id, NAMED.c.conversation_id, NAMED.c.temp_id)
    setting = sa.update(NAMED).where(NAMED.c.id == sa.bindparam("message")).values(temp_key=sa.bindparam("key"))
    while True:
        page = wanted.where(NAMED.c.temp_id.is_not(None), NAMED.c.id > after).order_by(NAMED.c.id).limit(CHUNK)
        rows = connection.execute(page).all()
        if not rows:
            return
        after = rows[-1].id
        connection.execute(setting, [{"message": row.id, "key": _key(*row[1:])} for row in rows])


def _key(sender_id: str, conversation_id: str, temp_id: str) -> bytes:
    name = temp_id.encode()
    if len(name) > 32:
        name = hashlib.blake2b(name, digest_size=32).digest()
    return hashlib.blake2b(f"{sender_id}\x00{conversation_id}".encode(), digest_size=8).digest() + name
