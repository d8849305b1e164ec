"""Recorded answers of Bedrock and what boto3 sent, where ``LOKID_WIRE`` names them."""

from __future__ import annotations

import base64
import json
import os
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
    RerankRequest,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects import bedrock_converse, bedrock_invoke
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder, whole_converse_decoder
from lokid.dialects.bedrock_errors import classify
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, UnknownModel
from lokid.protocols.event_stream import BrokenStream, EventStreamParser
from lokid.protocols.http import HTTPRequest
from lokid.protocols.sigv4 import AccessKey, canonical_request, sign
from lokid.providers.bedrock import BEDROCK, BedrockSettings
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import Fed, fed
from tests.fakes.frames import converse

NAMED = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not NAMED, reason="LOKID_WIRE names no recordings")

WIRE = Path(NAMED or "nowhere")
RECORDED = WIRE / "recorded" / "bedrock"
STREAMS = sorted(RECORDED.glob("*.bin")) + sorted(RECORDED.glob("*.jsonl"))
SENT = sorted((WIRE / "sdk-requests" / "bedrock").glob("*.json"))
FRAMES = sorted((WIRE / "recorded" / "aws-eventstream").glob("*.bin"))
ORIGIN = "c:m"
TRAITS = Traits("m", ORIGIN)

FINISHES = {"06": "tool_calls", "10": "tool_calls", "07": "content_filter", "27": "tool_calls"}
"""Of the streams that did not end with ``stop``."""


def name(path: Path) -> str:
    return path.stem


def stream(path: Path) -> bytes:
    if path.suffix == ".bin":
        return path.read_bytes()
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return converse(*(next(iter(event.items())) for event in events))


def read(data: bytes) -> Fed[Answer]:
    return fed(lambda: ConverseStreamDecoder(TRAITS), data)


@pytest.mark.parametrize("path", STREAMS, ids=name)
def test_recorded_streams_read_the_same_however_they_are_cut(path: Path) -> None:
    found = read(stream(path))
    answer = found.answer
    assert answer.finish_reason == FINISHES.get(path.name[:2], "stop")
    assert answer.usage and (answer.usage.input_tokens or path.name.startswith("07"))
    assert found.text == answer.message.text
    said = "".join(part.text for part in answer.message.parts if isinstance(part, Reasoning))
    assert found.reasoning == said
    calls = [part for part in answer.message.parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name) for call in calls] == [call[:2] for call in found.calls]
    assert [call.arguments for call in calls] == [json.loads(call[2] or "{}") for call in found.calls]


