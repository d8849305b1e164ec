"""Events and results to RPC values: the inverse of ``decode``, for the maps of ``rpc.methods``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, assert_never

from lokid.chat.vocabulary import (
    ChatResult,
    EmbedAnswer,
    Event,
    Image,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    RerankAnswer,
    RetryNotice,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
)

_KINDS = tuple(field.name for field in fields(Usage) if field.name != "billed")


def event(value: Event) -> dict[str, Any]:
    """The second parameter of ``chat.event``; what an event does not have is left out."""
    match value:
        case TextDelta(text):
            return {"type": "text", "text": text}
        case ReasoningDelta(text):
            return {"type": "reasoning", "text": text}
        case ToolCallDelta(index, id_, name, arguments):
            return {"type": "tool_call", "index": index, **_given(id=id_, name=name, arguments=arguments)}
        case RetryNotice(attempt, after_s, reason):
            return {"type": "retry", "attempt": attempt, "after_s": after_s, "reason": reason}
        case _:
            assert_never(value)


def message(value: Message) -> dict[str, Any]:
    """``{role, content}``; ``content`` is always a list of parts, which goes back unchanged."""
    return {"role": value.role, "content": [_part(part) for part in value.parts]}


def _part(part: Part) -> dict[str, Any]:
    match part:
        # Opaque state first: it never overrides what lokid says.
        case Text(text, opaque):
            return {**opaque, "type": "text", "text": text}
        case Reasoning(text, opaque):
            return {**opaque, "type": "reasoning", "text": text}
        case Image(media_type, data, url, opaque):
            return {**opaque, "type": "image", **_given(media_type=media_type, data=data, url=url)}
        case ToolCall(id_, name, arguments, opaque):
            return {**opaque, "type": "tool_call", "id": id_, "name": name, "arguments": dict(arguments)}
        case ToolResult(id_, name, content, is_error):
            inner = content if isinstance(content, str) else [_part(one) for one in content]
            return {"type": "tool_result", "id": id_, "name": name, "content": inner, "is_error": is_error}
        case _:
            assert_never(part)


def _given(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def usage(value: Usage | None) -> dict[str, Any] | None:
    """Tokens by kind, or None where the provider reported none."""
    if value is None:
        return None
    return {kind: getattr(value, kind) for kind in _KINDS}


def chat_result(result: ChatResult) -> dict[str, Any]:
    answer = result.answer
    return {
        "message": message(answer.message),
        "text": answer.message.text,
        "finish_reason": answer.finish_reason,
        "usage": usage(answer.usage),
        "cost_usd": result.cost_usd,
        "model": result.model,
        "response_id": answer.response_id,
        "attempts": result.attempts,
        "first_token_s": result.first_token_s,
        "total_s": result.total_s,
    }


def embed_result(answer: EmbedAnswer, model: str, cost_usd: float | None) -> dict[str, Any]:
    """But for the vectors, which stay the bytes that they are."""
    return {"usage": usage(answer.usage), "cost_usd": cost_usd, "model": model}


def rerank_result(answer: RerankAnswer, model: str) -> dict[str, Any]:
    results = [{"index": one.index, "score": one.score} for one in answer.results]
    return {"results": results, "usage": usage(answer.usage), "model": model}
