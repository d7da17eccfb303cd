"""What PostgreSQL keeps of ours beside the tables. A function that was released is never changed: a new one is made.

What there was before is in the migrations of its time.
"""

from __future__ import annotations

from sqlalchemy import Connection, event

from extensions import Base

STORE_MESSAGES = """
    CREATE FUNCTION store_messages(
        given jsonb, ids text[], seqs bigint[], revs bigint[], members bigint[], counts int[], now bigint
    ) RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE
        found_ids text[];
        found_seqs bigint[];
        found_revs bigint[];
        found_members bigint[];
        shifts jsonb := '{}';
    BEGIN
        SELECT array_agg(id), array_agg(seq), array_agg(rev), array_agg(members_rev)
        INTO found_ids, found_seqs, found_revs, found_members FROM (
            SELECT id, seq, rev, members_rev FROM conversations
            WHERE id = ANY(ids) AND deleted_at IS NULL ORDER BY id FOR UPDATE
        ) AS locked;
        IF found_ids IS DISTINCT FROM ids OR found_members <> members THEN
            RETURN NULL;
        END IF;
        IF found_seqs <> seqs OR found_revs <> revs THEN
            SELECT jsonb_object_agg(id, jsonb_build_array(found_seq - seq, found_rev - rev)) INTO shifts
            FROM unnest(ids, seqs, revs, found_seqs, found_revs) AS one (id, seq, rev, found_seq, found_rev)
            WHERE (found_seq, found_rev) <> (seq, rev);
            SELECT jsonb_agg(jsonb_set(jsonb_set(value,
                '{2}', to_jsonb((value ->> 2)::bigint + coalesce((shifts -> (value ->> 1) ->> 0)::bigint, 0))),
                '{3}', to_jsonb((value ->> 3)::bigint + coalesce((shifts -> (value ->> 1) ->> 1)::bigint, 0))))
            INTO given FROM jsonb_array_elements(given);
        END IF;
        INSERT INTO messages (id, conversation_id, seq, rev, sender_id, temp_id, content, kind, reply_count, created_at,
            temp_key)
        SELECT value ->> 0, value ->> 1, (value ->> 2)::bigint, (value ->> 3)::bigint, value ->> 4, value ->> 5,
            value ->> 6, 'text', 0, now, decode(value ->> 9, 'hex')
        FROM jsonb_array_elements(given);
        UPDATE conversations SET seq = seq + more.count, rev = rev + more.count, updated_at = now
        FROM unnest(ids, counts) AS more (conversation, count) WHERE id = more.conversation;
        RETURN shifts;
    END $$
"""
"""Stores plain messages, and moves what they move: all in one journey (`models.ahead_postgresql`).

`given` are rows in the order of `models.hot.COLUMNS`, placed after what was believed of their conversations: `ids`, in
their order, each with its `seq`, `rev`, `members_rev` and how many messages it gets. It returns NULL, and has stored
nothing, where one of these is gone or its members have changed; else how much further than believed conversations
were, `{id: [seq, rev]}` for those that were, and as much further their messages stand.
"""


@event.listens_for(Base.metadata, "after_create")
def _make(_metadata: object, connection: Connection, **_options: object) -> None:
    """Where tables are made without migrations."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(STORE_MESSAGES)
