"""Service tokens, and the events that they have sent under a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_tokens",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("conversations", sa.JSON(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("act_as", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_service_tokens_token_hash")),
    )
    with op.batch_alter_table("service_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_tokens_name"), ["name"], unique=False)

    op.create_table(
        "relayed_events",
        sa.Column("token_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["service_tokens.id"], name=op.f("fk_relayed_events_token_id")),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_relayed_events")),
    )
    with op.batch_alter_table("relayed_events", schema=None) as batch_op:
        batch_op.create_index("ix_relayed_events_created_at", ["created_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("relayed_events", schema=None) as batch_op:
        batch_op.drop_index("ix_relayed_events_created_at")

    op.drop_table("relayed_events")
    with op.batch_alter_table("service_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_tokens_name"))

    op.drop_table("service_tokens")
