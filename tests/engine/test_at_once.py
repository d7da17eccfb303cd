"""Which events are taken on the loop itself, without a greenlet of their own."""

from __future__ import annotations

import pytest

from engine.codec import decode_event

HEADS = ('["say",', '["shout",')


@pytest.mark.parametrize(
    "message", ['2["say",{}]', '2["shout",{"a":[1]}]', '20["say",{}]', '2123456789012345["say",{}]']
)
def test_a_plain_event_with_or_without_an_acknowledgement_is_one(message: str) -> None:
    assert decode_event(message, HEADS) is not None


@pytest.mark.parametrize(
    "message",
    [
        "",
        "2",
        "21",
        "2[",
        '2["say"]',
        '2["sayer",{}]',
        '2["other",["say",{}]]',
        '2/admin,["say",{}]',
        '3["say",{}]',
        '31["say",{}]',
        '51-["say",{}]',
        '212345678901234567["say",{}]',
        '["say",{}]',
        '2\u0663["say",{}]',
    ],
)
def test_nothing_else_is(message: str) -> None:
    assert decode_event(message, HEADS) is None


def test_without_such_events_nothing_is() -> None:
    assert decode_event('2["say",{}]', ()) is None
    assert decode_event('21["say",{}]', ()) is None
