"""Cohere Chat, version 2: how a request is written; ``cohere_chat_answer`` reads answers.

Reference: https://docs.cohere.com/reference/chat. The messages are like those of Chat Completions, most
parameters are not.
"""

from __future__ import annotations

from typing import Any

from lokid.chat import (
    ChatRequest,
    Message,
    NamedTool,
    Reasoning,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.openai_pieces import (
    arguments_text,
    known,
    messages,
    result_text,
    text_part,
    tools,
)
from lokid.dialects.pictures import handed_back
from lokid.dialects.traits import BUDGETS, Traits
from lokid.dialects.untrusted import mapping
from lokid.errors import InvalidParams, Unsupported
from lokid.long_text import joined

KEY = "cohere_chat"
"""Our key in ``opaque``: ``{origin, field}``, where ``field`` is ``thinking`` or ``tool_plan``."""

MIN_P, MAX_P = 0.01, 0.99
"""The range of ``p``, Cohere's ``top_p``."""

MAX_STOPS = 5


def encode(request: ChatRequest, traits: Traits, *, stream: bool) -> dict[str, Any]:
    """The body. Raises ``Unsupported`` or ``InvalidParams`` for what the model or this API does not have."""
    traits.check(request)
    request = handed_back(request)
    _check(request)
    body: dict[str, Any] = {
        "model": traits.model,
        "messages": messages(request, traits, assistant=_assistant, result=_document),
        "stream": stream,
    }
    body |= known(
        temperature=request.temperature,
        p=request.top_p,
        max_tokens=traits.max_tokens(request),
        stop_sequences=list(request.stop) or None,
        thinking=_thinking(request, traits),
    )
    if request.tools:
        body |= _tools(request)
    if schema := request.response_schema:
        body["response_format"] = {"type": "json_object", "json_schema": schema.schema}
    return body


def _check(request: ChatRequest) -> None:
    if request.top_p is not None and not MIN_P <= request.top_p <= MAX_P:
        raise InvalidParams(
            f"top_p: Cohere takes {MIN_P} to {MAX_P}", hint="leave out top_p for the model's default"
        )
    if len(request.stop) > MAX_STOPS:
        raise InvalidParams(f"stop: Cohere takes at most {MAX_STOPS} sequences")
    if request.response_schema and request.tools:
        raise Unsupported(
            "Cohere does not answer to a schema while there are tools",
            hint="leave out response_schema until the tools are done, or leave out tools",
        )
    if request.tools and request.parallel_tool_calls is False:
        raise Unsupported(
            "Cohere cannot be kept from calling several tools at once", hint="leave out parallel_tool_calls"
        )


def _thinking(request: ChatRequest, traits: Traits) -> dict[str, Any] | None:
    """An effort stands for a budget, of which a limit on all tokens leaves half to the answer."""
    effort = traits.effort(request.reasoning)
    if effort is None:
        return None
    if effort in ("none", "minimal"):
        return {"type": "disabled"}
    if isinstance(request.reasoning, int):
        return {"type": "enabled", "token_budget": request.reasoning}
    budget = BUDGETS.get(effort)
    if budget and request.max_tokens:
        budget = max(1, min(budget, request.max_tokens // 2))
    return {"type": "enabled", **known(token_budget=budget)}


def _tools(request: ChatRequest) -> dict[str, Any]:
    """A tool cannot be chosen by name, so it is the only one that the model is told of. ``strict_tools``
    holds for all of them: one that asks for it is enough."""
    offered: tuple[Tool, ...] = request.tools
    choice: str | None = None
    match request.tool_choice:
        case NamedTool(name) if all(tool.name != name for tool in offered):
            raise InvalidParams(f"tool_choice: {name[:64]!r} is none of the tools")
        case NamedTool(name):
            choice = "REQUIRED"
            offered = tuple(tool for tool in offered if tool.name == name)
        case "required":
            choice = "REQUIRED"
        case "none":
            choice = "NONE"
    functions = [
        {key: value for key, value in function.items() if key != "strict"} for function in tools(request)
    ]
    names = {tool.name for tool in offered}
    return {
        "tools": [{"type": "function", "function": one} for one in functions if one["name"] in names],
        **known(
            tool_choice=choice,
            strict_tools=True if any(tool.strict for tool in offered) else None,
        ),
    }


# --- messages


def _document(result: ToolResult) -> list[dict[str, Any]]:
    """A tool's answer as a document, which the model can cite."""
    return [{"type": "document", "document": {"data": result_text(result)}}]


def _assistant(message: Message, traits: Traits) -> list[dict[str, Any]]:
    """Nothing for a message without words and calls: an empty turn is refused. What the model thought and
    planned goes back with the calls that it led to, and only to where it came from."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if not calls:
        return [{"role": "assistant", "content": message.text}] if message.text else []
    wire: dict[str, Any] = {"role": "assistant"}
    if plan := _thought(message, traits, "tool_plan"):
        wire["tool_plan"] = plan
    thought = _thought(message, traits, "thinking")
    if thought:
        wire["content"] = [
            {"type": "thinking", "thinking": thought},
            *([text_part(message.text)] if message.text else []),
        ]
    elif message.text:
        wire["content"] = message.text
    wire["tool_calls"] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": arguments_text(call)},
        }
        for call in calls
    ]
    return [wire]


def _thought(message: Message, traits: Traits, field: str) -> str:
    found = []
    for part in message.parts:
        if isinstance(part, Reasoning):
            opaque = mapping(part.opaque.get(KEY))
            if opaque.get("origin") == traits.origin and opaque.get("field") == field:
                found.append(part.text)
    return joined(found)
