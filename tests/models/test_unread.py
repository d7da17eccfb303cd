"""How the counts of unread messages are asked of SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

import models.unread
from extensions import Base
from models import Conversation, Message, Participant, User

ROOMS, PEOPLE, SEQ = 5, ("one", "two"), 70


@pytest.fixture
def session(tmp_path: Path) -> Any:
    """Some rooms of two, with messages that they sent in turn."""
    engine = create_engine(f"sqlite:///{tmp_path / 'parley.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(User(id=one, username=one, name_key=one, display_name=one, display_key=one) for one in PEOPLE)
        for room in map(str, range(ROOMS)):
            session.add(Conversation(id=room, type="group", seq=SEQ, rev=SEQ))
            session.flush()
            session.add_all(Participant(conversation_id=room, user_id=one) for one in PEOPLE)
            session.flush()
            session.add_all(
                Message(conversation_id=room, seq=seq, rev=seq, sender_id=PEOPLE[seq % 2], content="x")
                for seq in range(1, SEQ + 1)
            )
        session.commit()
        yield session
    engine.dispose()


def test_a_list_searches_and_never_walks_through_a_table(session: Session) -> None:
    statements: list[tuple[str, Any]] = []
    engine = session.get_bind()
    rooms = [session.get_one(Conversation, str(room)) for room in range(ROOMS)]
    mine = [(room, session.get_one(Participant, (room.id, PEOPLE[0]))) for room in rooms]
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2:4]))
    assert models.unread.unread_counts(session, mine) == [SEQ // 2] * ROOMS
    (asked,) = statements
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1]).all()
    steps = [row[3] for row in plan]
    assert [step for step in steps if step.startswith("SEARCH messages USING INDEX")], steps
    assert not [step for step in steps if step.startswith("SCAN")], steps
