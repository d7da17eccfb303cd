"""PostgreSQL stores a batch of messages by a function, in one journey.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

from models.functions import STORE_MESSAGES

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """SQLite has no functions, and needs none."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(STORE_MESSAGES)


def downgrade() -> None:
    """Batches take the longer way again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION store_messages(jsonb, jsonb, bigint)")
