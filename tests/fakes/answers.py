"""Sample answers of every provider type, in the form that its provider sends them, for the contract tests: a
new type needs a row in ``SAMPLES`` and gets all of them.

Each chat says the same: it reasons ``hm`` (where the format has reasoning), says ``Héllo``, and calls ``now``
with ``{"zone": "Z"}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lokid.chat import Usage
from tests.fakes import completions, frames, generating, messages

TEXT, THOUGHT, TOOL, ARGUMENTS = "Héllo", "hm", "now", {"zone": "Z"}
STATE = "c3RhdGUtdGhhdC1nb2VzLWJhY2s="
"""Opaque state as providers send it, to be found in the next request."""


@dataclass(frozen=True)
class Chat:
    """``stream``: what comes up to the terminal marker, and the marker with all that follows. ``state``: the
    format has opaque state. ``usage``: what the answer says, in lokid's meaning."""

    model: str
    stream: tuple[bytes, bytes]
    whole: bytes
    usage: Usage
    reasons: bool = True
    state: bool = False


@dataclass(frozen=True)
class Samples:
    """``embeds``: model -> answer with the vectors ``[1, 0]`` and ``[0, 1]``, or the first alone where it
    takes one text. ``reranks``: model -> answer that ranks the third document before the first.
    ``models``: a list of the models ``a`` and ``b``."""

    chats: tuple[Chat, ...] = ()
    embeds: Mapping[str, bytes] = field(default_factory=dict)
    reranks: Mapping[str, bytes] = field(default_factory=dict)
    models: bytes | None = None


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


# --- Chat Completions

_COUNTED = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def _completions(model: str, *, reasons: bool = True) -> Chat:
    call = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": '{"zone": "Z"}'}}
    thought = [completions.chunk({"reasoning_content": letter}) for letter in THOUGHT] if reasons else []
    before = [
        completions.chunk({"role": "assistant", "content": ""}),
        *thought,
        completions.chunk({"content": "Hé"}),
        completions.chunk({"content": "llo"}),
        completions.calls(completions.entry(0, "call_1", TOOL, "")),
        completions.calls(completions.entry(0, arguments='{"zone"')),
        completions.calls(completions.entry(0, arguments=': "Z"}')),
    ]
    after = [completions.CALLS, {"id": "r1", "choices": [], "usage": _COUNTED}]
    message: dict[str, Any] = {"role": "assistant", "content": TEXT, "tool_calls": [call]}
    if reasons:
        message["reasoning_content"] = THOUGHT
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return Chat(
        model,
        (_events(before), _events(after) + b"data: [DONE]\n\n"),
        _json({"id": "r1", "model": "m-1", "choices": [choice], "usage": _COUNTED}),
        Usage(9, 5, cached_input_tokens=2, reasoning_tokens=3),
        reasons=reasons,
    )


def _events(values: list[dict[str, Any]]) -> bytes:
    return b"".join(b"data: " + _json(value) + b"\n\n" for value in values)


# --- Responses


def _responses(model: str) -> Chat:
    thought = {"type": "summary_text", "text": THOUGHT}
    item = {"type": "reasoning", "id": "rs_1", "summary": [thought], "encrypted_content": STATE}
    text = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": TEXT}]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": TOOL}
    output = [item, text, call | {"arguments": '{"zone": "Z"}'}]
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    response = {"id": "resp_1", "model": "m-1", "status": "completed", "output": output, "usage": usage}
    before: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"summary": []}},
        *(
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": letter}
            for letter in THOUGHT
        ),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "content": []}},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "Hé"},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "llo"},
        {"type": "response.output_item.done", "output_index": 1, "item": text},
        {"type": "response.output_item.added", "output_index": 2, "item": call | {"arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"zone"'},
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ': "Z"}'},
        {"type": "response.output_item.done", "output_index": 2, "item": output[2]},
    ]
    return Chat(
        model,
        (messages.wire(before), messages.wire([{"type": "response.completed", "response": response}])),
        _json(response),
        Usage(9, 5, 2, 1, 3),
        state=True,
    )


# --- Messages


