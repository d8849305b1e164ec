"""Events as bytes, the short way and the long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.chat import ReasoningDelta, RetryNotice, TextDelta, ToolCallDelta, encode
from lokid.rpc.messages import encode_notification
from lokid.server.event_frames import EventFrames

TEXTS = st.text(alphabet=st.characters(exclude_categories=()))
EVENTS = st.lists(
    st.builds(TextDelta, TEXTS)
    | st.builds(ReasoningDelta, TEXTS)
    | st.builds(ToolCallDelta, st.integers(0, 9), TEXTS, TEXTS, TEXTS)
    | st.builds(RetryNotice, st.integers(1, 9), st.floats(0, 99), TEXTS)
)


@given(st.integers(0, 2**32 - 1), EVENTS)
def test_the_short_way_gives_the_bytes_of_the_long_one(msgid, events):
    long = [encode_notification("chat.event", [msgid, encode.event(event)]) for event in events]
    assert EventFrames(msgid).joined(events) == b"".join(long)


@pytest.mark.parametrize("half", ["\ud83d", "a\udfff"])
def test_half_of_a_pair_becomes_a_question_mark(half):
    assert EventFrames(1).joined([TextDelta(half)]).endswith(b"?")
