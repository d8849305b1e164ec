"""What is sent costs, wherever in the request it is: a budget that looks away somewhere is none."""

from __future__ import annotations

from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    Image,
    Message,
    Reasoning,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.runtime.usage.estimates import IMAGE_TOKENS, chat_tokens

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
    assert chat_tokens(request) == 2 * IMAGE_TOKENS
