"""OpenAI Chat Completions, as OpenAI and everybody who says "OpenAI-compatible" speak it.

Reference: https://platform.openai.com/docs/api-reference/chat. Where servers differ from it, the comment
names who. This file writes requests; ``openai_chat_answer`` reads answers.
"""

from __future__ import annotations

from typing import Any

from lokid.chat import ChatRequest, Message, NamedTool, Reasoning, ToolCall
from lokid.dialects.openai_pieces import (
    arguments_text,
    known,
    messages,
    result_text,
    tools,
)
from lokid.dialects.pictures import handed_back
from lokid.dialects.reasoning_state import FIELDS
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import items, mapping, text

KEY = "openai_chat"
"""Our key in ``opaque``: other dialects' state is none of our business, and the other way round."""

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""DeepSeek, llama.cpp, Moonshot; Groq, OpenRouter, Ollama. The first one there counts: some servers send
both while they rename it."""


def encode(request: ChatRequest, traits: Traits, *, stream: bool) -> dict[str, Any]:
    """The body. Raises ``Unsupported`` for what the model does not have."""
    traits.check(request)
    request = handed_back(request)
    body: dict[str, Any] = {
        "model": traits.model,
        "messages": messages(request, traits, assistant=_assistant, result=result_text),
    }
    body |= known(
        temperature=request.temperature,
        top_p=request.top_p,
        stop=list(request.stop) or None,
        reasoning_effort=traits.effort(request.reasoning),
    )
    if (limit := traits.max_tokens(request)) is not None:
        body[traits.max_tokens_param] = limit
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in tools(request)]
        body |= known(
            tool_choice=_tool_choice(request, traits), parallel_tool_calls=request.parallel_tool_calls
        )
    if schema := request.response_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": schema.name, "schema": schema.schema} | known(strict=schema.strict),
        }
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _tool_choice(request: ChatRequest, traits: Traits) -> Any:
    match request.tool_choice:
        case NamedTool(name):
            return {"type": "function", "function": {"name": name}}
        case "required":
            return traits.required_choice
        case choice:
            return choice


def _assistant(message: Message, traits: Traits) -> list[dict[str, Any]]:
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    wire: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
    if calls:
        wire |= _reasoning(message, traits)
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_text(call)},
                **_signature(call, traits),
            }
            for call in calls
        ]
    return [wire]


def _signature(call: ToolCall, traits: Traits) -> dict[str, Any]:
    """Gemini's, only to where it came from: others refuse the field."""
    opaque = mapping(call.opaque.get(KEY))
    here = opaque.get("origin", traits.origin) == traits.origin
    return known(extra_content=opaque.get("extra_content")) if here else {}


def _reasoning(message: Message, traits: Traits) -> dict[str, Any]:
    """Reasoning goes back in the field it came in, only with the calls it led to (DeepSeek and Moonshot
    answer 400 without it there, older DeepSeek models 400 with it elsewhere), only to where it came from."""
    wire: dict[str, Any] = {}
    for part in message.parts:
        if isinstance(part, Reasoning):
            opaque = mapping(part.opaque.get(KEY))
            if opaque.get("origin") != traits.origin:
                continue
            if (field := text(opaque.get("field"))) in REASONING_FIELDS:
                wire[field] = wire.get(field, "") + part.text
            for name, key in FIELDS.items():
                if details := items(opaque.get(key)):
                    wire[name] = [*wire.get(name, []), *details]
    return wire
