"""What is read from Chat Completions: every stream whole, byte by byte, and cut at random."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lokid.chat import Answer, ChatRequest, Image, Message, Reasoning, Text, ToolCall, Usage
from lokid.dialects.openai_chat import KEY, encode
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.stream import PICTURES, BrokenEvent
from lokid.errors import (
    BadRequest,
    IncompleteResponse,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from tests.fakes.completions import CALLS, STOP, THINKS, TRAITS, USAGE, calls, chunk, entry, read, whole
from tests.fakes.feeding import fed, stream

# --- text, reasoning, refusal ------------------------------------------------------------------------

NULLS = dict.fromkeys(("role", "content", "reasoning_content", "tool_calls", "refusal"))


def said(content: Any) -> dict[str, Any]:
    return chunk({"content": content})


def thought(thinking: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": thinking}


PICTURE = "data:image/png;base64,iVBORw=="
PICTURE_2 = "data:image/webp;base64,__79"

NO_PICTURES = ("data:text/plain;base64,YQ==", "data:image/png,a", "ftp://a", 5)

TEXTS: dict[str, tuple[list[Any], tuple[Any, ...]]] = {
    "plain": ([chunk({"role": "assistant", "content": ""}), said("Hé"), said("llo")], (Text("Héllo"),)),
    "nulls": ([chunk(NULLS), said("a"), chunk(None)], (Text("a"),)),
    "no choices": (
        [{"choices": [], "id": "", "model": "", "prompt_filter_results": []}, said("a"), {"choices": None}],
        (Text("a"),),
    ),
    "obfuscation": ([chunk({"content": "a"}, obfuscation="xyz")], (Text("a"),)),
    "another choice": ([said("a"), {"choices": [{"index": 1, "delta": {"content": "b"}}]}], (Text("a"),)),
    "a list of parts": (
        [
            said([thought([{"type": "text", "text": "h"}, {"text": "m"}])]),
            said([thought("."), {"type": "text", "text": "a"}, "b", 5]),
            said([{"type": "reference", "reference_ids": [1]}, thought([])]),
        ],
        (Reasoning("hm."), Text("ab")),
    ),
    "reasoning between texts": (
        [said("a"), said([thought("h")]), said("b")],
        (Text("a"), Reasoning("h"), Text("b")),
    ),
    "pictures": (
        [
            said([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PICTURE}}]),
            chunk({"content": "b", "images": [{"type": "image_url", "image_url": {"url": PICTURE}}]}),
            chunk({"images": [{"image_url": {"url": "https://example.org/a.png"}}]}),
            chunk({"images": [{"image_url": url} for url in (PICTURE_2, *NO_PICTURES)]}),
            chunk({"images": [5, {}]}),
        ],
        (
            Text("ab"),
            Image("image/png", b"\x89PNG"),
            Image(url="https://example.org/a.png"),
            Image("image/webp", b"\xff\xfe\xfd"),
        ),
    ),
    "halves of a letter": ([said("a\ud83d"), said("\ude00b")], (Text("a😀b"),)),
    "half of a letter alone": ([said("a\ud83d"), said("b")], (Text("ab"),)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_read_in_their_order(name: str) -> None:
    chunks, parts = TEXTS[name]
    found = read(stream(*chunks, STOP))
    assert found.answer.message == Message("assistant", parts)
    assert found.answer.finish_reason == "stop"
    assert found.text == found.answer.message.text
    assert found.reasoning == "".join(part.text for part in parts if isinstance(part, Reasoning))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_keeps_the_field_that_it_came_in(field: str) -> None:
    found = read(
        stream(chunk({field: "h"}), chunk({field: "m", "content": None}), chunk({"content": "a"}), STOP)
    )
    kept = {KEY: {"origin": "c:m", "field": field}}
    assert found.answer.message.parts == (Reasoning("hm", kept), Text("a"))
    assert found.reasoning == "hm"


def test_a_server_that_renames_the_field_says_its_reasoning_once() -> None:
    assert read(stream(chunk({"reasoning_content": "h", "reasoning": "h"}), STOP)).reasoning == "h"


def test_details_of_reasoning_are_joined_and_kept_even_without_text() -> None:
    details = [
        {"type": "reasoning.text", "index": 0, "text": "a", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "b", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "x"},
        {"type": "reasoning.encrypted", "index": 1, "data": "y", "format": None},
        5,
    ]
    sent = [chunk({"content": "t", "reasoning_details": [detail]}) for detail in details]
    part = read(stream(*sent, STOP)).answer.message.parts[0]
    assert isinstance(part, Reasoning)
    assert part.opaque[KEY]["details"] == [
        {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "xy"},
    ]


def test_blocks_of_thoughts_end_with_their_signature() -> None:
    """LiteLLM: a round of tools with Claude behind it is refused without them."""
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "h", "signature": ""},
        {"type": "thinking", "thinking": "m", "signature": None},
        {"type": "thinking", "thinking": "", "signature": "s1"},
        {"type": "thinking", "thinking": "so", "signature": ""},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "redacted_thinking", "data": "y"},
    ]
    sent = [
        chunk({"reasoning_content": block.get("thinking"), "thinking_blocks": [block]}) for block in blocks
    ]
    found = read(stream(*sent, chunk({"content": "t"}), STOP))
    part = found.answer.message.parts[0]
    assert isinstance(part, Reasoning)
    assert part.text == found.reasoning == "hmso"
    whole_blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "thinking", "thinking": "so", "signature": "s2"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "redacted_thinking", "data": "y"},
    ]
    kept = {"origin": "c:m", "field": "reasoning_content", "blocks": whole_blocks}
    assert part.opaque == {KEY: kept}
    message = {"content": "t", "reasoning_content": "hmso", "thinking_blocks": whole_blocks}
    assert whole(message).answer.message == found.answer.message


def test_a_refusal_is_an_answer() -> None:
    found = read(stream(chunk({"refusal": "I "}), chunk({"refusal": "won't", "content": None}), STOP))
    assert found.answer.finish_reason == "refusal"
    assert found.text == found.answer.message.text == "I won't"
    assert whole({"content": None, "refusal": "no"}).answer.finish_reason == "refusal"


def test_an_answer_may_have_no_text_when_reasoning_took_the_limit() -> None:
    """Loki calls it, and a refusal without text, invalid response data."""
    found = read(stream(chunk({"reasoning_content": "hm"}), chunk({}, "length")))
    assert (found.answer.finish_reason, found.answer.message.text) == ("length", "")
    assert whole({"content": None}, "length").answer.finish_reason == "length"


THINKING: list[tuple[list[str], str, str]] = [
    (["<think>hm</think>\n\na"], "hm", "a"),
    (["<", "thi", "nk>\nh", "m</th", "ink>", "\n", "a"], "hm", "a"),
    (["\n <think>", "a < b </thin", "g></think>", "b"], "a < b </thing>", "b"),
    (["write <think> to think"], "", "write <think> to think"),
    (["<thin"], "", "<thin"),
    (["  "], "", "  "),
    (["<think>never ends </th"], "never ends </th", ""),
    (["<think></think>a<think>b</think>"], "", "a<think>b</think>"),
    (["<think>a</think>"], "a", ""),
]


@pytest.mark.parametrize(("pieces", "reasoning", "words"), THINKING)
def test_think_tags_at_the_beginning_are_reasoning(pieces: list[str], reasoning: str, words: str) -> None:
    for given in (pieces, list("".join(pieces))):
        found = read(stream(*[chunk({"content": piece}) for piece in given], STOP), THINKS)
        assert (found.reasoning, found.text) == (reasoning, words)
        assert found.answer.message.text == words


OPENED: list[tuple[list[str], str, str]] = [
    (["hm</think>a"], "hm", "a"),
    (["\nh", "m\n</th", "ink>", "\n", "\n", '{"a": 1}'], "hm\n", '{"a": 1}'),
    (["<think>\nhm</think>\na"], "hm", "a"),  # and writes it all the same
    (["</think>a"], "", "a"),
    (["hm</think>a</think>"], "hm", "a</think>"),
]
OPENS = replace(THINKS, think_opened=True)


def at_once(text: str, finish: str = "stop") -> dict[str, Any]:
    return {"id": "r1", "choices": [{"index": 0, "message": {"content": text}, "finish_reason": finish}]}


def whole_one(text: str, finish: str = "stop") -> Answer:
    return fed(lambda: whole_decoder(OPENS), json.dumps(at_once(text, finish)).encode()).answer


@pytest.mark.parametrize(("pieces", "reasoning", "words"), OPENED)
def test_an_answer_whose_template_has_opened_the_thoughts_begins_with_them(
    pieces: list[str], reasoning: str, words: str
) -> None:
    for given in (pieces, list("".join(pieces))):
        found = read(stream(*[chunk({"content": piece}) for piece in given], STOP), OPENS)
        assert (found.reasoning, found.text) == (reasoning, words)
        assert found.answer.message.text == words
    text = "".join(pieces)
    behind = read(stream(*[chunk({"content": piece}) for piece in pieces], at_once(text)), OPENS)
    for answer in (whole_one(text), behind.answer):
        assert answer.message == found.answer.message


@pytest.mark.parametrize("text", ['{"city": "Paris"}', "a < b </thin", "<thin", "Paris"])
def test_thoughts_that_have_no_end_were_none(text: str) -> None:
    """As with JSON by a grammar, or a template that is told not to think."""
    chunks = [chunk({"content": piece}) for piece in text]
    message = Message("assistant", (Text(text),))
    for end in (STOP, at_once("")):
        found = read(stream(*chunks, end, USAGE), OPENS)
        assert (found.text, found.answer.message, found.answer.usage) == (text, message, Usage(9, 3))
    counted = read(stream(*chunks, USAGE, STOP), OPENS).answer
    assert (counted.message, counted.usage) == (message, Usage(9, 3))
    assert read(stream(*chunks, at_once(text)), OPENS).answer.message.text == text
    assert whole_one(text).message == message
    for cut in (read(stream(*chunks, chunk({}, "length")), OPENS).answer, whole_one(text, "length")):
        assert (cut.finish_reason, cut.message.text) == ("length", "")


@pytest.mark.parametrize(
    "thought",
    [{"reasoning_content": "hm"}, {"content": [{"type": "thinking", "thinking": "hm"}]}],
)
def test_a_server_that_knows_its_thoughts_leaves_none_in_the_text(thought: dict[str, Any]) -> None:
    for events in (
        [chunk(thought), chunk({"content": "Paris"}), STOP],
        [chunk(thought), chunk({"content": "Par"}), at_once("Paris")],
        [chunk(thought), at_once("Paris")],
    ):
        found = read(stream(*events), OPENS)
        assert (found.reasoning, found.text) == ("hm", "Paris")
        assert found.answer.message.text == "Paris"
    message = {"role": "assistant", "content": "Paris", "reasoning_content": "hm"}
    behind = {"id": "r1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    assert read(stream(chunk({"content": "Par"}), behind), OPENS).answer.message.text == "Paris"


def behind(*deltas: dict[str, Any], finish: str = "stop", **message: Any) -> Answer:
    """With think_end, of a server that ends with a message."""
    end = {"id": "r1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    return read(stream(*map(chunk, deltas), end), OPENS).answer


def test_thoughts_that_the_model_itself_has_opened_are_thoughts_without_an_end_too() -> None:
    assert whole_one("<think>hm").message == Message("assistant", (Reasoning("hm"),))


def test_a_message_behind_opened_thoughts_says_what_is_answer() -> None:
    raw, whole = {"content": "hm"}, {"content": "hm</think>Par"}
    assert behind(raw, content="Paris", reasoning_content="hm").message.text == "Paris"
    assert behind(whole, content="Paris").message.text == "Paris"
    assert behind(whole, content="hm</think>Paris").message.text == "Paris"
    assert behind(raw, content=None, tool_calls=[entry(0, "a", "f", "{}")]).message.text == ""
    twice = {"id": "r1", "choices": [{"index": 0, "message": {"content": "hm</think>Par"}}]}
    assert read(stream(chunk(whole), twice, twice, at_once("hm</think>Paris")), OPENS).text == "Paris"
    assert behind(raw, content="hm", finish="length").message == Message("assistant", (Reasoning("hm"),))
    itself = {"content": "<think>\nhm"}
    assert behind(itself, **itself).message == Message("assistant", (Reasoning("hm"),))
    refused = read(stream(chunk(raw), chunk({"refusal": "No."}), STOP), OPENS)
    assert (refused.reasoning, refused.text, refused.answer.message.text) == ("hm", "No.", "No.")


def test_a_message_with_thoughts_in_two_places_is_as_its_deltas() -> None:
    """llama.cpp's older form."""
    message = {"content": "<think>hm</think>Paris", "reasoning_content": "hm"}
    end = {"id": "r1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    for delta in ("<think>hm</think>Par", "<think>hm"):
        found = read(stream(chunk({"content": delta}), end), THINKS)
        assert (found.reasoning, found.answer.message.text) == ("hm", "Paris")


def test_think_tags_are_text_unless_the_model_is_known_to_write_them() -> None:
    assert read(stream(chunk({"content": "<think>a</think>"}), STOP)).text == "<think>a</think>"


def test_think_tags_held_back_come_out_at_done_too() -> None:
    assert read(stream(chunk({"content": "<thi"})), THINKS).text == "<thi"


# --- the end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "finish"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("sensitive", "content_filter"),
    ],
)
def test_finish_reasons(wire: str, finish: str) -> None:
    assert read(stream(chunk({"content": "a"}, wire), done=False)).answer.finish_reason == finish


