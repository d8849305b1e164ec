"""The official ``openai`` package as an oracle: of the same bytes lokid reads what it reads, except where it
takes a broken answer for a whole one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest

from lokid.chat import ChatRequest, Message, Text, ToolCall
from lokid.errors import IncompleteResponse, ProviderError
from lokid.providers.openai import OPENAI, OpenAISettings
from lokid.providers.settings import ModelSettings
from tests.fakes.capture import Capture
from tests.fakes.feeding import Fed, fed, stream

OURS = OpenAISettings(type="openai", name="openai")
ASKED = ChatRequest("openai:m", (Message("user", (Text("hi"),)),), stream=True)
HI = {"role": "user", "content": "hi"}


def chunk(delta: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {
        "id": "r1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-1",
        "choices": [choice],
        "usage": None,
    } | more


def call(
    index: int, call_id: str | None = None, name: str | None = None, arguments: str = ""
) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"index": index, "function": function} | ({"id": call_id, "type": "function"} if call_id else {})


USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
LAST = chunk({}) | {"choices": [], "usage": USAGE}
WORDS = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hé\u2028\u0085"}),
    chunk({"content": "llo 👩‍💻"}),
]
TEXT = stream(*WORDS, chunk({}, "stop"), LAST)
STREAMS = {
    "text": TEXT,
    "raw line separators": TEXT.replace(b"\\u2028", "\u2028".encode()).replace(b"\\u0085", "\u0085".encode()),
    "CR LF and comments": b": PROCESSING\r\n\r\n" + TEXT.replace(b"\n", b"\r\n"),
    "cut short by the limit": stream(*WORDS, chunk({}, "length"), LAST),
    "filtered": stream(chunk({"role": "assistant", "content": ""}), chunk({}, "content_filter")),
    "tools": stream(
        chunk({"role": "assistant", "content": None}),
        chunk({"tool_calls": [call(0, "call_a", "f")]}),
        chunk({"tool_calls": [call(0, arguments='{"x"'), call(1, "call_b", "g")]}),
        chunk({"tool_calls": [call(1, arguments="{}"), call(0, arguments=":1}")]}),
        chunk({}, "tool_calls"),
        LAST,
    ),
}


@dataclass
class Read:
    """What a client of the SDK has after a stream."""

    text: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    finish: str | None = None
    usage: Any = None


def read_by_sdk(server: Capture, sdk: openai.OpenAI, data: bytes) -> Read:
    server.answer, server.content_type = data, "text/event-stream; charset=utf-8"
    read = Read()
    for part in sdk.chat.completions.create(model="m", messages=[HI], stream=True):  # type: ignore[call-overload]
        read.usage = part.usage or read.usage
        for choice in part.choices:
            read.text += choice.delta.content or ""
            read.finish = choice.finish_reason or read.finish
            for one in choice.delta.tool_calls or ():
                made = read.calls.setdefault(one.index, ["", "", ""])
                for place, piece in enumerate((one.id, one.function.name, one.function.arguments)):
                    made[place] += piece or ""
    return read


def read_by_us(data: bytes) -> Fed[Any]:
    assert OPENAI.chat
    exchange = OPENAI.chat(OURS, ModelSettings(name="m"), ASKED)
    return fed(exchange.decoder, data)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_reads_as_the_sdk_reads_it(server: Capture, sdk: openai.OpenAI, name: str) -> None:
    theirs = read_by_sdk(server, sdk, STREAMS[name])
    ours = read_by_us(STREAMS[name])
    assert ours.text == ours.answer.message.text == theirs.text
    assert ours.calls == [tuple(made) for made in theirs.calls.values()]
    made = [part for part in ours.answer.message.parts if isinstance(part, ToolCall)]
    assert [part.arguments for part in made] == [json.loads(args) for _, _, args in theirs.calls.values()]
    assert ours.answer.finish_reason == theirs.finish
    if theirs.usage is None:
        assert ours.answer.usage is None
    else:
        usage = ours.answer.usage
        assert (usage.input_tokens, usage.output_tokens) == (9, 3)
        assert usage.input_tokens == theirs.usage.prompt_tokens
        assert usage.output_tokens == theirs.usage.completion_tokens
        assert usage.cached_input_tokens == theirs.usage.prompt_tokens_details.cached_tokens
        assert usage.reasoning_tokens == theirs.usage.completion_tokens_details.reasoning_tokens


OUTPUT: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Héllo", "annotations": []}],
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_a",
        "name": "f",
        "arguments": '{"x":1}',
        "status": "completed",
    },
]
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m-1",
    "status": "completed",
    "output": OUTPUT,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 12,
    },
}


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}"} | more


def delta(kind: str, output_index: int, said: str) -> dict[str, Any]:
    return event(f"{kind}.delta", output_index=output_index, content_index=0, item_id="x", delta=said)


EVENTS = [
    event("created", response=RESPONSE | {"status": "in_progress", "output": []}),
    event("output_item.added", output_index=0, item=OUTPUT[0]),
    event("output_item.done", output_index=0, item=OUTPUT[0]),
    delta("output_text", 1, "Hé"),
    delta("output_text", 1, "llo"),
    event("output_item.done", output_index=1, item=OUTPUT[1]),
    event("output_item.added", output_index=2, item=OUTPUT[2] | {"arguments": ""}),
    delta("function_call_arguments", 2, '{"x":1}'),
    event("output_item.done", output_index=2, item=OUTPUT[2]),
    event("completed", response=RESPONSE),
]


def test_a_stream_of_responses_reads_as_the_sdk_reads_it(server: Capture, sdk: openai.OpenAI) -> None:
    numbered = [one | {"sequence_number": number} for number, one in enumerate(EVENTS)]
    data = b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in numbered)
    server.answer, server.content_type = data, "text/event-stream"
    text, last = "", None
    for part in sdk.responses.create(model="m", input="hi", stream=True):
        if part.type == "response.output_text.delta":
            text += part.delta
        if part.type == "response.completed":
            last = part.response
    assert last is not None
    assert OPENAI.chat
    exchange = OPENAI.chat(OURS, ModelSettings(name="m", chat_api="responses"), ASKED)
    ours = fed(exchange.decoder, data)
    assert ours.text == text == last.output_text == ours.answer.message.text
    their_calls = [item for item in last.output if item.type == "function_call"]
    assert ours.calls == [(item.call_id, item.name, item.arguments) for item in their_calls]
    assert ours.answer.finish_reason == "tool_calls"
    assert ours.answer.response_id == last.id
    assert ours.answer.usage and last.usage
    assert ours.answer.usage.input_tokens == last.usage.input_tokens
    assert ours.answer.usage.cached_input_tokens == last.usage.input_tokens_details.cached_tokens
    assert ours.answer.usage.output_tokens == last.usage.output_tokens
    assert ours.answer.usage.reasoning_tokens == last.usage.output_tokens_details.reasoning_tokens


def test_where_the_sdk_takes_a_cut_stream_for_an_answer_we_do_not(
    server: Capture, sdk: openai.OpenAI
) -> None:
    data = stream(*WORDS, done=False)
    theirs = read_by_sdk(server, sdk, data)
    assert theirs.text == "Hé\u2028\u0085llo 👩‍💻"
    assert theirs.finish is None
    ours = read_by_us(data)
    assert ours.text == theirs.text
    assert isinstance(ours.error, IncompleteResponse)


def test_an_error_inside_a_stream_is_an_error_for_both(server: Capture, sdk: openai.OpenAI) -> None:
    data = stream(*WORDS, {"error": {"message": "boom", "type": "x", "code": None}})
    with pytest.raises(openai.APIError):
        read_by_sdk(server, sdk, data)
    assert isinstance(read_by_us(data).error, ProviderError)
