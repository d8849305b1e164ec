"""A usage that nobody can read is unknown, and is not a bill of nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lokid.chat import Usage
from lokid.dialects import (
    anthropic_messages_answer,
    bedrock_converse_answer,
    cohere_chat_answer,
    gemini_answer,
    openai_chat_usage,
    openai_responses_answer,
)
from tests.fakes import completions
from tests.fakes.feeding import stream

Read = Callable[[Mapping[str, Any]], Usage | None]

READERS: dict[str, tuple[Read, str, str]] = {
    "chat completions": (
        lambda found: openai_chat_usage.usage({"usage": found}),
        "prompt_tokens",
        "completion_tokens",
    ),
    "responses": (openai_responses_answer.usage, "input_tokens", "output_tokens"),
    "anthropic": (anthropic_messages_answer.usage, "input_tokens", "output_tokens"),
    "bedrock": (bedrock_converse_answer.usage, "inputTokens", "outputTokens"),
    "gemini": (gemini_answer.usage, "promptTokenCount", "candidatesTokenCount"),
    "cohere": (lambda found: cohere_chat_answer.usage({"tokens": found}), "input_tokens", "output_tokens"),
    "cohere billed": (
        lambda found: cohere_chat_answer.usage({"tokens": {"input_tokens": 1}, "billed_units": found}),
        "input_tokens",
        "output_tokens",
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_usage_of_zeros_is_none(reader: str) -> None:
    """Gateways fill them in. A question has a token at least; an answer may have none."""
    read, input_name, output_name = READERS[reader]
    assert read({input_name: 0, output_name: 0}) is None
    assert read({input_name: 0}) is None
    assert read({input_name: 3, output_name: 0}) is not None


def test_zeros_at_the_end_take_back_nothing() -> None:
    told = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    zeros = {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}
    found = completions.read(stream(completions.chunk({"content": "a"}, "stop"), told, zeros)).answer
    assert found.usage == Usage(9, 3)


@pytest.mark.parametrize("value", ["7", -1, 2**63, 1e30, True, [1], {}])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_number_of_tokens_makes_the_usage_unknown(reader: str, value: Any) -> None:
    read, input_name, output_name = READERS[reader]
    assert read({input_name: value, output_name: value}) is None
    assert read({input_name: 3, output_name: value}) is None
    assert read({input_name: None, output_name: None, "other": 5}) is None
    found = read({input_name: 3, output_name: 4.0})
    assert found is not None
    assert (found.billed or (found.input_tokens, found.output_tokens)) == (3, 4)
