"""Recorded answers of Cohere, and what the official SDKs sent to it and to the models of Azure AI Foundry,
where ``LOKID_WIRE`` names them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    Part,
    Reasoning,
    RerankRequest,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.cohere_chat import KEY
from lokid.dialects.cohere_chat_answer import CohereDecoder, whole_cohere_decoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, ProviderFailed, UnknownModel
from lokid.providers.azure_openai import AZURE_OPENAI
from lokid.providers.cohere import COHERE, CohereSettings
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import Fed, fed

WIRE = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not WIRE, reason="LOKID_WIRE names no recordings")

TRAITS = Traits("recorded", "recorded:recorded")
OURS = CohereSettings(type="cohere", name="c")
NOT_COHERE = "cohere/02-thinking-t1.json"
"""The first turn of a conversation that began at OpenAI."""

DIFFERENCES = {
    "k": "the vocabulary has no top_k; extra_body can say it",
    "seed": "as above",
    "detail": "as above",
    "max_tokens_per_doc": "as above",
    "truncate": "lokid wants a refusal of what is too long",
}
"""Keys that are left out of the comparison, and why."""


def recorded() -> Iterator[dict[str, Any]]:
    if WIRE:
        for case in json.loads((Path(WIRE) / "recorded" / "index.json").read_text()):
            if case["client"] == "cohere" and not case["file"].endswith(".req.json"):
                yield case


def captures(kind: str) -> list[Path]:
    paths = sorted((Path(WIRE) / "sdk-requests" / kind).glob("*.json")) if WIRE else []
    return [path for path in paths if json.loads(path.read_text())["requests"]]


def body(case: dict[str, Any]) -> bytes:
    data = (Path(WIRE or "") / "recorded" / case["file"]).read_bytes()
    if case["file"].endswith(".events.jsonl"):  # the data of each event, one a line
        return b"".join(b"data: " + line + b"\n\n" for line in data.splitlines() if line)
    return data


def is_stream(case: dict[str, Any]) -> bool:
    return case["file"].endswith((".sse", ".events.jsonl"))


def read(case: dict[str, Any], data: bytes) -> Fed[Any]:
    if is_stream(case):
        return fed(lambda: CohereDecoder(TRAITS), data)
    return fed(lambda: whole_cohere_decoder(TRAITS), data)


@pytest.mark.parametrize("case", [*recorded()], ids=lambda case: case["file"])
def test_recorded_answers_read_the_same_however_they_are_cut(case: dict[str, Any]) -> None:
    data = body(case)
    if case.get("status", 200) >= 400:
        assert type(COHERE.error(case["status"], case.get("headers") or {}, data)) is UnknownModel
        return
    found = read(case, data)
    if case["file"] == NOT_COHERE:
        assert isinstance(found.error, ProviderFailed)
        return
    answer = found.answer
    calls = [part for part in answer.message.parts if isinstance(part, ToolCall)]
    assert answer.response_id and answer.usage.input_tokens >= answer.usage.billed[0]
    assert bool(calls) == (answer.finish_reason == "tool_calls")
    assert answer.message.text or calls
    if is_stream(case):
        assert found.text == answer.message.text
        said = [part.text for part in answer.message.parts if isinstance(part, Reasoning)]
        assert found.reasoning == "".join(said)
        assert [(call.id, call.name) for call in calls] == [call[:2] for call in found.calls]
        assert [call.arguments for call in calls] == [json.loads(call[2] or "{}") for call in found.calls]


@pytest.mark.parametrize(
    "case", [case for case in recorded() if is_stream(case)], ids=lambda case: case["file"]
)
def test_recorded_streams_that_are_cut_are_incomplete(case: dict[str, Any]) -> None:
    events = body(case).split(b"\n\n")
    marker = next(place for place, event in enumerate(events) if b'"message-end"' in event)
    for kept in range(marker):
        found = read(case, b"\n\n".join(events[:kept]) + b"\n\n")
        assert isinstance(found.error, IncompleteResponse)


def part(wire: dict[str, Any]) -> Part:
    if "text" in wire:
        return Text(wire["text"])
    head, _, data = wire["image_url"]["url"].partition(";base64,")
    return Image(head.removeprefix("data:"), base64.b64decode(data))


def message(wire: dict[str, Any]) -> Message:
    content = wire.get("content")
    if wire["role"] == "tool":
        said = content if isinstance(content, str) else content[0]["document"]["data"]
        return Message("tool", (ToolResult(wire["tool_call_id"], "t", said),))
    parts: list[Part] = []
    if plan := wire.get("tool_plan"):
        parts.append(Reasoning(plan, {KEY: {"origin": "c:m", "field": "tool_plan"}}))
    parts += [Text(content)] if isinstance(content, str) else map(part, content or ())
    parts += [
        ToolCall(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in wire.get("tool_calls", ())
    ]
    return Message(wire["role"], tuple(parts))


def asked(wire: dict[str, Any]) -> ChatRequest:
    messages = list(wire["messages"])
    system = messages.pop(0)["content"] if messages[0]["role"] == "system" else None
    strict = wire.get("strict_tools")
    schema = wire.get("response_format", {}).get("json_schema")
    return ChatRequest(
        "c:m",
        tuple(map(message, messages)),
        system=system,
        temperature=wire.get("temperature"),
        top_p=wire.get("p", wire.get("top_p")),
        max_tokens=wire.get("max_tokens"),
        stop=tuple(wire.get("stop_sequences", ())),
        tools=tuple(
            Tool(
                one["function"]["name"], one["function"]["description"], one["function"]["parameters"], strict
            )
            for one in wire.get("tools", ())
        ),
        tool_choice="required" if "tool_choice" in wire else None,
        response_schema=ResponseSchema(schema) if schema else None,
        reasoning=wire.get("thinking", {}).get("token_budget"),
        stream=wire["stream"],
    )


def compared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: compared(inner) for key, inner in value.items() if key not in DIFFERENCES}
    return [compared(inner) for inner in value] if isinstance(value, list) else value


def as_documents(wire: dict[str, Any]) -> dict[str, Any]:
    """Results as lokid always writes them; the SDK sends what it was given."""
    messages = []
    for one in wire["messages"]:
        if one["role"] == "tool" and isinstance(one["content"], str):
            one = one | {"content": [{"type": "document", "document": {"data": one["content"]}}]}
        messages.append(one)
    return wire | {"messages": messages}


@pytest.mark.parametrize("capture", captures("cohere"), ids=lambda path: path.stem)
def test_the_sdks_bodies_are_ours(capture: Path) -> None:
    sent = json.loads(capture.read_text())["requests"][0]
    wire = sent["body"]
    model = ModelSettings(name="m", real_name=wire["model"])
    assert COHERE.chat and COHERE.embed and COHERE.rerank
    match sent["path"]:
        case "/v2/chat":
            ours, wire = COHERE.chat(OURS, model, asked(wire)).request, as_documents(wire)
        case "/v2/embed":
            kind: Any = wire["input_type"].removeprefix("search_")
            dimensions = wire.get("output_dimension")
            embedded = EmbedRequest("c:m", tuple(wire["texts"]), input_type=kind, dimensions=dimensions)
            ours = COHERE.embed(OURS, model, embedded).request
            wire.pop("max_tokens", None)  # as with the keys that are not compared
        case _:
            ranked = RerankRequest("c:m", wire["query"], tuple(wire["documents"]), wire["top_n"])
            ours = COHERE.rerank(OURS, model, ranked).request
    assert (ours.method, ours.url) == (sent["method"], f"https://api.cohere.com{sent['path']}")
    assert compared(ours.body) == compared(wire)


@pytest.mark.parametrize("capture", captures("azure-ai-inference"), ids=lambda path: path.stem)
def test_the_bodies_of_azures_models_are_ours(capture: Path) -> None:
    sent = json.loads(capture.read_text())["requests"][0]
    wire = sent["body"]
    client = AZURE_OPENAI.settings.model_validate(
        {"type": "azure-openai", "name": "c", "api_base": "https://r.services.ai.azure.com/models"}
    )
    model = ModelSettings(name=wire["model"])
    assert AZURE_OPENAI.chat and AZURE_OPENAI.embed
    if "input" in wire:
        embedded = EmbedRequest(
            "c:m", tuple(wire["input"]), input_type=wire["input_type"], dimensions=wire["dimensions"]
        )
        ours = AZURE_OPENAI.embed(client, model, embedded).request
    else:
        ours = AZURE_OPENAI.chat(client, model, asked(wire)).request
    assert ours.url == f"https://r.services.ai.azure.com{sent['path']}?{sent['query']}"
    # The package says false, which is the default; lokid asks for usage, the package only if it is told to.
    assert {"stream": False, **{k: v for k, v in ours.body.items() if k != "stream_options"}} == {
        "stream": False,
        **wire,
    }