def test_a_finish_reason_or_done_ends_a_stream() -> None:
    assert read(stream(chunk({"content": "a"}), STOP, done=False)).answer.finish_reason == "stop"
    assert read(stream(chunk({"content": "a"}))).answer.finish_reason == "stop"
    assert read(stream(calls(entry(0, "a", "f")))).answer.finish_reason == "tool_calls"


def test_what_follows_done_is_not_read() -> None:
    assert (
        read(stream(chunk({"content": "a"})) + stream(chunk({"content": "b"})) + b"data: nonsense").text
        == "a"
    )


def test_the_terminal_marker_may_lack_its_blank_line() -> None:
    assert read(stream(chunk({"content": "a"})).rstrip()).answer.message.text == "a"


STREAMS = {
    "text": [chunk({"content": "a"}), chunk({"content": "b"}), STOP, USAGE],
    "tools": [calls(entry(0, "a", "f", "{")), calls(entry(0, None, None, "}")), CALLS, USAGE],
    "reasoning": [chunk({"reasoning": "a"}), chunk({"content": "b"}), chunk({"content": "c"}, "length")],
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_before_its_terminal_marker_is_an_error_not_a_short_answer(name: str) -> None:
    data = stream(*STREAMS[name])
    marker = min(
        data.index(b"\n\n", data.index(mark)) for mark in (b'"finish_reason": "', b"[DONE]") if mark in data
    )
    for length in range(marker):
        decoder = StreamDecoder(TRAITS)
        decoder.feed(data[:length])
        with pytest.raises(IncompleteResponse):
            decoder.close()


def test_a_stream_cut_after_its_terminal_marker_is_whole() -> None:
    data = stream(chunk({"content": "a"}), STOP, USAGE)
    for length in range(data.index(b"[DONE]") - 9, len(data)):
        assert read(data[:length]).answer.message.text == "a"


def test_an_empty_stream_and_a_lonely_done_are_incomplete() -> None:
    for data in (b"", b": ping\n\n", b"data: [DONE]\n\n", stream(USAGE), b"data:\n\n"):
        assert isinstance(read(data).error, IncompleteResponse)


# --- usage --------------------------------------------------------------------------------------------


TEN = {"prompt_tokens": 10, "completion_tokens": 3}


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        (USAGE["usage"], Usage(9, 3)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
            Usage(9, 3, 2, 1, 1),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 20}, Usage(9, 11)),  # xAI, Gemini
        (
            {"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 4},
            Usage(9, 3, 4),
        ),  # DeepSeek
        ({"prompt_tokens": 9, "completion_tokens": 3, "cached_tokens": 4}, Usage(9, 3, 4)),  # Moonshot
        (
            {"prompt_tokens": 9, "completion_tokens": 3, "cache_creation_input_tokens": 5},
            Usage(9, 3, 0, 5),
        ),  # LiteLLM
        ({**TEN, "cache_read_input_tokens": 9}, Usage(10, 3, 9)),  # gateways to Claude
        ({**TEN, "total_tokens": 13, "cache_read_input_tokens": 9}, Usage(10, 3, 9)),
        ({**TEN, "total_tokens": 22, "cache_read_input_tokens": 9}, Usage(19, 3, 9)),  # beside the prompt
        ({**TEN, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5}, Usage(105, 3, 90, 5)),
        (
            {**TEN, "prompt_tokens_details": {"cached_tokens": 9}, "cache_creation_input_tokens": 5},
            Usage(15, 3, 9, 5),
        ),  # LiteLLM of 2025
        (
            {**TEN, "total_tokens": 18, "cache_read_input_tokens": 4, "cache_write_tokens": 5},
            Usage(15, 3, 4, 5),
        ),
        (
            {
                **TEN,
                "total_tokens": 23,
                "prompt_tokens_details": {"cached_tokens": 4},
                "cache_write_tokens": 6,
            },
            Usage(20, 3, 4, 6),
        ),
        ({**TEN, "num_cached_tokens": 9}, Usage(10, 3, 9)),
        ({**TEN, "prompt_tokens_details": {"cache_creation_input_tokens": 9}}, Usage(10, 3, 0, 9)),  # Qwen
        (
            {"input_tokens": 10, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 9}},
            Usage(10, 3, 9),
        ),
        ({"completion_tokens": 3, "total_tokens": 20}, Usage(17, 3)),
        ({"total_tokens": 20}, Usage()),  # MiniMax
        ({"prompt_tokens": None, "completion_tokens": "3"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_usage_counts_everything(wire: Any, usage: Usage | None) -> None:
    assert read(stream(chunk({"content": "a"}, "stop"), {"choices": [], "usage": wire})).answer.usage == usage
    assert whole({"content": "a"}, usage=wire).answer.usage == usage


def test_usage_may_come_with_a_choice_or_under_groqs_name_and_the_last_one_counts() -> None:
    early = chunk({"content": "a"}, usage={"prompt_tokens": 1, "completion_tokens": 1})
    assert read(stream(early, STOP | {"usage": USAGE["usage"]})).answer.usage == Usage(9, 3)
    assert read(stream(STOP | {"x_groq": {"usage": USAGE["usage"]}})).answer.usage == Usage(9, 3)
    assert read(stream(early, STOP)).answer.usage == Usage(1, 1)


def test_a_usage_with_words_behind_it_is_not_that_of_the_answer() -> None:
    """Of a gateway that tells what Claude counts at the beginning, and no more."""
    early = chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1})
    found = read(stream(early, *map(said, "bcdef"), STOP))
    assert (found.answer.message.text, found.answer.usage) == ("abcdef", None)
    called = calls(entry(0, "a", "f", "{}"))
    assert read(stream(early, called, STOP)).answer.usage is None
    assert read(stream(called, early, STOP)).answer.usage is not None


