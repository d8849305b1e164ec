"""Recorded answers of Gemini (at Google AI and on Vertex AI) and of Mistral on Vertex AI, and what the
official SDKs sent to them, where ``LOKID_WIRE`` names them: each body is read back into our vocabulary, and
what lokid makes of that must be the same."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lokid.chat import (
    Answer,
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    NamedTool,
    Part,
    Reasoning,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.errors import classify
from lokid.dialects.gemini import KEY
from lokid.dialects.gemini_answer import GeminiDecoder, whole_gemini_decoder
from lokid.dialects.gemini_embeddings import predict_decoder
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.traits import BUDGETS, Traits
from lokid.errors import BadRequest, IncompleteResponse, LokidError, UnknownModel
from lokid.providers.base import Decoder
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import Fed, fed

WIRE = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not WIRE, reason="LOKID_WIRE names no recordings")

TRAITS = Traits("recorded", "recorded:recorded", thinking="level")
TYPES = ("gemini", "vertexai", "vertexai-mistral")
NO_ANSWERS = {
    "vertexai/05-model-armor-prompt.json": "the recording holds the token call instead of the answer",
}
ERRORS: dict[str, type[LokidError]] = {
    "gemini/18-err-404.json": UnknownModel,
    "gemini/23-embed-err-404.json": UnknownModel,
    "vertexai/07-err-400-role.json": BadRequest,
    "vertexai/19-js-stream-error.recording.json": UnknownModel,
}


def recorded() -> Iterator[tuple[str, int, bytes]]:
    """Name, status and body; events as a stream, lines ending in CR LF as Google's do."""
    if not WIRE:
        return
    for case in json.loads((Path(WIRE) / "recorded" / "index.json").read_text()):
        name = case["file"]
        if case["client"] not in TYPES or name.endswith(".req.json") or name in NO_ANSWERS:
            continue
        data = (Path(WIRE) / "recorded" / name).read_bytes()
        if name.endswith(".recording.json"):
            for number, interaction in enumerate(json.loads(data)["interactions"]):
                answer = interaction["response"]
                segments = [json.dumps(segment).encode() for segment in answer["bodySegments"]]
                streamed = "alt=sse" in interaction["request"]["url"] and answer["statusCode"] < 400
                body = stream(segments) if streamed else segments[0]
                yield f"{name}#{number}", answer["statusCode"], body
        elif name.endswith(".events.jsonl"):
            yield name, 200, stream(data.splitlines())
        else:
            yield name, case.get("status") or 200, data


def stream(events: list[bytes]) -> bytes:
    return b"".join(b"data: " + event + b"\r\n\r\n" for event in events if event)


CASES = list(recorded())
ANSWERS = [case for case in CASES if case[0].partition("#")[0] not in ERRORS and "embed" not in case[0]]
STREAMS = [case for case in ANSWERS if case[2].startswith(b"data: ")]
BY_NAME: dict[str, Callable[[tuple[str, int, bytes]], str]] = {"ids": lambda case: case[0]}


def decoder(name: str, data: bytes) -> Callable[[], Decoder[Answer]]:
    streamed = data.startswith(b"data: ")
    if name.startswith("vertexai-mistral"):
        return (lambda: StreamDecoder(TRAITS)) if streamed else lambda: whole_decoder(TRAITS)
    return (lambda: GeminiDecoder(TRAITS)) if streamed else lambda: whole_gemini_decoder(TRAITS)


def read(name: str, data: bytes) -> Fed[Answer]:
    return fed(decoder(name, data), data)


@pytest.mark.parametrize("case", ANSWERS, **BY_NAME)  # type: ignore[arg-type]
def test_recorded_answers_read_the_same_however_they_are_cut(case: tuple[str, int, bytes]) -> None:
    found = read(case[0], case[2])
    answer = found.answer
    assert answer.message.parts or answer.finish_reason in ("content_filter", "length")
    assert answer.usage
    if case in STREAMS:
        assert found.text == answer.message.text
        said = "".join(part.text for part in answer.message.parts if isinstance(part, Reasoning))
        assert found.reasoning == said
        calls = [part for part in answer.message.parts if isinstance(part, ToolCall)]
        assert [(call.id, call.name) for call in calls] == [call[:2] for call in found.calls]
        assert [call.arguments for call in calls] == [json.loads(call[2]) for call in found.calls]
    if answer.finish_reason == "tool_calls":
        assert any(isinstance(part, ToolCall) and part.id and part.name for part in answer.message.parts)
    if answer.finish_reason == "stop":
        assert any(isinstance(part, Text) and part.text for part in answer.message.parts)


