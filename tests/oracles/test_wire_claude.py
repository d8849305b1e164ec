"""Recorded answers of Claude, and what the official SDK sent for it on every platform, where ``LOKID_WIRE``
names them: each body is read back into our vocabulary, and what lokid makes of that must be the same."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lokid.chat import (
    Answer,
    ChatRequest,
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
from lokid.dialects.anthropic_messages import KEY, encode, hosted
from lokid.dialects.anthropic_messages_answer import MessagesDecoder, whole_messages_decoder
from lokid.dialects.errors import classify
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, UnknownModel
from tests.fakes.feeding import Fed, fed

WIRE = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not WIRE, reason="LOKID_WIRE names no recordings")

TRAITS = Traits("recorded", "recorded:recorded", default_max_tokens=100)
ERRORS = {"claude/27-err-404.json": UnknownModel}
CHOICES: dict[str, Any] = {"auto": "auto", "any": "required", "none": "none"}
PLATFORMS = (
    "claude",
    "azure-foundry-claude",
    "vertexai-claude",
    "bedrock-claude-invoke",
    "bedrock-claude-AnthropicAWS",
    "bedrock-claude-AnthropicBedrockMantle",
)
NOT_OURS = {
    "a_system_blocks_cache": "the vocabulary has no blocks of system text; extra_body can say cache_control",
    "h_count_tokens": "lokid does not count tokens ahead",
}
"""Captures that are left out, and why."""
DIFFERENCES = {"is_error": "lokid says it only of failures", "anthropic_beta": "a patch says it"}
"""Keys that are left out of the comparison, and why."""


def recorded() -> Iterator[dict[str, Any]]:
    if WIRE:
        for case in json.loads((Path(WIRE) / "recorded" / "index.json").read_text()):
            if case["client"] == "claude" and not case["file"].endswith(".req.json"):
                yield case


CASES = list(recorded())
STREAMS = [case for case in CASES if case["file"].endswith((".sse", ".events.jsonl"))]
CAPTURES = [
    path
    for kind in PLATFORMS
    for path in (sorted((Path(WIRE) / "sdk-requests" / kind).glob("*.json")) if WIRE else ())
    if path.stem not in NOT_OURS
]


def file_of(case: dict[str, Any]) -> Path:
    return Path(WIRE or "") / "recorded" / str(case["file"])


def body(case: dict[str, Any]) -> bytes:
    data = file_of(case).read_bytes()
    if case["file"].endswith(".events.jsonl"):  # the data of each event, one a line
        return b"".join(b"data: " + line + b"\n\n" for line in data.splitlines() if line)
    return data


def read(case: dict[str, Any], data: bytes) -> Fed[Answer]:
    if case in STREAMS:
        return fed(lambda: MessagesDecoder(TRAITS), data)
    return fed(lambda: whole_messages_decoder(TRAITS), data)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_recorded_answers_read_the_same_however_they_are_cut(case: dict[str, Any]) -> None:
    data = body(case)
    if case["file"] in ERRORS:
        assert type(classify(case["status"], {}, data)) is ERRORS[case["file"]]
        return
    found = read(case, data)
    answer = found.answer
    assert answer.response_id and answer.model and answer.usage
    assert answer.usage.input_tokens > 0
    if case in STREAMS:
        assert found.text == answer.message.text
        assert found.reasoning == "".join(p.text for p in answer.message.parts if isinstance(p, Reasoning))
        calls = [part for part in answer.message.parts if isinstance(part, ToolCall)]
        assert [(call.id, call.name) for call in calls] == [call[:2] for call in found.calls]
        assert [call.arguments for call in calls] == [json.loads(call[2] or "{}") for call in found.calls]
    if answer.finish_reason == "tool_calls":
        assert any(isinstance(part, ToolCall) and part.id and part.name for part in answer.message.parts)
    assert (answer.finish_reason == "refusal") == ("refusal" in case["file"])


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case["file"])
def test_recorded_streams_that_are_cut_are_incomplete(case: dict[str, Any]) -> None:
    events = body(case).rstrip().split(b"\n\n")
    assert b"message_stop" in events[-1]
    for kept in range(0, len(events), max(1, len(events) // 20)):
        found = read(case, b"\n\n".join(events[:kept]) + b"\n\n")
        assert isinstance(found.error, IncompleteResponse)


def test_thinking_goes_back_as_the_recorded_client_sent_it() -> None:
    [first] = [case for case in CASES if "09-tool-with-thinking-t1" in case["file"]]
    [second] = [case for case in CASES if "10-tool-with-thinking-t2" in case["file"]]
    answer = read(first, body(first)).answer
    sent = json.loads(file_of({"file": f"{second['file']}.req.json"}).read_text())
    back = encode(ChatRequest("c:m", (answer.message,)), TRAITS, stream=False)["messages"][0]
    assert back in sent["messages"]


# --- what the SDK sent


def part(wire: dict[str, Any]) -> Part:
    match wire:
        case {"type": "text", "text": str(words)}:
            return Text(words)
        case {"type": "image", "source": {"type": "url", "url": url}}:
            return Image(url=url)
        case {"type": "image", "source": source}:
            return Image(source["media_type"], base64.b64decode(source["data"]))
        case {"type": "thinking"}:
            return Reasoning(
                wire["thinking"], {KEY: {"origin": TRAITS.origin, "signature": wire["signature"]}}
            )
        case {"type": "tool_use"}:
            return ToolCall(wire["id"], wire["name"], wire["input"])
        case _:
            content: Any = wire["content"]
            if not isinstance(content, str):
                content = tuple(map(part, content))
            return ToolResult(wire["tool_use_id"], "t", content, wire.get("is_error", False))


def messages(wire: dict[str, Any]) -> Iterator[Message]:
    content = wire["content"]
    parts = (Text(content),) if isinstance(content, str) else tuple(map(part, content))
    if results := tuple(found for found in parts if isinstance(found, ToolResult)):
        yield Message("tool", results)
    if rest := tuple(found for found in parts if not isinstance(found, ToolResult)):
        yield Message(wire["role"], rest)


def asked(body: dict[str, Any]) -> ChatRequest:
    choice = body.get("tool_choice", {})
    named = NamedTool(choice["name"]) if "name" in choice else CHOICES.get(choice.get("type"))
    output = body.get("output_config", {})
    thinking = body.get("thinking", {})
    form = output.get("format")
    return ChatRequest(
        "c:m",
        tuple(message for wire in body["messages"] for message in messages(wire)),
        system=body.get("system"),
        temperature=body.get("temperature"),
        max_tokens=body["max_tokens"],
        stop=tuple(body.get("stop_sequences", ())),
        tools=tuple(
            Tool(tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict"))
            for tool in body.get("tools", ())
        ),
        tool_choice=named,
        parallel_tool_calls=False if choice.get("disable_parallel_tool_use") else None,
        response_schema=ResponseSchema(form["schema"]) if form else None,
        reasoning=thinking.get("budget_tokens") or output.get("effort"),
    )


def compared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: compared(inner) for key, inner in value.items() if key not in DIFFERENCES}
    return [compared(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_sdks_bodies_are_ours(capture: Path) -> None:
    sent = json.loads(capture.read_text())["requests"][0]["body"]
    adaptive = sent.get("thinking", {}).get("type") == "adaptive"
    traits = Traits(sent.get("model", "m"), TRAITS.origin, thinking="adaptive" if adaptive else "budget")
    ours = encode(asked(sent), traits, stream=sent.get("stream", False))
    if version := sent.get("anthropic_version"):
        ours = hosted(ours, version, stream="stream" in sent)
    assert compared(json.loads(json.dumps(ours))) == compared(sent)