def test_a_total_alone_takes_nothing_back_and_begins_nothing() -> None:
    alone = {"choices": [], "usage": {"total_tokens": 12}}
    assert read(stream(chunk({"content": "a"}, "stop"), USAGE, alone)).answer.usage == Usage(9, 3)
    early = chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1})
    assert read(stream(early, said("b"), STOP, alone)).answer.usage is None
    refused = read(stream(alone, {"error": {"message": "x", "type": "insufficient_quota"}}))
    assert refused.error is not None and refused.error.refused


def test_usage_may_stand_in_the_choice_that_ends() -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    ends = chunk({}, "stop")
    ends["choices"][0]["usage"] = counts
    assert read(stream(said("a"), ends)).answer.usage == Usage(9, 3)
    assert read(
        stream(said("a"), ends, {"choices": [], "usage": counts | {"prompt_tokens": 8}})
    ).answer.usage == Usage(8, 4)


def test_model_and_id_are_the_providers() -> None:
    answer = read(stream({"choices": [], "id": "", "model": ""}, STOP)).answer
    assert (answer.response_id, answer.model) == ("r1", "m-1")
    bare = read(stream({"choices": [{"delta": {}, "finish_reason": "stop"}]})).answer
    assert (bare.response_id, bare.model) == (None, None)


