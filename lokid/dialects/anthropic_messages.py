"""Anthropic Messages: how a request is written; ``anthropic_messages_answer`` reads answers.

Reference: https://platform.claude.com/docs/en/api/messages. Claude speaks it everywhere: at Anthropic, on
Azure (Foundry), and, without ``model`` in the body, on Vertex AI and Bedrock (``hosted``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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
from lokid.dialects.base64_text import base64_text
from lokid.dialects.openai_pieces import known
from lokid.dialects.pictures import handed_back
from lokid.dialects.stored import holds
from lokid.dialects.traits import BUDGETS, Traits
from lokid.dialects.turns import Blocks, turns
from lokid.dialects.untrusted import items, mapping, text
from lokid.errors import InvalidParams, Unsupported
from lokid.long_text import is_blank

KEY = "anthropic_messages"
"""Our key in ``opaque``."""

MAX_TOKENS = 4096
"""The limit for a model of which none is known: the API requires one, and the smallest models have this."""

MIN_BUDGET = 1024
"""Tokens; the API refuses smaller budgets of thinking."""

MEDIA_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def encode(request: ChatRequest, traits: Traits, *, stream: bool) -> dict[str, Any]:
    """The body. Raises ``Unsupported`` or ``InvalidParams`` for what the model does not have."""
    traits.check(request)
    request = handed_back(request)
    limit = request.max_tokens or traits.default_max_tokens or MAX_TOKENS
    thinking, effort, limit = thinking_for(request, traits, limit)
    check_thinking(request, traits, thinking)
    system, messages = turns(request, traits, _BLOCKS)
    output: dict[str, Any] = known(effort=effort)
    if schema := request.response_schema:
        closed = schema.schema if schema.strict is False else closed_schema(schema.schema)
        output["format"] = {"type": "json_schema", "schema": closed}
    return {
        "model": traits.model,
        "max_tokens": limit,
        **({"system": system} if system else {}),
        "messages": [_shortest(turn) for turn in messages],
        **known(
            temperature=request.temperature,
            top_p=request.top_p,
            stop_sequences=list(request.stop) or None,
            thinking=thinking,
            output_config=output or None,
            tools=[_tool(tool, traits) for tool in request.tools] or None,
            tool_choice=_tool_choice(request) if request.tools else None,
        ),
        **({"stream": True} if stream else {}),
    }


def hosted(body: Mapping[str, Any], version: str, *, stream: bool = True) -> dict[str, Any]:
    """``body`` for a cloud that names the model in the path: without ``model``, with ``version`` as
    ``anthropic_version``. ``stream``: whether it keeps that key (Vertex AI does, Bedrock refuses it)."""
    dropped = {"model"} if stream else {"model", "stream"}
    kept = {key: value for key, value in body.items() if key not in dropped}
    return kept | {"anthropic_version": version}


# --- thinking


def thinking_for(
    request: ChatRequest, traits: Traits, limit: int
) -> tuple[dict[str, Any] | None, str | None, int]:
    """``thinking``, the effort, and ``max_tokens``, of which thinking is a part.

    Models that take an effort think unless told not to (``none``), or only between tools (``minimal``),
    and leave out what they thought unless asked for it.
    """
    effort = traits.effort(request.reasoning)
    if effort is None:
        return None, None, limit
    if traits.thinking == "adaptive":
        if quiet := _QUIET.get(effort):
            return {"type": quiet}, None, limit
        return {"type": "adaptive", "display": "summarized"}, effort, limit
    if effort in _QUIET:
        return None, None, limit
    budget, limit = _budget(request, traits, limit)
    return {"type": "enabled", "budget_tokens": budget}, None, limit


_QUIET = {"none": "disabled", "minimal": "between_tools"}


def _budget(request: ChatRequest, traits: Traits, limit: int) -> tuple[int, int]:
    """Budget and limit. An effort leaves half of the caller's limit to the answer; a budget that the caller
    named stays as it is (at least the API's minimum). Both lift a limit that nobody named."""
    wanted = request.reasoning
    budget = max(wanted if isinstance(wanted, int) else BUDGETS[str(wanted)], MIN_BUDGET)
    if request.max_tokens is None:
        return budget, limit if limit > budget else budget + MAX_TOKENS
    if not isinstance(wanted, int):
        budget = min(budget, max(limit // 2, MIN_BUDGET))
    if budget >= limit:
        raise InvalidParams(
            f"max_tokens: thinking is part of it, so {traits.named} needs more than {budget} for this",
            hint="give a larger max_tokens, or less reasoning",
        )
    return budget, limit


def check_thinking(request: ChatRequest, traits: Traits, thinking: Mapping[str, Any] | None) -> None:
    """What the API refuses together with thinking, which some models always do."""
    asked = thinking is not None and thinking["type"] not in _QUIET.values()
    always = traits.thinking == "adaptive" and "none" not in traits.efforts
    if asked and request.temperature not in (None, 1):
        raise Unsupported(
            f"{traits.model} accepts no temperature while it reasons",
            hint="leave out temperature or reasoning",
        )
    forced = request.tool_choice == "required" or isinstance(request.tool_choice, NamedTool)
    if forced and (asked or always):
        why = "because it always reasons" if always else "while it reasons"
        raise Unsupported(
            f"{traits.model} cannot be made to call a tool {why}",
            hint='let tool_choice be "auto"' + ("" if always else ", or leave out reasoning"),
        )


# --- tools and schemas


def _tool(tool: Tool, traits: Traits) -> dict[str, Any]:
    if tool.strict and not traits.structured_outputs:
        raise Unsupported(f"{traits.model} has no strict tools", hint=f"leave out strict of {tool.name}")
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    return {
        "name": tool.name,
        **known(description=tool.description),
        "input_schema": closed_schema(schema) if tool.strict else schema,
        **known(strict=tool.strict),
    }


_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def _tool_choice(request: ChatRequest) -> dict[str, Any] | None:
    alone = {"disable_parallel_tool_use": True} if request.parallel_tool_calls is False else {}
    match request.tool_choice:
        case NamedTool(name):
            return {"type": "tool", "name": name, **alone}
        case "none":
            return {"type": "none"}
        case None:
            return {"type": "auto", **alone} if alone else None
        case choice:
            return {"type": _CHOICES[choice], **alone}


def closed_schema(schema: Any) -> Any:
    """With ``additionalProperties: false`` on every object that does not say: the API requires it."""
    if not isinstance(schema, Mapping):
        return schema
    found = dict(schema)
    kinds = schema.get("type")
    if kinds == "object" or (isinstance(kinds, list) and "object" in kinds) or "properties" in schema:
        found.setdefault("additionalProperties", False)
    for key, inner in schema.items():
        if key in ("properties", "$defs", "definitions") and isinstance(inner, Mapping):
            found[key] = {name: closed_schema(value) for name, value in inner.items()}
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(inner, list):
            found[key] = [closed_schema(value) for value in inner]
        elif key == "items":
            found[key] = closed_schema(inner)
    return found


# --- messages


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _shortest(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn of one plain text as a string, as everybody writes it."""
    match turn["content"]:
        case [{"type": "text", "text": words, **more}] if not more:
            return {**turn, "content": words}
    return turn


def _answered(part: Part, traits: Traits) -> list[dict[str, Any]]:
    """The block of an answer again. What only its origin can read goes nowhere else."""
    opaque = mapping(part.opaque.get(KEY)) if isinstance(part, Text | Reasoning | ToolCall) else {}
    ours = opaque.get("origin") == traits.origin
    match part:
        case Text(words) if not is_blank(words) and not opaque.get("explains"):
            cited = items(opaque.get("citations")) if ours else ()
            return [{**_text(words), **known(citations=list(cited) or None)}]
        case Reasoning(words) if ours and (signature := text(opaque.get("signature"))):
            return [{"type": "thinking", "thinking": words, "signature": signature}]
        case Reasoning() if ours and (block := mapping(opaque.get("block"))):
            return [] if _made_up(block) else [dict(block)]
        case ToolCall(given, name, arguments):
            more = mapping(opaque.get("more")) if ours else {}
            more = {} if _made_up(more) else more
            return [{**more, "type": "tool_use", "id": _id(given), "name": name, "input": arguments}]
    return []


_ASKED = ("document", "image", "search_result", "tool_result")
"""Blocks that a model is sent, and never answers with. A document is many more tokens than it seems."""


def _made_up(block: Mapping[str, Any]) -> bool:
    return block.get("type") in _ASKED or holds(block, _names_file)


def _names_file(one: Mapping[str, Any]) -> bool:
    """A file that was uploaded, as a source or as a block, or one that Anthropic would fetch: what its own
    tools fetched is in their blocks. (Files that a tool on Anthropic's side wrote have an id in a map of
    another type, by which nothing is read.) Nor does a model say what is to be cached, which is dearer."""
    kind = one.get("type")
    if "cache_control" in one:
        return True
    return ("file_id" in one and kind in ("file", "container_upload")) or ("url" in one and kind == "url")


def _result(result: ToolResult, traits: Traits) -> dict[str, Any]:
    content: Any = result.content
    if not isinstance(content, str):
        content = [
            _image(part, traits) if isinstance(part, Image) else _text(part.text)
            for part in content
            if isinstance(part, Image) or not is_blank(part.text)
        ]
    return {
        "type": "tool_result",
        "tool_use_id": _id(result.id),
        "content": content,
        **({"is_error": True} if result.is_error else {}),
    }


def _id(given: str) -> str:
    """Ids of other providers have characters that are refused here; both ends of a call change alike."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", given)


def _image(image: Image, traits: Traits) -> dict[str, Any]:
    if image.url is not None:
        if not traits.image_urls:
            raise Unsupported(
                f"{traits.model} is not given images by URL here", hint="send the bytes of the image"
            )
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    kind = {"image/jpg": "image/jpeg"}.get(image.media_type or "", image.media_type)
    if kind not in MEDIA_TYPES:
        raise Unsupported(
            f"{traits.model} does not take images of the type {kind}",
            hint=f"it takes {', '.join(MEDIA_TYPES)}",
        )
    data = base64_text(image.data)
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


_BLOCKS = Blocks(text=_text, image=_image, result=_result, answered=_answered)
