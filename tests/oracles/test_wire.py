"""Recorded answers of real providers, and what the official SDKs sent, where ``LOKID_WIRE`` names them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lokid.chat import Answer, Reasoning, Text, ToolCall
from lokid.dialects import openai_chat_answer, openai_embeddings, openai_responses_answer, rerank
from lokid.dialects.errors import classify
from lokid.dialects.traits import Traits
from lokid.errors import BadRequest, IncompleteResponse, LokidError, QuotaExceeded, RateLimited, UnknownModel
from lokid.providers.base import Decoder
from tests.fakes.feeding import Fed, fed

WIRE = os.environ.get("LOKID_WIRE")
pytestmark = pytest.mark.skipif(not WIRE, reason="LOKID_WIRE names no recordings")

TYPES = ("openai", "openai-compatible", "azure-openai")
ERRORS: dict[str, type[LokidError]] = {
    "openai/23-err-404-model.json": UnknownModel,
    "openai/25-err-400-temperature.json": BadRequest,
    "openai/26-resp-error-midstream.events.jsonl": QuotaExceeded,
    "openai-compatible/02-openrouter-stream-error.sse": BadRequest,
    "openai-compatible/03-openrouter-429.json": RateLimited,
    "openai-compatible/10-groq-tool-use-failed.json": BadRequest,
}


def recorded() -> Iterator[dict[str, Any]]:
    if WIRE:
        for case in json.loads((Path(WIRE) / "recorded" / "index.json").read_text()):
            if case["client"] in TYPES and not case["file"].endswith(".req.json"):
                yield case


CASES = list(recorded())


def body(case: dict[str, Any]) -> bytes:
    data = (Path(WIRE or "") / "recorded" / case["file"]).read_bytes()
    if case["file"].endswith(".events.jsonl"):  # the data of each event, one a line
        return b"".join(b"data: " + line + b"\n\n" for line in data.splitlines() if line)
    return data


def is_stream(case: dict[str, Any]) -> bool:
    return case["file"].endswith((".sse", ".events.jsonl"))


def read(case: dict[str, Any], data: bytes) -> Fed[Any]:
    return fed(decoder_of(case, data), data)


def decoder_of(case: dict[str, Any], data: bytes) -> Callable[[], Decoder[Answer]]:
    traits = Traits("recorded", "recorded:recorded")
    responses = (
        "/responses" in str(case.get("uri")) or b'"response.' in data or b'"object": "response"' in data
    )
    if is_stream(case):
        kind = openai_responses_answer.ResponsesDecoder if responses else openai_chat_answer.StreamDecoder
        return lambda: kind(traits)
    if responses:
        return lambda: openai_responses_answer.whole_responses_decoder(traits)
    return lambda: openai_chat_answer.whole_decoder(traits)


def chats() -> list[dict[str, Any]]:
    return [case for case in CASES if "embed" not in case["file"] and "rerank" not in case["file"]]


@pytest.mark.parametrize("case", chats(), ids=lambda case: case["file"])
def test_recorded_answers_read_the_same_however_they_are_cut(case: dict[str, Any]) -> None:
    data = body(case)
    if case.get("status", 200) >= 400:
        error = classify(case["status"], case.get("headers") or {}, data)
        assert type(error) is ERRORS[case["file"]]
        return
    if case["file"] in ERRORS and not is_stream(case):
        assert type(classify(400, {}, data)) is ERRORS[case["file"]]
        return
    found = read(case, data)
    if case["file"] in ERRORS:
        assert type(found.error) is ERRORS[case["file"]]
        return
    answer: Answer = found.answer
    assert answer.response_id
    assert answer.message.parts or answer.finish_reason in ("content_filter", "length")
    if is_stream(case):
        assert found.text == answer.message.text
        said = "".join(part.text for part in answer.message.parts if isinstance(part, Reasoning))
        assert found.reasoning == said
        calls = [part for part in answer.message.parts if isinstance(part, ToolCall)]
        assert [(call.id, call.name) for call in calls] == [call[:2] for call in found.calls]
        assert [call.arguments for call in calls] == [json.loads(call[2] or "{}") for call in found.calls]
    if answer.finish_reason == "tool_calls":
        assert any(isinstance(part, ToolCall) and part.id and part.name for part in answer.message.parts)
    if answer.finish_reason == "stop":
        assert any(isinstance(part, Text) and part.text for part in answer.message.parts)


@pytest.mark.parametrize(
    "case", [c for c in chats() if is_stream(c) and c["file"] not in ERRORS], ids=lambda case: case["file"]
)
def test_recorded_streams_that_are_cut_are_incomplete(case: dict[str, Any]) -> None:
    events = body(case).split(b"\n\n")
    marker = next(
        i
        for i, event in enumerate(events)
        if b"[DONE]" in event
        or b'"response.completed"' in event
        or (b'"finish_reason":"' in event.replace(b'": "', b'":"'))
    )
    for kept in range(0, marker, max(1, marker // 20)):
        # Read in one piece: that the pieces do not matter is tested above.
        decoder = decoder_of(case, b"\n\n".join(events))()
        with pytest.raises(IncompleteResponse):
            decoder.feed(b"\n\n".join(events[:kept]) + b"\n\n")
            decoder.close()


def test_recorded_embeddings_and_ranks_are_read() -> None:
    for case in CASES:
        if "embed" in case["file"]:
            texts = len(json.loads(body(case))["data"])
            answer = fed(lambda texts=texts: openai_embeddings.decoder(texts), body(case)).answer
            assert len(answer.vectors) == texts
            assert answer.usage
        if "rerank" in case["file"]:
            asked = json.loads((Path(WIRE or "") / "recorded" / f"{case['file']}.req.json").read_text())
            request = rerank.RerankRequest("m", asked["query"], tuple(asked["documents"]), asked.get("top_k"))
            ranked = fed(lambda request=request: rerank.decoder(request), body(case)).answer
            scores = [result.score for result in ranked.results]
            assert scores == sorted(scores, reverse=True)
            assert len(scores) == 3
