"""Events and results as RPC values, and that what went out comes back unchanged."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.chat import (
    Answer,
    ChatResult,
    EmbedAnswer,
    Event,
    Image,
    Message,
    Reasoning,
    ReasoningDelta,
    RerankAnswer,
    RetryNotice,
    Score,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    decode,
    encode,
)
from lokid.rpc.questions import ChatEventMap, ChatResultMap, EmbedResult, RerankResult
from lokid.rpc.shapes import check

USAGE = Usage(10, 5, 4, 1, 2)
USAGE_MAP = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cached_input_tokens": 4,
    "cache_write_tokens": 1,
    "reasoning_tokens": 2,
}


@pytest.mark.parametrize(
    ("event", "travels_as"),
    [
        (TextDelta("hi"), {"type": "text", "text": "hi"}),
        (ReasoningDelta("hm"), {"type": "reasoning", "text": "hm"}),
        (ToolCallDelta(0, "1", "weather"), {"type": "tool_call", "index": 0, "id": "1", "name": "weather"}),
        (ToolCallDelta(1, arguments=""), {"type": "tool_call", "index": 1, "arguments": ""}),
        (RetryNotice(2, 0.5, "busy"), {"type": "retry", "attempt": 2, "after_s": 0.5, "reason": "busy"}),
    ],
)
def test_an_event_holds_what_it_has(event: Event, travels_as: dict[str, Any]) -> None:
    assert encode.event(event) == travels_as
    check(travels_as, ChatEventMap)


def test_a_chat_result_has_every_key_even_where_nothing_is_known() -> None:
    message = Message("assistant", (Reasoning("hm"), Text("a"), Text("b"), ToolCall("1", "t", {})))
    full = encode.chat_result(
        ChatResult(Answer(message, "tool_calls", USAGE, "m", "r1"), "c:m", 0.25, 2, 0.1, 0.3)
    )
    assert full == {
        "message": encode.message(message),
        "text": "ab",
        "finish_reason": "tool_calls",
        "usage": USAGE_MAP,
        "cost_usd": 0.25,
        "model": "c:m",
        "response_id": "r1",
        "attempts": 2,
        "first_token_s": 0.1,
        "total_s": 0.3,
    }
    bare = encode.chat_result(ChatResult(Answer(Message("assistant", ()), "stop"), "c:m", None, 1, None, 0.3))
    assert bare.keys() == full.keys()
    check(full, ChatResultMap)
    check(bare, ChatResultMap)


def test_vectors_travel_beside_what_they_cost() -> None:
    rest = encode.embed_result(EmbedAnswer((b"\0\0\0\0",), USAGE), "c:m", 0.5)
    assert rest == {"usage": USAGE_MAP, "cost_usd": 0.5, "model": "c:m"}
    check(rest | {"embeddings": [[0.0]]}, EmbedResult)


def test_scores_keep_their_order() -> None:
    result = encode.rerank_result(RerankAnswer((Score(1, 0.9), Score(0, 0.1)), USAGE), "c:m")
    assert result == {
        "results": [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
        "usage": USAGE_MAP,
        "model": "c:m",
    }
    check(result, RerankResult)


def test_opaque_state_never_overrides_what_lokid_says() -> None:
    message = Message("assistant", (Text("a", {"type": "x", "text": "y", "signature": "s"}),))
    assert encode.message(message)["content"] == [{"type": "text", "text": "a", "signature": "s"}]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KEYS = TEXTS.filter(lambda key: key not in ("type", "text", "id", "name", "arguments"))
OPAQUE = st.dictionaries(KEYS, JSON, max_size=3)
TEXT = st.builds(Text, TEXTS, OPAQUE)
IMAGE = st.builds(Image, st.just("image/png"), st.binary(min_size=1, max_size=8)) | st.builds(
    Image, st.none() | st.just("image/webp"), url=st.just("https://example.org/a.png")
)
CALL = st.builds(ToolCall, TEXTS, TEXTS, st.dictionaries(TEXTS, JSON, max_size=3), OPAQUE)
INNER = TEXTS | st.lists(TEXT | IMAGE, max_size=3).map(tuple)
RESULT = st.builds(ToolResult, TEXTS, TEXTS, INNER, st.booleans())


def parts(part: st.SearchStrategy[Any], at_least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(part, min_size=at_least, max_size=4).map(tuple)


MESSAGES = (
    st.builds(Message, st.just("system"), parts(TEXT))
    | st.builds(Message, st.just("user"), parts(TEXT | IMAGE))
    | st.builds(
        Message,
        st.just("assistant"),
        parts(TEXT | IMAGE | CALL | st.builds(Reasoning, TEXTS, OPAQUE), at_least=0),
    )
    | st.builds(Message, st.just("tool"), parts(RESULT))
)


@given(MESSAGES)
def test_a_message_comes_back_unchanged_with_its_opaque_state(message: Message) -> None:
    assert decode.message(msgpack.unpackb(msgpack.packb(encode.message(message)))) == message
