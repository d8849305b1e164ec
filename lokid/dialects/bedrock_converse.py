"""Bedrock's Converse and ConverseStream: how a request is written; ``bedrock_converse_answer`` reads answers.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. One body for
models of many makers; only what the makers do not have in common goes into
``additionalModelRequestFields``, above all how a model is asked to reason (``Reasons``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from lokid.chat import (
    ChatRequest,
    Image,
    NamedTool,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.anthropic_messages import MAX_TOKENS, check_thinking, closed_schema, thinking_for
from lokid.dialects.base64_text import base64_text
from lokid.dialects.openai_pieces import known
from lokid.dialects.pictures import handed_back
from lokid.dialects.stored import holds
from lokid.dialects.traits import Traits
from lokid.dialects.turns import Blocks, turns
from lokid.dialects.untrusted import fits, items, loads, mapping, text
from lokid.errors import Unsupported
from lokid.long_text import is_blank

KEY = "bedrock_converse"
"""Our key in ``opaque``."""

Reasons = Literal["claude", "openai", "nova", "unknown"]
"""How a model is asked to reason: as its maker has it."""

FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",  # "jpg" is refused
    "image/gif": "gif",
    "image/webp": "webp",
}

MAX_ID = 64
"""Characters of the id of a tool call."""


def encode(request: ChatRequest, traits: Traits, reasons: Reasons) -> dict[str, Any]:
    """The body, streaming or not. Raises ``Unsupported`` or ``InvalidParams`` for what the model does not
    have."""
    traits.check(request)
    request = handed_back(request)
    limit = traits.max_tokens(request)
    extra, effort, limit = _reasoning(request, traits, reasons, limit)
    system, messages = turns(request, traits, _BLOCKS)
    inference = known(
        maxTokens=limit,
        temperature=request.temperature,
        topP=request.top_p,
        stopSequences=list(request.stop) or None,
    )
    output = known(textFormat=_text_format(request), effort=effort)
    return {
        **({"system": [{"text": system}]} if not is_blank(system) else {}),
        "messages": messages,
        **known(
            inferenceConfig=inference or None,
            toolConfig=_tool_config(request),
            additionalModelRequestFields=extra or None,
            outputConfig=output or None,
        ),
    }


# --- reasoning and schemas


def _reasoning(
    request: ChatRequest, traits: Traits, reasons: Reasons, limit: int | None
) -> tuple[dict[str, Any], str | None, int | None]:
    """The model's own fields, ``effort``, and ``maxTokens``, of which Claude's thinking is a part."""
    if request.reasoning is None:
        return {}, None, limit
    if reasons == "claude":
        highest = request.max_tokens or traits.default_max_tokens or MAX_TOKENS
        thinking, effort, highest = thinking_for(request, traits, highest)
        check_thinking(request, traits, thinking)
        # Without a limit Bedrock takes one that may be below the budget.
        named = thinking is not None and thinking["type"] == "enabled"
        return known(thinking=thinking), effort, highest if named else limit
    if reasons == "unknown":
        if request.reasoning in ("off", 0):
            return {}, None, limit
        raise Unsupported(
            f"it is not known how {traits.model} is asked to reason on Bedrock",
            hint="set reasoning_style of the model in the configuration, or leave out reasoning",
        )
    effort = traits.effort(request.reasoning)
    if reasons == "openai":
        return known(reasoning_effort=effort), None, limit
    on = {"type": "enabled", "maxReasoningEffort": effort}
    return {"reasoningConfig": {"type": "disabled"} if effort in (None, "none") else on}, None, limit


def _text_format(request: ChatRequest) -> dict[str, Any] | None:
    """The schema as JSON *text*, which is how Converse wants it."""
    if (schema := request.response_schema) is None:
        return None
    closed = schema.schema if schema.strict is False else closed_schema(schema.schema)
    written = json.dumps(closed, ensure_ascii=False, separators=(",", ":"))
    return {
        "type": "json_schema",
        "structure": {"jsonSchema": {"name": schema.name, "schema": written}},
    }


# --- tools


def _tool_config(request: ChatRequest) -> dict[str, Any] | None:
    """There is no choice "none", so tools are left out. But calls in the history are refused without a
    ``toolConfig``, and an empty one is refused too: what was called then stands in it by its name alone."""
    if request.tools and request.tool_choice != "none":
        if request.parallel_tool_calls is False:
            raise Unsupported(
                "Bedrock cannot keep a model from calling several tools at once",
                hint="leave out parallel_tool_calls",
            )
        tools = [_tool(tool) for tool in request.tools]
        return {"tools": tools, **known(toolChoice=_tool_choice(request))}
    called = dict.fromkeys(_called(request))
    if not called:
        return None
    gone = [Tool(name, description="Not available at the moment: do not call it.") for name in called]
    return {"tools": [_tool(tool) for tool in gone]}


def _tool(tool: Tool) -> dict[str, Any]:
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    spec = {
        "name": tool.name,
        **known(description=tool.description or None),  # an empty one is refused
        "inputSchema": {"json": closed_schema(schema) if tool.strict else schema},
        **known(strict=tool.strict),
    }
    return {"toolSpec": spec}


def _tool_choice(request: ChatRequest) -> dict[str, Any] | None:
    match request.tool_choice:
        case NamedTool(name):
            return {"tool": {"name": name}}
        case "required":
            return {"any": {}}
        case "auto":
            return {"auto": {}}
    return None


def _called(request: ChatRequest) -> Iterator[str]:
    for message in request.messages:
        yield from (part.name for part in message.parts if isinstance(part, ToolCall | ToolResult))


# --- messages


def _text(words: str) -> dict[str, Any]:
    return {"text": words}


def _answered(part: Part, traits: Traits) -> list[dict[str, Any]]:
    """The block of an answer again. What only its origin can read goes nowhere else."""
    opaque = mapping(part.opaque.get(KEY)) if isinstance(part, Text | Reasoning | ToolCall) else {}
    ours = opaque.get("origin") == traits.origin
    match part:
        case Text(words) if not is_blank(words):
            if ours and (cited := items(opaque.get("citations"))):
                return [{"citationsContent": {"content": [_text(words)], "citations": list(cited)}}]
            return [_text(words)]
        case Reasoning(words) if ours and (signature := text(opaque.get("signature"))):
            return [{"reasoningContent": {"reasoningText": {"text": words, "signature": signature}}}]
        case Reasoning() if ours and (redacted := text(opaque.get("redacted"))):
            return [{"reasoningContent": {"redactedContent": redacted}}]
        case Reasoning() if ours and (block := mapping(opaque.get("block"))):
            return [] if holds(block, _names_object) else [dict(block)]
        case ToolCall(given, name, arguments):
            return [{"toolUse": {"toolUseId": _id(given), "name": name, "input": arguments}}]
    return []


def _names_object(one: Mapping[str, Any]) -> bool:
    """In S3, which is read with the rights of the account. Or is one that no model answers with: a document,
    sound or film, of which few bytes are many tokens, or a place up to which is cached, which is dearer."""
    if "s3Location" in one or "cachePoint" in one:
        return True
    return any("source" in mapping(one.get(kind)) for kind in ("document", "audio", "video"))


def _result(result: ToolResult, traits: Traits) -> dict[str, Any]:
    """``status`` only for failures: most models do not know it."""
    if isinstance(result.content, str):
        content = [_result_text(result.content)]
    else:
        content = [
            _image(part, traits) if isinstance(part, Image) else _result_text(part.text)
            for part in result.content
            if isinstance(part, Image) or not is_blank(part.text)
        ] or [_result_text("")]
    failed = {"status": "error"} if result.is_error else {}
    return {"toolResult": {"toolUseId": _id(result.id), "content": content, **failed}}


def _result_text(words: str) -> dict[str, Any]:
    """``json`` takes objects only, and some models (Mistral's) take nothing else than that for objects. No
    text may be blank, but an object may be empty."""
    if is_blank(words):
        return {"json": {}}
    if words.lstrip()[:1] == "{":
        try:
            value = loads(words)
        except ValueError:
            return _text(words)
        if isinstance(value, Mapping) and fits(value):
            return {"json": value}
    return _text(words)


def _id(given: str) -> str:
    """Ids of other providers have characters that are refused here; both ends of a call change alike."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", given)[-MAX_ID:] or "_"


def _image(image: Image, traits: Traits) -> dict[str, Any]:
    if image.url is not None:
        raise Unsupported(
            f"{traits.model} is not given images by URL on Bedrock", hint="send the bytes of the image"
        )
    kind = FORMATS.get(image.media_type or "")
    if kind is None:
        known_kinds = ", ".join(kind for kind in FORMATS if kind != "image/jpg")
        raise Unsupported(
            f"{traits.model} does not take images of the type {image.media_type}",
            hint=f"it takes {known_kinds}",
        )
    return {"image": {"format": kind, "source": {"bytes": base64_text(image.data)}}}


_BLOCKS = Blocks(text=_text, image=_image, result=_result, answered=_answered)
