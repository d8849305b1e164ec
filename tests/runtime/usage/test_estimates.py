"""What is sent costs, wherever in the request it is: a budget that looks away somewhere is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    Image,
    Message,
    Reasoning,
    RerankRequest,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.runtime.usage import estimates
from lokid.runtime.usage.estimates import IMAGE_TOKENS, SAMPLE, chat_tokens, rerank_tokens, size, tokens_of

LONG = "x" * 40_000
DEEP: dict[str, Any] = {"properties": {"a": {"enum": ["b", LONG]}}}


def user(*parts: Any) -> tuple[Message, ...]:
    return (Message("user", parts),)


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest("c:m", user(Text(LONG))),
        ChatRequest("c:m", user(Text("hi")), system=LONG),
        ChatRequest("c:m", user(Text("hi")), tools=(Tool("t", description=LONG),)),
        ChatRequest("c:m", user(Text("hi")), tools=(Tool("t", parameters=DEEP),)),
        ChatRequest("c:m", user(Text("hi")), response_schema=ResponseSchema(DEEP)),
        ChatRequest("c:m", user(Text("hi")), extra_body={"more": [{LONG: 1}]}),
        ChatRequest("c:m", user(Reasoning(LONG))),
        ChatRequest("c:m", user(Text("hi", {"signature": LONG}))),
        ChatRequest("c:m", user(ToolCall("1", "t", {"a": [None, True, LONG]}))),
        ChatRequest("c:m", user(ToolResult("1", "t", LONG))),
        ChatRequest("c:m", user(ToolResult("1", "t", (Text(LONG),)))),
    ],
    ids=[
        "prompt",
        "system",
        "tool",
        "parameters",
        "schema",
        "body",
        "reasoning",
        "signature",
        "call",
        "result",
        "parts",
    ],
)
def test_a_long_text_counts_wherever_it_is(request_: ChatRequest) -> None:
    assert 10_000 <= chat_tokens(request_) < 10_100


def test_an_image_counts_as_the_most_that_one_costs() -> None:
    image = Image("image/png", b"x" * 1_000_000)
    request = ChatRequest("c:m", user(image, ToolResult("1", "t", (image,))))
    assert 0 <= chat_tokens(request) - 2 * IMAGE_TOKENS < 10


TWENTY = 2**64 - 1  # digits


@pytest.mark.parametrize(
    "value",
    [
        {"a": [TWENTY] * 5_000},
        {"a": [-TWENTY, 1] * 2_500},
        {"a": [0.12345678901234567] * 5_000},
        {"a": [True, None] * 2_500},
        {"a": [[], {}] * 2_500},
        {str(at): TWENTY - at for at in range(5_000)},
        {str(at): at / 7 for at in range(5_000)},
        {"a": [{"a": ""}, ""] * 2_500},
    ],
    ids=["large", "negative", "fraction", "words", "empty", "map", "map of fractions", "short texts"],
)
def test_what_is_no_text_counts_as_it_is_written(value: dict[str, Any]) -> None:
    """It would else be sent for nothing: a number of twenty digits is seven tokens."""
    written = len(json.dumps(value, separators=(",", ":")))
    for request in (
        ChatRequest("c:m", user(ToolCall("1", "t", value))),
        ChatRequest("c:m", user(Text("hi")), tools=(Tool("t", parameters=value),)),
    ):
        assert 0.8 * written < 4 * chat_tokens(request)
    assert chat_tokens(ChatRequest("c:m", user(ToolCall("1", "t", {"a": [1, 2, 3]})))) < 10


def test_short_messages_are_not_free() -> None:
    assert chat_tokens(ChatRequest("c:m", user(Text("a")) * 1000)) >= 5000
    assert chat_tokens(ChatRequest("c:m", user(*[Text("a")] * 1000))) >= 1000
    assert tokens_of(["a"] * 1000) >= 1000
    assert chat_tokens(ChatRequest("c:m", user(ToolCall(LONG, "t", {}), ToolResult("1", LONG, "")))) >= 20_000


def test_no_text_hides_its_letters_from_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knew which ones are looked at would put plain ones there, and four times as much between."""
    length = 40 * SAMPLE
    step = length // SAMPLE + 1
    text = "".join("x" if at % step == 0 else "\U0001f600" for at in range(length))
    monkeypatch.setattr(estimates, "randrange", lambda most: most - 1)
    assert size(text) == pytest.approx(len(text.encode()), rel=0.05)
    monkeypatch.undo()
    assert sum(size(text) for _ in range(20)) / 20 > 2 * length


def test_a_query_counts_with_each_document() -> None:
    assert rerank_tokens(RerankRequest("c:r", "q" * 400, ("d",) * 100)) >= 100 * 100