def _messages(model: str) -> Chat:
    before = [
        messages.start(),
        *messages.thought(0, *THOUGHT, signature=STATE),
        *messages.said(1, "Hé", "llo"),
        *messages.called(2, "call_1", TOOL, '{"zone"', ': "Z"}'),
    ]
    delta, stop = messages.end("tool_use", messages.USAGE)
    content = [
        {"type": "thinking", "thinking": THOUGHT, "signature": STATE},
        {"type": "text", "text": TEXT},
        {"type": "tool_use", "id": "call_1", "name": TOOL, "input": ARGUMENTS},
    ]
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": content,
        "stop_reason": "tool_use",
        "usage": messages.USAGE,
    }
    return Chat(
        model,
        (messages.wire([*before, delta]), messages.wire([stop])),
        _json(whole),
        Usage(12, 5, 2, 1, 3),
        state=True,
    )


# --- generateContent


def _gemini(model: str) -> Chat:
    call = generating.call(TOOL, ARGUMENTS, STATE, id="call_1")
    usage = {
        "promptTokenCount": 9,
        "cachedContentTokenCount": 2,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 3,
    }
    before = [
        generating.chunk(generating.thought("h")),
        generating.chunk(generating.thought("m")),
        generating.chunk(generating.said("Hé")),
        generating.chunk(generating.said("llo")),
        generating.chunk(call),
    ]
    last = generating.chunk(generating.said(""), finish="STOP", usageMetadata=usage)
    whole = generating.chunk(
        generating.thought(THOUGHT), generating.said(TEXT), call, finish="STOP", usageMetadata=usage
    )
    return Chat(
        model,
        (generating.stream(*before), generating.stream(last)),
        _json(whole),
        Usage(9, 5, cached_input_tokens=2, reasoning_tokens=3),
        state=True,
    )


# --- Converse


