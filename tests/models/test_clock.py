"""Ids."""

from __future__ import annotations

import itertools
import uuid

from models import new_id, new_ids, now_ms

MANY = 1000


def _is_of(name: str, moment: int) -> bool:
    made = uuid.UUID(name)
    return (str(made), made.version, made.variant, made.int >> 80) == (name, 7, uuid.RFC_4122, moment)


def test_an_id_is_a_uuid_of_its_moment() -> None:
    before = now_ms()
    names = [new_id() for _ in range(MANY)]
    after = now_ms()
    assert all(any(_is_of(name, moment) for moment in range(before, after + 1)) for name in names)
    assert len(set(names)) == MANY


def test_ids_of_one_moment_are_in_order() -> None:
    moment = now_ms()
    one, other = ([*itertools.islice(new_ids(moment), MANY)] for _ in range(2))
    for names in (one, other):
        assert all(_is_of(name, moment) for name in names)
        assert names == sorted(names)
    assert len({*one, *other}) == 2 * MANY
