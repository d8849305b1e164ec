"""What a hostile server sends again and again costs what it weighs, however much came before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from lokid.chat import ToolCallDelta
from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.dialects.openai_chat_answer import StreamDecoder
from tests.fakes import completions, messages
from tests.fakes.feeding import stream

HANGS_S = 1.0
"""Of the processor, for what takes 50 ms; where each event costs what all before it weigh, 2.5 s at least."""


def ends_of_a_long_text() -> tuple[Any, bytes, list[Any]]:
    text = messages.said(0, *["x" * 1_000_000] * 5)
    begun = stream(messages.start(), *text[:-1], done=False)
    return MessagesDecoder(messages.TRAITS), begun, [{"type": "message_delta", "delta": {}}] * 5000


def fragments_of_a_long_thought() -> tuple[Any, bytes, list[Any]]:
    def thought(words: str) -> dict[str, Any]:
        return completions.chunk({"reasoning_details": [{"type": "t", "text": words}]})

    begun = stream(*[thought("x" * 1_000_000)] * 5, done=False)
    return StreamDecoder(completions.TRAITS), begun, [thought("y")] * 5000


def ends_of_many_calls() -> tuple[Any, bytes, list[Any]]:
    begun = stream(
        *(
            completions.calls(*(completions.entry(at + i, f"c{at + i}", "f", "{}") for i in range(100)))
            for at in range(0, 9_000, 100)
        ),
        done=False,
    )
    return StreamDecoder(completions.TRAITS), begun, [completions.STOP] * 8000


@pytest.mark.parametrize("made", [ends_of_a_long_text, fragments_of_a_long_thought, ends_of_many_calls])
def test_the_work_for_an_event_does_not_grow_with_what_came_before(
    made: Callable[[], tuple[Any, bytes, list[Any]]],
) -> None:
    decoder, begun, again = made()
    decoder.feed(begun)
    data = stream(*again, done=False)
    began = time.thread_time()
    decoder.feed(data)
    assert time.thread_time() - began < HANGS_S


def test_the_arguments_at_the_beginning_of_a_call_are_told_once_however_often_it_ends() -> None:
    *begun, stop = messages.called(0, "a", "f", input={"x": "y" * 1000})
    events = MessagesDecoder(messages.TRAITS).feed(stream(messages.start(), *begun, *[stop] * 9, done=False))
    assert sum(isinstance(event, ToolCallDelta) and event.arguments is not None for event in events) == 1
