"""PostgreSQL stores a batch of messages by a function, in one journey.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STORE_MESSAGES = """
    CREATE FUNCTION store_messages(given jsonb, places jsonb, now bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE
        found int;
        shifts jsonb;
    BEGIN
        WITH locked AS MATERIALIZED (
            SELECT id, seq, rev, members_rev FROM conversations
            WHERE id = ANY(ARRAY(SELECT value ->> 0 FROM jsonb_array_elements(places))) AND deleted_at IS NULL
            ORDER BY id FOR UPDATE
        ), place AS (
            SELECT value ->> 0 AS id, (value ->> 1)::bigint AS seq, (value ->> 2)::bigint AS rev,
                (value ->> 3)::bigint AS members_rev
            FROM jsonb_array_elements(places)
        )
        SELECT count(*), coalesce(jsonb_agg(jsonb_build_array(id, locked.seq - place.seq, locked.rev - place.rev))
            FILTER (WHERE (locked.seq, locked.rev) <> (place.seq, place.rev)), '[]')
        INTO found, shifts FROM locked JOIN place USING (id, members_rev);
        IF found < jsonb_array_length(places) THEN
            RETURN NULL;
        END IF;
        INSERT INTO messages (id, conversation_id, seq, rev, sender_id, temp_id, content, kind, reply_count, created_at,
            temp_key, digest)
        SELECT value ->> 0, value ->> 1, (value ->> 2)::bigint + coalesce(shift.seq, 0),
            (value ->> 3)::bigint + coalesce(shift.rev, 0), value ->> 4, value ->> 5, value ->> 6, 'text', 0, now,
            decode(value ->> 9, 'hex'), decode(value ->> 10, 'hex')
        FROM jsonb_array_elements(given) LEFT JOIN (
            SELECT value ->> 0 AS id, (value ->> 1)::bigint AS seq, (value ->> 2)::bigint AS rev
            FROM jsonb_array_elements(shifts)
        ) AS shift ON shift.id = value ->> 1;
        UPDATE participants SET skipped = skipped + own.count FROM (
            SELECT value ->> 1 AS conversation, value ->> 4 AS sender, count(*)::int AS count
            FROM jsonb_array_elements(given) GROUP BY 1, 2
        ) AS own WHERE conversation_id = own.conversation AND user_id = own.sender;
        UPDATE conversations SET seq = conversations.seq + more.count, rev = conversations.rev + more.count,
            updated_at = now
        FROM (
            SELECT value ->> 0 AS conversation, (value ->> 4)::int AS count FROM jsonb_array_elements(places)
        ) AS more WHERE id = more.conversation;
        RETURN shifts;
    END $$
"""


def upgrade() -> None:
    """SQLite has no functions, and needs none."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(STORE_MESSAGES)


def downgrade() -> None:
    """Batches take the longer way again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION store_messages(jsonb, jsonb, bigint)")
