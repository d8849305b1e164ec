"""RPC parameters to requests: the rules that types alone do not say.

The parameters passed ``rpc.shapes``, so the types that ``rpc.methods`` gives hold; what lies inside
parts, tools and schemas is checked here. Every error is ``InvalidParams`` and begins with the place
(``messages[2].content[0].url: ...``). Values are never shown, they are prompts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, cast

from lokid.chat.parts import invalid, json_map, message, nearest, only
from lokid.chat.vocabulary import (
    ChatRequest,
    EmbedRequest,
    Message,
    NamedTool,
    ReasoningSetting,
    RerankRequest,
    ResponseSchema,
    Text,
    Tool,
    ToolChoice,
)
from lokid.long_text import is_blank

__all__ = ["chat_request", "embed_request", "message", "rerank_request"]

LONGEST_MODEL = 4096
"""Characters of a model's name. Bedrock's, the longest, have 2,048; what is kept by model stays small."""

# What OpenAI, Anthropic and Gemini all take as the name of a function or a schema.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME_RULE = "must be 1 to 64 letters, digits, _ or -"

# Not-a-number fails every comparison and so every rule.
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "temperature": (lambda value: 0 <= value < inf, "must be 0 or more"),
    "top_p": (lambda value: 0 <= value <= 1, "must be from 0 to 1"),
    "max_tokens": (lambda value: value >= 1, "must be 1 or more"),
    "timeout_s": (lambda value: 0 < value < inf, "must be more than 0 seconds"),
    "dimensions": (lambda value: value >= 1, "must be 1 or more"),
    "top_n": (lambda value: value >= 1, "must be 1 or more"),
}


def chat_request(params: Mapping[str, Any]) -> ChatRequest:
    """Parameters of ``chat``; raises InvalidParams."""
    _ranges(params)
    tools = _tools(params.get("tools") or [])
    extra_body = params.get("extra_body")
    return ChatRequest(
        model=_model(params),
        messages=_messages(params),
        system=params.get("system") or None,
        temperature=params.get("temperature"),
        top_p=params.get("top_p"),
        max_tokens=params.get("max_tokens"),
        stop=_stop(params.get("stop")),
        tools=tools,
        tool_choice=_tool_choice(params.get("tool_choice"), tools),
        # Providers refuse these two where there are no tools, and there they mean nothing.
        parallel_tool_calls=params.get("parallel_tool_calls") if tools else None,
        response_schema=_response_schema(params.get("response_schema")),
        reasoning=_reasoning(params.get("reasoning")),
        stream=params.get("stream", False),
        timeout_s=params.get("timeout_s"),
        extra_body=None if extra_body is None else json_map(extra_body, "extra_body"),
        dry_run=params.get("dry_run", False),
        priority=params.get("priority"),
    )


def embed_request(params: Mapping[str, Any]) -> EmbedRequest:
    """Parameters of ``embed``; raises InvalidParams."""
    _ranges(params)
    if not params["texts"]:
        raise invalid("texts", "is empty: there is nothing to embed")
    return EmbedRequest(
        model=_model(params),
        texts=tuple(params["texts"]),
        input_type=params.get("input_type"),
        dimensions=params.get("dimensions"),
        encoding=params.get("encoding", "list"),
    )


def rerank_request(params: Mapping[str, Any]) -> RerankRequest:
    """Parameters of ``rerank``; raises InvalidParams."""
    _ranges(params)
    if is_blank(params["query"]):
        raise invalid("query", "is empty: say what the documents are ranked by")
    if not params["documents"]:
        raise invalid("documents", "is empty: there is nothing to rank")
    return RerankRequest(
        model=_model(params),
        query=params["query"],
        documents=tuple(params["documents"]),
        top_n=params.get("top_n"),
    )


def _model(params: Mapping[str, Any]) -> str:
    model: str = params["model"]
    if len(model) > LONGEST_MODEL:
        raise invalid("model", f"has {len(model)} characters, {LONGEST_MODEL} are the most")
    return model


def _ranges(params: Mapping[str, Any]) -> None:
    for key, (holds, rule) in _RANGES.items():
        value = params.get(key)
        if value is not None and not holds(value):
            raise invalid(key, rule)


def _messages(params: Mapping[str, Any]) -> tuple[Message, ...]:
    match params:
        case {"prompt": _, "messages": _}:
            raise invalid("prompt", "give either prompt or messages, not both")
        case {"prompt": str(prompt)}:
            if is_blank(prompt):
                raise invalid("prompt", "is empty: say what the model should answer")
            return (Message("user", (Text(prompt),)),)
        case {"messages": [_, *_] as messages}:
            return tuple(message(value, f"messages[{index}]") for index, value in enumerate(messages))
        case {"messages": _}:
            raise invalid("messages", "is empty: a conversation has at least one message")
        case _:
            raise invalid("prompt", "is missing: give prompt or messages")


def _stop(value: str | list[str] | None) -> tuple[str, ...]:
    stop = (value,) if isinstance(value, str) else tuple(value or ())
    if "" in stop:
        raise invalid("stop", "an empty text would stop every answer before it begins")
    return stop


def _tools(values: list[dict[str, Any]]) -> tuple[Tool, ...]:
    tools: dict[str, Tool] = {}
    for index, value in enumerate(values):
        place, name = f"tools[{index}]", value["name"]
        if not _NAME.fullmatch(name):
            raise invalid(f"{place}.name", _NAME_RULE)
        if name in tools:
            raise invalid(f"{place}.name", f"there are two tools with the name {name}")
        tools[name] = Tool(
            name=name,
            description=value.get("description"),
            parameters=json_map(value.get("parameters", {}), f"{place}.parameters"),
            strict=value.get("strict"),
        )
    return tuple(tools.values())


def _tool_choice(value: str | dict[str, Any] | None, tools: tuple[Tool, ...]) -> ToolChoice | None:
    match value:
        case None:
            return None
        case "auto" | "none":
            return value if tools else None
        case "required":
            if not tools:
                raise invalid("tool_choice", '"required" needs tools')
            return "required"
        case {"name": str(name)} if len(cast("dict[str, Any]", value)) == 1:
            if name not in (names := [tool.name for tool in tools]):
                raise invalid("tool_choice.name", f"is not one of the tools{nearest(name, names)}")
            return NamedTool(name)
        case _:
            raise invalid("tool_choice", 'must be "auto", "none", "required" or {name: ...}')


# Any of these makes a map a JSON Schema (2020-12, and "definitions" of older drafts). Not title and
# description: someone may give them beside {schema: ...}, and must hear that they have no effect there.
_SCHEMA_WORDS = frozenset({
    "type", "properties", "required", "additionalProperties", "patternProperties", "items", "prefixItems",
    "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "$ref", "$defs", "definitions", "$schema", "$id",
})  # fmt: skip
_SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def _response_schema(value: dict[str, Any] | None) -> ResponseSchema | None:
    """``{name?, schema, strict?}`` or the JSON Schema itself.

    The two are told apart by ``schema``, which is no word of JSON Schema: a map with it and without any
    such word is the first, everything else the second.
    """
    if value is None:
        return None
    given = json_map(value, "response_schema")
    if not isinstance(given.get("schema"), dict) or not _SCHEMA_WORDS.isdisjoint(given):
        return ResponseSchema(_json_schema(given, "response_schema"))
    only(given, ("name", "schema", "strict"), "response_schema")
    name, strict = given.get("name"), given.get("strict")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise invalid("response_schema.name", _NAME_RULE)
    if not (strict is None or isinstance(strict, bool)):
        raise invalid("response_schema.strict", "must be true or false")
    schema = _json_schema(given["schema"], "response_schema.schema")
    return ResponseSchema(schema, strict=strict) if name is None else ResponseSchema(schema, name, strict)


def _json_schema(schema: dict[str, Any], place: str) -> dict[str, Any]:
    """The usual mistakes only; the provider checks the rest."""
    if _SCHEMA_WORDS.isdisjoint(schema):
        raise invalid(
            place, "must be a JSON Schema, like {type: object, properties: ...}, or {name, schema, strict}"
        )
    kind = schema.get("type")
    for word in kind if isinstance(kind, list) else () if kind is None else (kind,):
        if word not in _SCHEMA_TYPES:
            # json_schema and json_object are words of OpenAI's response_format, not of JSON Schema.
            raise invalid(f"{place}.type", f"must be one of {', '.join(_SCHEMA_TYPES)}")
    return schema


def _reasoning(value: str | int | None) -> ReasoningSetting | None:
    match value:
        case None | "off" | "low" | "medium" | "high":
            return value
        case int() if value >= 0:
            return value
        case _:
            raise invalid(
                "reasoning", 'must be "off", "low", "medium", "high" or a budget of 0 or more tokens'
            )