@pytest.mark.parametrize("path", STREAMS, ids=name)
def test_recorded_streams_that_are_cut_are_incomplete(path: Path) -> None:
    data = stream(path)
    stop = data.index(b"messageStop") - 30
    for kept in range(0, stop, max(1, stop // 40)):
        with pytest.raises(IncompleteResponse):
            decoder = ConverseStreamDecoder(TRAITS)
            decoder.feed(data[:kept])
            decoder.close()


def test_hidden_reasoning_goes_back_as_it_came() -> None:
    answer = read((RECORDED / "05-stream-thinking-redacted.bin").read_bytes()).answer
    asked = ChatRequest("c:m", (Message("user", (Text("hi"),)), answer.message))
    wire = bedrock_converse.encode(asked, TRAITS, "claude")["messages"][1]["content"]
    assert any("redactedContent" in block.get("reasoningContent", {}) for block in wire)
    assert base64.b64decode(wire[0]["reasoningContent"]["redactedContent"], validate=True)


def test_recorded_answers_are_read() -> None:
    def whole(name: str) -> Answer:
        return fed(lambda: whole_converse_decoder(TRAITS), (RECORDED / name).read_bytes()).answer

    hello = whole("01-text.json")
    assert hello.message.text.startswith("Hello!") and hello.finish_reason == "stop"
    cached = whole("17-cache-write-read-t2.json").usage
    assert cached and (cached.input_tokens, cached.cached_input_tokens) == (1324, 1322)


def test_recorded_refusals_say_what_they_are() -> None:
    for name in ("18-err-400.json", "21-err-400-stream.json"):
        headers = {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/coral/"}
        assert isinstance(classify(400, headers, (RECORDED / name).read_bytes()), UnknownModel)


@pytest.mark.parametrize(
    ("file", "model", "size"),
    [
        ("22-embed-titan-v2.json", "amazon.titan-embed-text-v2:0", 256),
        ("23-embed-cohere-v3.json", "cohere.embed-english-v3", 1024),
        ("25-embed-nova.json", "amazon.nova-2-multimodal-embeddings-v1:0", 256),
    ],
)
def test_recorded_embeddings_are_read(file: str, model: str, size: int) -> None:
    family = bedrock_invoke.family(model)
    answer = fed(lambda: bedrock_invoke.decoder(1, family), (RECORDED / file).read_bytes()).answer
    assert [len(vector) for vector in answer.vectors] == [4 * size]


def test_recorded_ranks_are_read() -> None:
    request = RerankRequest("m", "q", tuple("abcdef"), 2)
    ranked = fed(
        lambda: bedrock_invoke.rerank_decoder(request), (RECORDED / "26-rerank.json").read_bytes()
    ).answer
    assert [score.index for score in ranked.results] == [0, 5]


@pytest.mark.parametrize("path", FRAMES, ids=name)
def test_published_frames_are_read_or_refused(path: Path) -> None:
    parser = EventStreamParser()
    if path.name[3:].startswith("valid"):
        [message] = parser.feed(path.read_bytes())
        parser.close()
        assert message.payload or "empty" in path.name
    else:
        with pytest.raises(BrokenStream):
            parser.feed(path.read_bytes())
            parser.close()


def test_the_published_signature_is_ours() -> None:
    case = json.loads((WIRE / "recorded/aws-sigv4/01-bedrock-mantle-sigv4.json").read_text())
    given, keys, expected = case["request"], case["credentials"], case["expected"]
    headers = {"content-type": given["contentType"], "x-amz-content-sha256": expected["payloadHash"]}
    request = HTTPRequest(given["method"], given["url"], headers, json.loads(given["body"]))
    assert request.content().decode() == given["body"]
    key = AccessKey(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])
    found = sign(request, key, region=case["region"], service=case["service"], now=1735787045.0)
    assert found.headers["authorization"] == expected["authorization"]
    assert canonical_request(found)[0].startswith("content-type;host;x-amz-content-sha256")


# --- what boto3 sent


def part(wire: dict[str, Any]) -> Part:
    match wire:
        case {"text": words}:
            return Text(words)
        case {"image": {"format": kind, "source": {"bytes": data}}}:
            return Image(f"image/{kind}", base64.b64decode(data))
        case {"reasoningContent": {"reasoningText": {"text": words, "signature": signature}}}:
            state = {"origin": ORIGIN, "signature": signature}
            return Reasoning(words, {bedrock_converse.KEY: state})
        case {"toolUse": {"toolUseId": given, "name": called, "input": arguments}}:
            return ToolCall(given, called, arguments)
        case {"toolResult": {"toolUseId": given, "content": [content]} as result}:
            said = content.get("text") or json.dumps(content["json"])
            return ToolResult(given, "get_weather", said, result.get("status") == "error")
    raise AssertionError(wire)


def tool(wire: dict[str, Any]) -> Tool:
    spec = wire["toolSpec"]
    return Tool(spec["name"], spec.get("description"), spec["inputSchema"]["json"], spec.get("strict"))


def choice(wire: dict[str, Any] | None) -> Any:
    match wire:
        case {"auto": _}:
            return "auto"
        case {"tool": {"name": called}}:
            return NamedTool(called)
    return None


def asked(body: dict[str, Any]) -> ChatRequest:
    inference, extra = body.get("inferenceConfig", {}), body.get("additionalModelRequestFields", {})
    form = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
    config = body.get("toolConfig", {})
    return ChatRequest(
        "c:m",
        tuple(Message(wire["role"], tuple(map(part, wire["content"]))) for wire in body["messages"]),
        system=body["system"][0]["text"] if "system" in body else None,
        temperature=inference.get("temperature"),
        top_p=inference.get("topP"),
        max_tokens=inference.get("maxTokens"),
        stop=tuple(inference.get("stopSequences", ())),
        tools=tuple(tool(wire) for wire in config.get("tools", ()) if "toolSpec" in wire),
        tool_choice=choice(config.get("toolChoice")),
        response_schema=ResponseSchema(json.loads(form["schema"]), form["name"]) if form else None,
        reasoning=extra.get("thinking", {}).get("budget_tokens")
        or body.get("outputConfig", {}).get("effort"),
    )


def compared(value: Any) -> Any:
    """Without what the vocabulary has no word for, what differs in form only, and success, which is
    nothing worth saying and only known to some models."""
    if isinstance(value, dict):
        kept = {key: compared(inner) for key, inner in value.items() if key not in DIFFERENCES}
        kept = {key: inner for key, inner in kept.items() if (key, inner) not in DEFAULTS}
        if isinstance(kept.get("schema"), str):
            kept["schema"] = json.loads(kept["schema"])
            kept.pop("description", None)  # the schema of an answer has none in the vocabulary
        if "inputSchema" in kept and kept.get("strict"):  # Claude demands it, the capture was not sent there
            kept["inputSchema"]["json"]["additionalProperties"] = False
        if kept.keys() == {"json"} and not isinstance(kept["json"], dict | list):
            kept = {"text": json.dumps(kept["json"])}
        return kept
    if isinstance(value, list):
        return [compared(inner) for inner in value if inner != {"cachePoint": {"type": "default"}}]
    return value


DIFFERENCES = {
    "display": "adaptive models are asked to show what they thought",
    "additionalModelResponseFieldPaths": "lokid does not ask for more fields",
}
DEFAULTS = (("status", "success"),)


@pytest.mark.parametrize("path", SENT, ids=name)
def test_the_bodies_of_boto3_are_ours(path: Path) -> None:
    sent = json.loads(path.read_text())["requests"][0]
    body, target = sent["body"], sent["path"]
    client = BedrockSettings(type="bedrock", name="c", region="us-east-1", api_base="https://host")
    encoded = target.split("/")[2] if target.startswith("/model/") else ""
    wanted = encoded.replace("%3A", ":").replace("%2F", "/") or "amazon.rerank-v1:0"
    style = "claude_adaptive" if "effort" in body.get("outputConfig", {}) else "claude_budget"
    model = ModelSettings(name="m", real_name=wanted, reasoning_style=style)  # type: ignore[arg-type]
    ours: HTTPRequest
    if "texts" in body or "inputText" in body:
        assert BEDROCK.embed
        texts = body.get("texts") or [body["inputText"]]
        ours = BEDROCK.embed(
            client, model, EmbedRequest("c:m", tuple(texts), dimensions=body.get("dimensions"))
        ).request
        body.pop("normalize", None)  # is the default
    elif "messages" in body:
        assert BEDROCK.chat
        request = asked(body)
        if "converse-stream" in target:
            request = ChatRequest("c:m", request.messages, request.system, stream=True)
        ours = BEDROCK.chat(client, model, request).request
    else:
        assert BEDROCK.rerank
        ours = BEDROCK.rerank(client, model, RerankRequest("c:m", "q", ("a", "b"), 2)).request
        ours = json_replace(ours)
    assert (ours.method, ours.url) == (sent["method"], f"https://host{target}")
    assert compared(json.loads(ours.content())) == compared(body)


def json_replace(request: HTTPRequest) -> HTTPRequest:
    """The capture asked another model through the agent runtime."""
    text = request.content().decode().replace("amazon.rerank-v1:0", "cohere.rerank-v3-5:0")
    return HTTPRequest(request.method, request.url, request.headers, json.loads(text))
