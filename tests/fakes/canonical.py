"""The canonical requests: what every provider type is asked, for the contract tests and for the table of
``docs/providers.md``. A type answers each with an ``Exchange`` or says in a sentence why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

from pydantic import SecretStr

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    NamedTool,
    Part,
    Reasoning,
    RerankRequest,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers import catalogue
from lokid.providers.base import Credentials, Provider
from lokid.providers.settings import ClientSettings, ModelSettings

GIVEN = {
    "api_base": "https://models.example/v1",
    "api_key": "any",
    "location": "europe-west1",
    "project_id": "project-1",
    "region": "eu-central-1",
}
"""A value for every key that some type needs before it can work."""


def settings_of(provider: Provider, **more: Any) -> ClientSettings:
    """The smallest entry of this type that can work."""
    entry = {"type": provider.name, "name": "mine", **more}
    lacking = provider.settings.model_validate(entry).lacking()
    return provider.settings.model_validate({**{key: GIVEN[key] for key in lacking}, **entry})


def ways_in(provider: Provider) -> tuple[tuple[str, ...], ...]:
    """The smallest sets of secrets that open the type: ``(("api_key",), ("access_key_id", ...))``; the token
    that ``auth: oauth`` brings is one of them."""
    client = settings_of(provider)
    plain = HTTPRequest("POST", f"{provider.base_url(client)}/x", {}, {})
    names = tuple(dict.fromkeys((*provider.secrets, "access_token")))
    found: list[tuple[str, ...]] = []
    for size in range(1, len(names) + 1):
        for way in combinations(names, size):
            if not any(set(known) <= set(way) for known in found):
                secrets = {name: SecretStr(f"value-of-{name}") for name in way}
                if provider.authorize(client, Credentials(secrets, now=1.8e9), plain) != plain:
                    found.append(way)
    return tuple(found)


# --- models

MORE_MODELS: Mapping[str, tuple[str, ...]] = {
    "openai-compatible": ("deepseek-r1", "text-embed", "some-rerank"),
    "azure-openai": ("gpt-5.4", "gpt-4.1", "claude-sonnet-4-5", "text-embedding-3-small"),
    "claude": ("claude-3-5-haiku-20241022",),
    "vertexai": ("claude-sonnet-4-5@20250929", "mistral-medium-3"),
    "bedrock": (
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.nova-2-lite-v1:0",
        "amazon.nova-micro-v1:0",
        "openai.gpt-oss-120b-1:0",
        "cohere.embed-english-v3",
        "cohere.embed-v4:0",
        "amazon.titan-embed-text-v2:0",
        "amazon.nova-2-multimodal-embeddings-v1:0",
        "cohere.rerank-v3-5:0",
        "amazon.rerank-v1:0",
    ),
}
"""Models that stand for their families, beside those that a client of the type offers by itself."""

Kind = Literal["chat", "embedding", "reranker"]


def models_of(provider: Provider, kind: Kind) -> tuple[ModelSettings, ...]:
    """Those of the catalogue, those above, and one that nobody knows."""
    more = (ModelSettings(name=name) for name in MORE_MODELS.get(provider.name, ()))
    unknown = ModelSettings(name="some-model", type=kind, max_output_tokens=30_000)
    known = (*catalogue.models(provider.name), *(catalogue.complete(provider.name, one) for one in more))
    return (*(model for model in known if model.type == kind), unknown)


# --- conversations

PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = Image("image/png", PNG)
LINKED = Image("image/png", url="https://pictures.example/cat.png")
NOW = Tool("now", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})
ADD = Tool(
    "add",
    "The sum.",
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
)
SCHEMA = ResponseSchema(
    {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
)


def said(*parts: Part | str) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def answered(*parts: Part | str) -> Message:
    return replace(said(*parts), role="assistant")


def results(*parts: ToolResult) -> Message:
    return Message("tool", parts)


HELLO = said("Hello, wörld \u2028 😀")
QUESTION = ChatRequest(model="", messages=(HELLO,))
CALLED = ToolCall("call_1", "now", {"zone": "Z"})
ADDED = ToolCall("call_2", "add", {"a": 1})


def _with(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("", messages, **more)


CONVERSATIONS: Mapping[str, ChatRequest] = {
    "whole answer": QUESTION,
    "streaming": replace(QUESTION, stream=True),
    "system text": replace(QUESTION, system="Be brief."),
    "several turns": _with(HELLO, answered("Hi."), said("And now?")),
    "images as bytes": _with(said("What is this?", PICTURE)),
    "images as URLs": _with(said("What is this?", LINKED)),
    "temperature": replace(QUESTION, temperature=0.5),
    "top_p": replace(QUESTION, top_p=0.5),
    "max_tokens": replace(QUESTION, max_tokens=100),
    "stop sequences": replace(QUESTION, stop=("END",)),
    "tools": replace(QUESTION, tools=(NOW, ADD)),
    "strict tools": replace(QUESTION, tools=(replace(NOW, strict=True),)),
    "tool choice `auto`": replace(QUESTION, tools=(NOW,), tool_choice="auto"),
    "tool choice `required`": replace(QUESTION, tools=(NOW,), tool_choice="required"),
    "tool choice `none`": replace(QUESTION, tools=(NOW,), tool_choice="none"),
    "tool choice by name": replace(QUESTION, tools=(NOW, ADD), tool_choice=NamedTool("add")),
    "parallel calls off": replace(QUESTION, tools=(NOW, ADD), parallel_tool_calls=False),
    "parallel calls and their results": _with(
        HELLO,
        answered("Wait.", CALLED, ADDED),
        results(ToolResult("call_1", "now", "noon"), ToolResult("call_2", "add", "2")),
        tools=(NOW, ADD),
    ),
    "several rounds of tools": _with(
        HELLO,
        answered(CALLED),
        results(ToolResult("call_1", "now", "noon")),
        answered(ADDED),
        results(ToolResult("call_2", "add", "2")),
        tools=(NOW, ADD),
    ),
    "tool results that are errors": _with(
        HELLO, answered(CALLED), results(ToolResult("call_1", "now", "no clock", is_error=True)), tools=(NOW,)
    ),
    "tool results with images": _with(
        HELLO,
        answered(CALLED),
        results(ToolResult("call_1", "now", (Text("See:"), PICTURE))),
        tools=(NOW,),
    ),
    "reasoning from another model": _with(HELLO, answered(Reasoning("hm"), "Hi."), said("And now?")),
    "reasoning `off`": replace(QUESTION, reasoning="off"),
    "reasoning by effort": replace(QUESTION, reasoning="high"),
    "reasoning by budget": replace(QUESTION, reasoning=2048, max_tokens=8192),
    "answer by a schema": replace(QUESTION, response_schema=SCHEMA),
}
"""What it shows -> the request."""

EMBEDDINGS: Mapping[str, EmbedRequest] = {
    "embeddings": EmbedRequest("", ("one",)),
    "several texts a request": EmbedRequest("", ("one", "two")),
    "`input_type` query": EmbedRequest("", ("one",), input_type="query"),
    "`input_type` document": EmbedRequest("", ("one",), input_type="document"),
    "`dimensions`": EmbedRequest("", ("one",), dimensions=256),
}

RERANKS: Mapping[str, RerankRequest] = {
    "rerank": RerankRequest("", "which?", ("one", "two", "three")),
    "rerank with `top_n`": RerankRequest("", "which?", ("one", "two", "three"), top_n=2),
}


def conversations() -> Iterator[tuple[str, ChatRequest]]:
    """Each of them once whole and once streamed."""
    for name, request in CONVERSATIONS.items():
        yield name, request
        yield f"{name}, streamed", replace(request, stream=True)