# --- errors inside answers ------------------------------------------------------------------------------

ERRORS: dict[str, tuple[bytes, type]] = {
    "an error object": (stream({"error": {"message": "x", "type": "insufficient_quota"}}), QuotaExceeded),
    "a numeric code": (stream({"error": {"code": 502, "message": "x"}}), ProviderUnavailable),
    "next to choices": (
        stream(chunk({"content": ""}) | {"error": {"code": 400, "message": "x"}}),
        BadRequest,
    ),
    "as text": (stream({"error": "x"}), ProviderFailed),
    "of Zhipu": (stream({"code": 1234, "msg": "x", "success": False}), ProviderFailed),
    "without a word": (stream({"success": False}), ProviderFailed),
    "as a status": (stream({"status": "failed"}), ProviderFailed),
    "of Qianfan": (stream({"error_code": 17, "error_msg": "daily limit"}), ProviderFailed),
    "an event's name and nothing else": (b"event: error\ndata:\n\ndata: [DONE]\n\n", ProviderFailed),
    "of MiniMax": (
        stream({"choices": [], "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
        ProviderFailed,
    ),
    "of Tencent": (stream({"Response": {"Error": {"Code": "X", "Message": "rate limit"}}}), ProviderFailed),
    "of Tencent as well": (stream({"ErrorMsg": {"Msg": "rate limit"}, "Choices": []}), ProviderFailed),
    "instead of a text": (stream({"choices": [{"delta": {"error": {"code": 429}}}]}), RateLimited),
    "nothing but words": (stream("rate limit"), ProviderFailed),
    "a list of words": (stream(["rate limit"]), ProviderFailed),
    "choices that are no list": (stream({"choices": {"0": {"delta": {"content": "a"}}}}), ProviderFailed),
    "a web page": (b"<html>502 Bad Gateway</html>\n\ndata: [DONE]\n\n", BrokenEvent),
    "in a field of its own": (b'error: {"code": 429, "message": "x"}\n\ndata: [DONE]\n\n', RateLimited),
    "without a field": (b'{"error": {"code": 429, "message": "x"}}\ndata: [DONE]\n\n', RateLimited),
    "without a wrapper": (stream({"object": "error", "message": "x", "code": 429}), RateLimited),
    "as detail": (stream({"detail": "x"}), ProviderFailed),
    "inside a choice": (
        stream({"choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "x"}}]}),
        ProviderUnavailable,
    ),
    "as a finish reason": (stream(chunk({}, "error")), ProviderFailed),
    "as an event's name": (b'event: error\ndata: {"message": "x"}\n\n', ProviderFailed),
    "of Groq": (
        stream(chunk({}, "stop") | {"x_groq": {"id": "r", "error": "busy"}}),
        ProviderFailed,
    ),
    "a lack of capacity": (stream(chunk({}, "insufficient_system_resource")), Overloaded),
    "no JSON": (b"data: <html>\n\n", BrokenEvent),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_inside_a_stream_is_an_error(name: str) -> None:
    data, kind = ERRORS[name]
    for before in (b"", stream(chunk({"content": "so far"}), done=False)):
        found = read(before + data)
        assert type(found.error) is kind
        assert found.text == ("so far" if before else "")


def test_pictures_of_a_whole_answer_and_of_a_message_behind_deltas() -> None:
    message = {"role": "assistant", "content": None, "images": [{"type": "image_url", "image_url": PICTURE}]}
    at_once = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    painted = Image("image/png", b"\x89PNG")
    assert whole(message).answer.message.parts == (painted,)
    assert read(stream(chunk(message, "stop"), at_once)).answer.message.parts == (painted,)
    assert read(stream(said("a"), at_once)).answer.message.parts == (Text("a"), painted)
    message["images"][0]["image_url"] = "data:image/svg+xml,%3Csvg/%3E"
    assert whole(message).answer.message.parts == (Image("image/svg+xml", b"<svg/>"),)
    message["images"][0]["image_url"] = "data:text/plain,no"
    assert whole(message).answer.message.parts == ()
    message["images"][0]["image_url"] = "DATA:image/png;charset=x;BASE64,iVBORw%3D%3D"
    assert whole(message).answer.message.parts == (painted,)


def test_a_picture_of_megabytes_comes_in_one_event_and_none_comes_a_thousand_times() -> None:
    long = "data:image/png;base64," + "A" * 4_000_000
    data = stream(chunk({"images": [{"image_url": {"url": long}}]}, "stop"))
    decoder = StreamDecoder(TRAITS)
    for begin in range(0, len(data), 65536):
        decoder.feed(data[begin : begin + 65536])
        assert decoder.held <= len(data)
    assert decoder.close().message.parts == (Image("image/png", bytes(3_000_000)),)
    many = [{"image_url": f"https://example.org/{number}"} for number in range(101)]
    assert type(read(stream(chunk({"images": many}))).error) is ProviderFailed


def test_an_answer_in_one_event_may_be_a_message() -> None:
    """As if it were no stream. Behind deltas it repeats them, and of two nobody knows which is meant."""
    at_once = {"choices": [{"index": 0, "message": {"content": "Hé"}, "finish_reason": "stop"}]}
    assert read(stream(at_once)).text == read(stream(at_once)).answer.message.text == "Hé"
    repeated = read(stream(said("Hé"), at_once))
    assert repeated.text == repeated.answer.message.text == "Hé"
    for more, told in (("Hé", "Hé"), ("Héllo", "Héllo"), (" Hé\n", "Hé")):
        longer = {
            "choices": [{"index": 0, "delta": {}, "message": {"content": more}, "finish_reason": "stop"}]
        }
        found = read(stream(said("H"), said("é"), longer))
        assert found.text == found.answer.message.text == told
    whole = {
        "choices": [{"message": {"content": "Hé", "tool_calls": [entry(name="f")]}, "finish_reason": "stop"}]
    }
    assert [name for _, name, _ in read(stream(said("Hé"), whole)).calls] == ["f"]
    assert [name for _, name, _ in read(stream(calls(entry(name="f")), whole)).calls] == ["f"]
    other = {"choices": [{"index": 0, "delta": None, "message": {"content": "other"}}]}
    for spliced in ((at_once, at_once), (said("Hé"), other)):
        assert type(read(stream(*spliced)).error) is IncompleteResponse


def test_a_message_behind_deltas_repeats_what_is_thought_in_tags() -> None:
    """MiniMax does: its last event has the whole answer."""
    at_end = {
        "choices": [{"message": {"content": "<think>\nhm\n</think>\n\nHéllo"}, "finish_reason": "stop"}]
    }
    for pieces in (
        ("<think>\nhm", "\n</think>\n\nHé", "llo"),
        ("<think>\nhm\n</think>\n\n", "Hé"),
        ("<think>\nhm\n",),
    ):
        found = read(stream(*map(said, pieces), at_end), THINKS)
        assert found.text.strip() == found.answer.message.text.strip() == "Héllo"
    other = read(stream(said("<think>\nhm\n</think>\n\nother"), at_end), THINKS)
    assert type(other.error) is IncompleteResponse


def test_a_server_that_says_that_all_is_well_is_believed() -> None:
    well = {"code": 200, "msg": "OK", "success": True}
    assert read(stream(well, said("a"), STOP)).text == "a"


def test_texts_of_completions_without_chat_are_texts() -> None:
    for choice in ({"text": "Hé"}, {"message": None, "delta": {"content": "Hé"}}):
        body = json.dumps({"choices": [choice | {"finish_reason": "stop"}]}).encode()
        assert fed(lambda: whole_decoder(TRAITS), body).answer.message.text == "Hé"
    pieces = [{"choices": [{"index": "0", "text": piece, "finish_reason": None}]} for piece in ("H", "é")]
    found = read(stream(*pieces, {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}))
    assert found.text == found.answer.message.text == "Hé"


def test_an_error_is_raised_again_however_often_one_asks() -> None:
    decoder = StreamDecoder(TRAITS)
    data = stream(chunk({"content": "a"}), {"error": "x"}, chunk({"content": "b"}))
    assert len(decoder.feed(data)) == 1
    for again in (lambda: decoder.feed(b"data: 1\n\n"), decoder.close):
        with pytest.raises(ProviderFailed):
            again()


def test_an_endless_event_and_an_endless_answer_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = StreamDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match="larger than"):
        decoder.feed(b"data: " + b"x" * PICTURES)
    decoder = StreamDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match="larger than"):
        for _ in range(100):
            decoder.feed(b":" + b"x" * (2**20 - 2) + b"\n")


# --- whole answers --------------------------------------------------------------------------------------


def test_a_whole_answer_reads_like_its_stream() -> None:
    details = [{"type": "reasoning.text", "text": "hm"}]
    message = {
        "role": "assistant",
        "content": "a",
        "reasoning": "hm",
        "reasoning_details": details,
        "tool_calls": [entry(None, "", "f", "{}"), entry(None, "", "f", "{}")],
    }
    found = whole(message, "tool_calls", usage=USAGE["usage"])
    assert found.events == ()
    assert found.answer == Answer(
        Message(
            "assistant",
            (
                Reasoning("hm", {KEY: {"origin": "c:m", "field": "reasoning", "details": details}}),
                Text("a"),
                ToolCall("call_r1_0", "f", {}),
                ToolCall("call_r1_1", "f", {}),
            ),
        ),
        "tool_calls",
        Usage(9, 3),
        "m-1",
        "r1",
    )


def test_a_whole_answer_may_lack_its_finish_reason_and_its_message() -> None:
    assert whole({"content": "a"}, None).answer.finish_reason == "stop"
    filtered = fed(
        lambda: whole_decoder(TRAITS), b'{"choices":[{"finish_reason":"content_filter","index":0}]}'
    )
    assert filtered.answer == Answer(Message("assistant", ()), "content_filter")


def test_think_tags_of_a_whole_answer() -> None:
    data = json.dumps({"choices": [{"message": {"content": "<think>hm</think>\na"}}]}).encode()
    assert fed(lambda: whole_decoder(THINKS), data).answer.message.parts == (Reasoning("hm"), Text("a"))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", IncompleteResponse),
        (b'{"choices": [{"message": {"content": "a"', IncompleteResponse),
        (b"[", IncompleteResponse),
        (b"<html>", ProviderFailed),
        (b"{}", ProviderFailed),
        (b"[]", ProviderFailed),
        (b'{"choices": []}', ProviderFailed),
        (b'{"error": {"code": 429, "message": "x"}}', RateLimited),
        (b'{"message": "x"}', ProviderFailed),
        (b'{"choices": [{"error": {"code": 502, "message": "x"}}]}', ProviderUnavailable),
    ],
)
def test_a_whole_answer_that_is_none_is_an_error(data: bytes, kind: type) -> None:
    assert type(fed(lambda: whole_decoder(TRAITS), data).error) is kind


def test_a_whole_answer_is_bounded() -> None:
    decoder = whole_decoder(TRAITS)
    with pytest.raises(ProviderFailed, match="larger than"):
        for _ in range(65):
            decoder.feed(b" " * 2**20)


# --- and back -------------------------------------------------------------------------------------------


def test_an_answer_can_be_sent_back_as_it_came() -> None:
    delta = {"reasoning_content": "hm", "content": "a", "tool_calls": [entry(0, "x", "f", '{"y": 1}')]}
    answer = read(stream(chunk(delta), CALLS)).answer
    sent = encode(ChatRequest("c:m", (answer.message,)), TRAITS, stream=False)["messages"][0]
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"y":1}'}}
    assert sent == {"role": "assistant", "content": "a", "reasoning_content": "hm", "tool_calls": [call]}


def test_an_answer_that_was_cut_stays_so_when_the_server_ends_it_once_more() -> None:
    found = read(stream(chunk({"content": "a"}, "length"), STOP))
    assert found.answer.finish_reason == "length"
    assert read(stream(chunk({"content": "a"}, "stop"), chunk({}, "length"))).answer.finish_reason == "length"