@pytest.mark.parametrize("case", STREAMS, **BY_NAME)  # type: ignore[arg-type]
def test_recorded_streams_that_are_cut_are_incomplete(case: tuple[str, int, bytes]) -> None:
    events = re.split(b"(?<=\r\n\r\n)|(?<=\n\n)", case[2])
    reasons = (b'"finishReason"', b'"finish_reason":"', b'"finish_reason": "')
    marker = next(i for i, event in enumerate(events) if any(reason in event for reason in reasons))
    for kept in range(0, marker + 1, max(1, marker // 20)):
        found = read(case[0], b"".join(events[:kept]) + events[marker][: kept % 60])
        assert isinstance(found.error, IncompleteResponse)


@pytest.mark.parametrize("case", [c for c in CASES if c[0].partition("#")[0] in ERRORS], **BY_NAME)  # type: ignore[arg-type]
def test_recorded_errors_are_told_apart(case: tuple[str, int, bytes]) -> None:
    name, status, data = case
    assert type(classify(status, {}, data)) is ERRORS[name.partition("#")[0]]


def test_recorded_embeddings_are_read() -> None:
    for name, status, data in CASES:
        if "embed" in name and status == 200:
            texts = len(json.loads(data)["predictions"])
            answer = fed(lambda texts=texts: predict_decoder(texts), data).answer
            assert len(answer.vectors) == texts
            assert answer.usage and answer.usage.input_tokens


# --- what the SDKs sent ------------------------------------------------------------------------------

NOT_OURS = {
    "c_tools_schema_form": "Gemini's own form of schemas; lokid sends JSON Schema",
    "e_response_schema": "as above",
    "f_safety": "the vocabulary has no safety settings; extra_body can say them",
    "g_embed_doc_title": "the vocabulary has no titles of documents",
    "h_count_tokens": "lokid does not count tokens ahead",
    "z_default_base_urls": "a list, compared in the tests of the provider",
    # embeddings on Vertex AI: lokid uses predict, which needs no newer region and takes several texts
    "vertexai-gemini/g_embed": "predict",
    "vertexai-gemini/g_embed_task_dims": "predict",
    # two texts as parts of one content are one vector
    "g_embed2": "lokid sends each text by itself",
}
"""Captures that are left out, and why."""

CAPTURES = [
    path
    for kind in ("gemini", "vertexai-gemini", "vertexai-mistral")
    for path in (sorted((Path(WIRE) / "sdk-requests" / kind).glob("*.json")) if WIRE else ())
    if path.stem not in NOT_OURS and f"{kind}/{path.stem}" not in NOT_OURS
]


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


def compared(value: Any, key: str = "") -> Any:
    """Keys in camelCase (the SDK mixes them with snake_case) and bytes in the usual base64 (the SDK takes the
    one for URLs), which means the same; without the role of an only content and an empty generationConfig,
    which say nothing."""
    if key == "data":
        return value.replace("-", "+").replace("_", "/")
    if isinstance(value, list):
        return [compared(entry) for entry in value]
    if not isinstance(value, dict) or key in ("parametersJsonSchema", "responseJsonSchema", "args"):
        return value
    found = {camel(name): compared(inner, camel(name)) for name, inner in value.items()}
    found.pop("topK", None)  # the vocabulary has no top_k
    if key in ("systemInstruction", "content"):
        found.pop("role", None)
    return {name: inner for name, inner in found.items() if (name, inner) != ("generationConfig", {})}


def part(wire: dict[str, Any]) -> Part:
    match wire:
        case {"inlineData": image}:
            return Image(image["mimeType"], base64.b64decode(image["data"]))
        case {"fileData": file}:
            return Image(file["mimeType"], url=file["fileUri"])
        case {"functionCall": call}:
            opaque = {KEY: {"origin": "c:m", "signature": wire["thoughtSignature"]}}
            return ToolCall(call["id"], call["name"], call["args"], opaque)
        case {"functionResponse": answer}:
            # A tool's answer is text in our vocabulary.
            answer["response"]["output"] = json.dumps(answer["response"]["output"])
            return ToolResult(answer["id"], answer["name"], answer["response"]["output"])
    return Text(wire["text"])


def message(wire: dict[str, Any]) -> Message:
    parts = tuple(map(part, wire["parts"]))
    if isinstance(parts[0], ToolResult):
        return Message("tool", parts)
    return Message("assistant" if wire["role"] == "model" else "user", parts)


def asked(body: dict[str, Any], *, streamed: bool) -> ChatRequest:
    config = body.get("generationConfig", {})
    thinking = config.get("thinkingConfig", {})
    declared = body.get("tools", [{"functionDeclarations": []}])[0]["functionDeclarations"]
    choice = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    budget = thinking.get("thinkingBudget")
    assert budget is None or budget in BUDGETS.values()
    return ChatRequest(
        "c:m",
        tuple(map(message, body["contents"])),
        system=body.get("systemInstruction", {}).get("parts", [{}])[0].get("text"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences", ())),
        tools=tuple(
            Tool(one["name"], one.get("description"), one.get("parametersJsonSchema", {})) for one in declared
        ),
        tool_choice=choice and choice.lower(),
        response_schema=ResponseSchema(schema) if (schema := config.get("responseJsonSchema")) else None,
        reasoning=thinking.get("thinkingLevel", "").lower() or budget,
        stream=streamed,
    )


def asked_mistral(body: dict[str, Any]) -> ChatRequest:
    system, user = body["messages"]
    return ChatRequest(
        "c:m",
        (Message("user", (Text(user["content"]),)),),
        system=system["content"],
        stream=body["stream"],
        **{key: body[key] for key in ("temperature", "top_p", "max_tokens") if key in body},
    )


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_sdks_requests_are_ours(capture: Path) -> None:
    sent = json.loads(capture.read_text())["requests"][0]
    body = compared(sent["body"]) if capture.parent.name != "vertexai-mistral" else sent["body"]
    provider = PROVIDERS["gemini" if capture.parent.name == "gemini" else "vertexai"]
    entry: dict[str, Any] = {"type": provider.name, "name": "c", "api_base": "https://host"}
    if provider.name == "gemini":
        entry["api_base"] = "https://host/v1"
    elif "/projects/" in sent["path"]:
        location = re.search("locations/([^/]+)", sent["path"])
        assert location
        entry |= {"project_id": "proj-1", "location": location[1], "access_token": "t"}
    else:
        entry["api_key"] = "k"
    client = provider.settings.model_validate(entry)
    name = re.search(r"models/([^/:]+)", sent["path"])
    assert name
    style = "gemini_budget" if capture.stem == "f_thinking_budget" else "gemini_level"
    model = ModelSettings(name="m", real_name=name[1], reasoning_style=style)
    if "requests" in body:
        first = body["requests"][0]
        texts = tuple(request["content"]["parts"][0]["text"] for request in body["requests"])
        kind = "query" if first.get("taskType") == "RETRIEVAL_QUERY" else None
        embed = EmbedRequest("c:m", texts, kind, first.get("outputDimensionality"))
        assert provider.embed
        ours = provider.embed(client, model, embed).request
    else:
        mistral = capture.parent.name == "vertexai-mistral"
        request = asked_mistral(body) if mistral else asked(body, streamed="stream" in sent["path"])
        assert provider.chat
        ours = provider.chat(client, model, request).request
    query = f"?{sent['query']}" if sent["query"] else ""
    assert (ours.method, ours.url) == (sent["method"], f"https://host{sent['path']}{query}")
    assert json.loads(ours.content()) == body


def test_a_named_tool_is_the_only_one_allowed() -> None:
    """As in the capture c_tools_schema_form, whose schema has another form."""
    wire = json.loads((Path(WIRE or "") / "sdk-requests" / "gemini" / "c_tools_schema_form.json").read_text())
    sent = compared(wire["requests"][0]["body"])["toolConfig"]
    gemini = PROVIDERS["gemini"]
    client = gemini.settings.model_validate({"type": "gemini", "name": "c"})
    request = ChatRequest(
        "c:m",
        (Message("user", (Text("x"),)),),
        tools=(Tool("get_weather"),),
        tool_choice=NamedTool("get_weather"),
    )
    assert gemini.chat
    assert gemini.chat(client, ModelSettings(name="m"), request).request.body["toolConfig"] == sent
