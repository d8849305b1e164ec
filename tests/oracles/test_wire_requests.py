"""What the official SDK sent for canonical conversations, where ``LOKID_WIRE`` names the captures: each body
is read back into our vocabulary, and what lokid makes of that must be the same body."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    NamedTool,
    Part,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings

WIRE = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not WIRE, reason="LOKID_WIRE names no recordings")

DIFFERENCES = {
    "detail": "the vocabulary has no detail of images; Responses needs one and gets auto",
    "verbosity": "the vocabulary has no verbosity; extra_body can say it",
    "store": "lokid never lets OpenAI store an answer, the SDK only when told",
    "encoding_format": "compatible servers are asked for floats, and openai always for base64",
}
"""Keys that are left out of the comparison, and why."""

TYPES = {
    "openai": "openai",
    "openai-compatible": "openai-compatible",
    "azure-openai": "azure-openai",
    "azure-openai-v1": "azure-openai",
}
"""Folder of captures -> the type that sends the same."""

CASES = [
    path
    for kind in TYPES
    for path in (sorted((Path(WIRE) / "sdk-requests" / kind).glob("*.json")) if WIRE else ())
]


def compared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: compared(inner) for key, inner in value.items() if key not in DIFFERENCES}
    return [compared(inner) for inner in value] if isinstance(value, list) else value


def parts(content: Any) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    return tuple(Text(part["text"]) if "text" in part else image(part["image_url"]) for part in content)


def image(url: Any) -> Image:
    head, _, data = (url if isinstance(url, str) else url["url"]).partition(";base64,")
    return Image(head.removeprefix("data:"), base64.b64decode(data))


def message(wire: dict[str, Any]) -> Message:
    if wire.get("type") == "function_call_output":
        return Message("tool", (ToolResult(wire["call_id"], "t", wire["output"]),))
    if wire.get("type") == "function_call":
        return Message("assistant", (ToolCall(wire["call_id"], wire["name"], json.loads(wire["arguments"])),))
    if wire["role"] == "tool":
        return Message("tool", (ToolResult(wire["tool_call_id"], "t", wire["content"]),))
    calls = [
        ToolCall(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in wire.get("tool_calls", ())
    ]
    return Message(wire["role"], (*parts(wire["content"]), *calls))


def tool(wire: dict[str, Any]) -> Tool:
    wire = wire.get("function", wire)
    return Tool(wire["name"], wire.get("description"), wire["parameters"], wire.get("strict"))


def asked(body: dict[str, Any]) -> ChatRequest:
    wire = body.get("messages") or body["input"]
    messages = [{"role": "user", "content": wire}] if isinstance(wire, str) else list(wire)
    system = body.get("instructions")
    if messages[0].get("role") in ("system", "developer"):
        system = messages.pop(0)["content"]
    choice = body.get("tool_choice")
    form = body.get("response_format", {}).get("json_schema") or body.get("text", {}).get("format")
    return ChatRequest(
        "c:m",
        tuple(map(message, messages)),
        system=system,
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        max_tokens=next((body[key] for key in body if key.startswith("max_")), None),
        stop=tuple(body.get("stop", ())),
        tools=tuple(map(tool, body.get("tools", ()))),
        tool_choice=NamedTool(choice["function"]["name"]) if isinstance(choice, dict) else choice,
        parallel_tool_calls=body.get("parallel_tool_calls"),
        response_schema=ResponseSchema(form["schema"], form["name"], form["strict"]) if form else None,
        reasoning=body.get("reasoning_effort") or body.get("reasoning", {}).get("effort"),
        stream=body.get("stream", False),
    )


def model(path: str, body: dict[str, Any]) -> ModelSettings:
    roles = [wire.get("role") for wire in body.get("messages", ())]
    return ModelSettings(
        name="m",
        real_name=body["model"],
        chat_api="responses" if path.endswith("/responses") else "chat_completions",
        max_tokens_param="max_completion_tokens" if "max_completion_tokens" in body else "max_tokens",
        system_role="developer" if "developer" in roles else "system",
        reasoning_style="openai_effort" if "include" in body else None,
    )


@pytest.mark.parametrize("capture", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_sdks_bodies_are_ours(capture: Path) -> None:
    sent = json.loads(capture.read_text())["requests"][0]
    provider, body = PROVIDERS[TYPES[capture.parent.name]], sent["body"]
    host = "https://host"
    base, _, _ = sent["path"].rpartition("/chat/completions" if "messages" in body else "/")
    entry = {"type": provider.name, "name": "c", "api_base": f"{host}{base}"}
    if provider.name == "azure-openai":  # which knows the path below the host itself
        entry["api_base"] = host
    if sent["query"]:
        entry["api_version"] = sent["query"].removeprefix("api-version=")
    client = provider.settings.model_validate(entry)
    if sent["path"].endswith("/embeddings"):
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        body = body | {"input": texts}
        request = EmbedRequest("c:m", tuple(texts), dimensions=body.get("dimensions"))
        assert provider.embed
        ours = provider.embed(client, ModelSettings(name=body["model"]), request).request
    else:
        if isinstance(body.get("input"), str):  # the same, written shorter
            body = body | {"input": [{"role": "user", "content": body["input"]}]}
        assert provider.chat
        ours = provider.chat(client, model(sent["path"], body), asked(body)).request
    query = f"?{sent['query']}" if sent["query"] else ""
    assert (ours.method, ours.url) == (sent["method"], f"{host}{sent['path']}{query}")
    assert compared(json.loads(ours.content())) == compared(body)


MISTRAL = sorted((Path(WIRE) / "sdk-requests" / "mistral-direct").glob("*.json")) if WIRE else []


def as_openai_says_it(wire: Any) -> Any:
    """What Mistral's SDK says in more words, or in others, and Mistral takes in OpenAI's."""
    match wire:
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"role": "assistant", "content": ""}:
            return as_openai_says_it({**wire, "content": None})
        case dict():
            more = {"prefix": False, "stream": False}
            kept = {key: value for key, value in wire.items() if (key, value) not in more.items()}
            if kept.get("role") == "tool":
                kept.pop("name")
            if "function" in kept:
                kept.pop("index", None)
            return {key: as_openai_says_it(value) for key, value in kept.items()}
        case list():
            return list(map(as_openai_says_it, wire))
    return wire


@pytest.mark.parametrize("capture", MISTRAL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_bodies_of_mistrals_sdk_are_ours_at_mistral(capture: Path) -> None:
    sent = json.loads(capture.read_text())["requests"][0]
    provider, body = PROVIDERS["openai-compatible"], as_openai_says_it(sent["body"])
    client = provider.settings.model_validate({"type": provider.name, "name": "mistral"})
    request = asked({**body, "tool_choice": "required"} if "tool_choice" in body else body)
    assert provider.chat
    ours = provider.chat(client, ModelSettings(name=body["model"]), request).request
    assert (ours.method, ours.url) == (sent["method"], f"https://api.mistral.ai{sent['path']}")
    theirs = {**body, "stream_options": {"include_usage": True}} if body.get("stream") else body
    assert json.loads(ours.content()) == theirs