def _converse(model: str) -> Chat:
    def delta(index: int, **said: Any) -> tuple[str, Any]:
        return ("contentBlockDelta", {"contentBlockIndex": index, "delta": said})

    def end(index: int) -> tuple[str, Any]:
        return ("contentBlockStop", {"contentBlockIndex": index})

    usage = {
        "inputTokens": 9,
        "outputTokens": 5,
        "totalTokens": 17,
        "cacheReadInputTokens": 2,
        "cacheWriteInputTokens": 1,
    }
    called = {"toolUse": {"toolUseId": "call_1", "name": TOOL}}
    before = [
        ("messageStart", {"role": "assistant"}),
        *(delta(0, reasoningContent={"text": letter}) for letter in THOUGHT),
        delta(0, reasoningContent={"signature": STATE}),
        end(0),
        delta(1, text="Hé"),
        delta(1, text="llo"),
        end(1),
        ("contentBlockStart", {"contentBlockIndex": 2, "start": called}),
        delta(2, toolUse={"input": '{"zone"'}),
        delta(2, toolUse={"input": ': "Z"}'}),
        end(2),
    ]
    after = [("messageStop", {"stopReason": "tool_use"}), ("metadata", {"usage": usage})]
    content = [
        {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": STATE}}},
        {"text": TEXT},
        {"toolUse": {"toolUseId": "call_1", "name": TOOL, "input": ARGUMENTS}},
    ]
    message = {"role": "assistant", "content": content}
    return Chat(
        model,
        (frames.converse(*before), frames.converse(*after)),
        _json({"output": {"message": message}, "stopReason": "tool_use", "usage": usage}),
        Usage(12, 5, cached_input_tokens=2, cache_write_tokens=1),
        state=True,
    )


# --- Cohere's v2


def _cohere(model: str) -> Chat:
    usage = {
        "billed_units": {"input_tokens": 7.0, "output_tokens": 4.0},
        "tokens": {"input_tokens": 9.0, "output_tokens": 5.0},
        "cached_tokens": 2.0,
    }

    def event(kind: str, index: int, **message: Any) -> dict[str, Any]:
        return {"type": kind, "index": index, "delta": {"message": message}}

    call = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": '{"zone": "Z"}'}}
    begun = call | {"function": {"name": TOOL, "arguments": ""}}
    before: list[dict[str, Any]] = [
        {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant"}}},
        event("content-start", 0, content={"type": "thinking", "thinking": ""}),
        *(event("content-delta", 0, content={"thinking": letter}) for letter in THOUGHT),
        {"type": "content-end", "index": 0},
        event("content-start", 1, content={"type": "text", "text": ""}),
        *(event("content-delta", 1, content={"text": piece}) for piece in ("Hé", "llo")),
        {"type": "content-end", "index": 1},
        event("tool-call-start", 0, tool_calls=begun),
        *(
            event("tool-call-delta", 0, tool_calls={"function": {"arguments": piece}})
            for piece in ('{"zone"', ': "Z"}')
        ),
        {"type": "tool-call-end", "index": 0},
    ]
    last = {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}}
    content = [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": TEXT}]
    message = {"role": "assistant", "content": content, "tool_calls": [call]}
    return Chat(
        model,
        (messages.wire(before), messages.wire([last]) + b"data: [DONE]\n\n"),
        _json({"id": "a1", "message": message, "finish_reason": "TOOL_CALL", "usage": usage}),
        Usage(9, 5, cached_input_tokens=2, billed=(7, 4)),
    )


# --- vectors, ranks and lists

_OPENAI_VECTORS = _json(
    {
        "data": [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}],
        "usage": {"prompt_tokens": 2},
    }
)
_GEMINI_VECTORS = _json({"embeddings": [{"values": [1, 0]}, {"values": [0, 1]}]})
_PREDICTIONS = _json({"predictions": [{"embeddings": {"values": row}} for row in ([1, 0], [0, 1])]})
_FLOATS = _json({"embeddings": {"float": [[1, 0], [0, 1]]}, "response_type": "embeddings_by_type"})
_RANKS = _json({"results": [{"index": 0, "relevance_score": 0.2}, {"index": 2, "relevance_score": 0.9}]})
_RANKS_OF_AWS = _json({"results": [{"index": 0, "relevanceScore": 0.2}, {"index": 2, "relevanceScore": 0.9}]})
_OPENAI_MODELS = _json({"data": [{"id": "a"}, {"id": "b"}]})

SAMPLES: Mapping[str, Samples] = {
    "openai": Samples(
        (_completions("gpt-4.1", reasons=False), _responses("gpt-5.4")),
        {"text-embedding-3-small": _OPENAI_VECTORS},
        models=_OPENAI_MODELS,
    ),
    "openai-compatible": Samples(
        (_completions("some-model"),),
        {"text-embed": _OPENAI_VECTORS},
        {"some-rerank": _RANKS},
        _OPENAI_MODELS,
    ),
    "azure-openai": Samples(
        (
            _completions("gpt-4.1", reasons=False),
            _responses("gpt-5.4"),
            _messages("claude-sonnet-4-5"),
        ),
        {"text-embedding-3-small": _OPENAI_VECTORS},
    ),
    "claude": Samples((_messages("claude-sonnet-4-5"),), models=_OPENAI_MODELS),
    "gemini": Samples(
        (_gemini("gemini-3.5-flash"),),
        {"gemini-embedding-001": _GEMINI_VECTORS},
        models=_json({"models": [{"name": "models/a"}, {"name": "models/b"}]}),
    ),
    "vertexai": Samples(
        (
            _gemini("gemini-3.5-flash"),
            _messages("claude-sonnet-4-5@20250929"),
            _completions("mistral-medium-3", reasons=False),
        ),
        {
            "text-embedding-005": _PREDICTIONS,
            "gemini-embedding-2": _json({"embedding": {"values": [1, 0]}}),
        },
        models=_json({"publisherModels": [{"name": f"publishers/google/models/{name}"} for name in "ab"]}),
    ),
    "bedrock": Samples(
        (_converse("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),),
        {
            "cohere.embed-english-v3": _json({"embeddings": [[1, 0], [0, 1]]}),
            "cohere.embed-v4:0": _FLOATS,
            "amazon.titan-embed-text-v2:0": _json({"embedding": [1, 0], "inputTextTokenCount": 1}),
            "amazon.nova-2-multimodal-embeddings-v1:0": _json({"embeddings": [{"embedding": [1, 0]}]}),
        },
        {"cohere.rerank-v3-5:0": _RANKS, "amazon.rerank-v1:0": _RANKS_OF_AWS},
        _json({"modelSummaries": [{"modelId": "a"}, {"modelId": "b"}]}),
    ),
    "cohere": Samples(
        (_cohere("command-a-reasoning-08-2025"),),
        {"embed-v4.0": _FLOATS},
        {"rerank-v3.5": _RANKS},
        _json({"models": [{"name": "a"}, {"name": "b"}]}),
    ),
}
"""Type -> answers of all formats that it reads."""


def samples_of(name: str) -> Samples:
    assert name in SAMPLES, f"tests/fakes/answers.py has no answers of type {name}: add a row to SAMPLES"
    return SAMPLES[name]
