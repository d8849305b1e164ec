"""What is read from Converse and ConverseStream."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lokid.chat import Answer, ChatRequest, Image, Message, Reasoning, Text, ToolCall, Usage
from lokid.chat.encode import message
from lokid.dialects.bedrock_converse import KEY, encode
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder, usage, whole_converse_decoder
from lokid.dialects.traits import Traits
from lokid.errors import (
    BadRequest,
    IncompleteResponse,
    LokidError,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
)
from tests.fakes import frames
from tests.fakes.feeding import Fed, fed

TRAITS = Traits("m", origin="c:m")
START = ("messageStart", {"role": "assistant"})
USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
METADATA = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})


def delta(index: int, **content: Any) -> tuple[str, Any]:
    return ("contentBlockDelta", {"contentBlockIndex": index, "delta": content})


def start(index: int, **content: Any) -> tuple[str, Any]:
    return ("contentBlockStart", {"contentBlockIndex": index, "start": content})


def stop(reason: str = "end_turn") -> tuple[str, Any]:
    return ("messageStop", {"stopReason": reason})


def end(index: int) -> tuple[str, Any]:
    return ("contentBlockStop", {"contentBlockIndex": index})


def call(index: int, name: str, *pieces: str) -> list[tuple[str, Any]]:
    begun = start(index, toolUse={"toolUseId": f"id-{name}", "name": name})
    return [begun, *(delta(index, toolUse={"input": piece}) for piece in pieces), end(index)]


def stream(data: bytes) -> Fed[Answer]:
    return fed(lambda: ConverseStreamDecoder(TRAITS), data)


def events(*given: tuple[str, Any]) -> Fed[Answer]:
    return stream(frames.converse(*given))


def said(*given: tuple[str, Any], reason: str = "end_turn") -> Answer:
    return events(START, *given, stop(reason), METADATA).answer


def whole(*blocks: Any, reason: str = "end_turn", **more: Any) -> Answer:
    said = {"role": "assistant", "content": list(blocks)}
    answer = {"output": {"message": said}, "stopReason": reason, "usage": USAGE, **more}
    return fed(lambda: whole_converse_decoder(TRAITS), json.dumps(answer).encode()).answer


def opaque(**state: Any) -> dict[str, Any]:
    return {KEY: {"origin": "c:m", **state}}


# --- text


def test_text_begins_without_a_start() -> None:
    found = events(
        START, delta(0, text="Hel"), delta(0, text=""), delta(0, text="lo"), end(0), stop(), METADATA
    )
    assert found.text == "Hello"
    assert found.answer == Answer(Message("assistant", (Text("Hello"),)), "stop", Usage(3, 5))


def test_the_usage_may_come_before_or_after_the_end_or_never() -> None:
    hello = delta(0, text="hi")
    assert events(START, hello, METADATA, stop()).answer == said(hello)
    assert events(START, hello, stop()).answer.usage is None


def test_a_whole_answer_is_what_its_stream_is() -> None:
    thought = {"reasoningText": {"text": "hmm", "signature": "sig"}}
    hidden = base64.b64encode(b"hidden").decode()
    assert whole(
        {"reasoningContent": thought},
        {"reasoningContent": {"redactedContent": hidden}},
        {"text": "so"},
        {"toolUse": {"toolUseId": "id-a", "name": "a", "input": {"x": 1}}},
        reason="tool_use",
    ) == said(
        delta(0, reasoningContent={"text": "h"}),
        delta(0, reasoningContent={"text": "mm"}),
        delta(0, reasoningContent={"signature": "sig"}),
        delta(1, reasoningContent={"redactedContent": base64.b64encode(b"hid").decode()}),
        delta(1, reasoningContent={"redactedContent": base64.b64encode(b"den").decode()}),
        delta(2, text="so"),
        *call(3, "a", '{"x"', ": 1}"),
        reason="tool_use",
    )


def test_an_answer_may_be_empty() -> None:
    assert said() == whole()
    assert whole({"text": None}, {"other": 1}, "strange") == whole()


# --- reasoning


def test_reasoning_keeps_its_signature_for_its_origin() -> None:
    """Loki drops it."""
    found = events(
        START,
        delta(0, reasoningContent={"text": "hmm"}),
        delta(0, reasoningContent={"signature": "sig=="}),
        delta(1, text="so"),
        stop(),
    )
    assert found.reasoning == "hmm"
    assert found.answer.message.parts == (Reasoning("hmm", opaque(signature="sig==")), Text("so"))


def test_reasoning_and_text_may_count_as_one_block() -> None:
    found = said(delta(0, reasoningContent={"text": "hmm"}), delta(0, text="so"))
    assert found.message.parts == (Reasoning("hmm"), Text("so"))


def test_hidden_reasoning_that_is_no_base64_is_dropped() -> None:
    for none in ("a", "é"):
        assert said(delta(0, reasoningContent={"redactedContent": none})).message.parts == ()


def test_pictures_come_whole_or_in_pieces() -> None:
    painted = Image("image/png", b"\x89PNG and more")
    first, second = (base64.b64encode(piece).decode() for piece in (b"\x89PNG", b" and more"))
    pieces = [delta(0, image={"source": {"bytes": piece}}) for piece in (first, second)]
    found = said(start(0, image={"format": "png"}), *pieces, delta(1, text="so"))
    assert found.message.parts == (painted, Text("so"))
    one = {"image": {"format": "png", "source": {"bytes": base64.b64encode(painted.data).decode()}}}
    assert whole(one, {"text": "so"}).message.parts == (painted, Text("so"))
    for broken in ("é", "a"):
        with pytest.raises(ProviderFailed, match="a picture that cannot be read"):
            whole({"image": {"format": "png", "source": {"bytes": broken}}})
        with pytest.raises(ProviderFailed, match="a picture that cannot be read"):
            said(start(0, image={"format": "png"}), delta(0, image={"source": {"bytes": broken}}))


def test_an_answer_goes_back_as_it_came() -> None:
    answer = said(
        delta(0, reasoningContent={"text": "hmm"}),
        delta(0, reasoningContent={"signature": "sig=="}),
        delta(1, reasoningContent={"redactedContent": "aGlkZGVu"}),
        start(2, toolUse={"toolUseId": "s1", "name": "search", "type": "server_tool_use"}),
        delta(2, toolUse={"input": '{"q": "x"}'}),
        start(3, toolResult={"toolUseId": "s1", "type": "search_result", "status": "success"}),
        delta(3, toolResult=[{"text": "found"}]),
        delta(3, toolResult=[{"json": {"n": 1}}]),
        delta(4, text="so"),
        delta(4, citation={"title": "t"}),
        *call(5, "a"),
        reason="tool_use",
    )
    asked = ChatRequest("c:m", (Message("user", (Text("hi"),)), answer.message))
    assert encode(asked, TRAITS, "claude")["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hmm", "signature": "sig=="}}},
        {"reasoningContent": {"redactedContent": "aGlkZGVu"}},
        {"toolUse": {"toolUseId": "s1", "name": "search", "type": "server_tool_use", "input": {"q": "x"}}},
        {
            "toolResult": {
                "toolUseId": "s1",
                "type": "search_result",
                "status": "success",
                "content": [{"text": "found"}, {"json": {"n": 1}}],
            }
        },
        {"citationsContent": {"content": [{"text": "so"}], "citations": [{"title": "t"}]}},
        {"toolUse": {"toolUseId": "id-a", "name": "a", "input": {}}},
    ]


# --- tools


def test_calls_may_be_parallel_and_without_arguments() -> None:
    """Loki emits a call again when the text or the call after it ends."""
    found = events(START, *call(0, "a", ""), *call(1, "b", '{"x":', "1}"), *call(2, "c"), stop("tool_use"))
    assert found.answer.finish_reason == "tool_calls"
    assert found.answer.message.parts == (
        ToolCall("id-a", "a", {}),
        ToolCall("id-b", "b", {"x": 1}),
        ToolCall("id-c", "c", {}),
    )
    assert found.calls == [("id-a", "a", ""), ("id-b", "b", '{"x":1}'), ("id-c", "c", "")]


def test_a_call_that_ends_as_if_there_were_none_is_a_call() -> None:
    assert said(*call(0, "a")).finish_reason == "tool_calls"
    assert said(delta(0, text="x"), reason="tool_use").finish_reason == "stop"


def test_arguments_may_come_whole_as_text_or_not_at_all() -> None:
    def tool(**more: Any) -> Any:
        return {"toolUse": {"toolUseId": "1", "name": "a", **more}}

    assert whole(tool(input='{"x": 1}'), tool(), tool(input=None)).message.parts == (
        ToolCall("1", "a", {"x": 1}),
        ToolCall("1", "a", {}),
        ToolCall("1", "a", {}),
    )


@pytest.mark.parametrize("given", [[1], 7, "x", "[1]", {"a": []}])
def test_arguments_that_are_no_object_are_an_error(given: Any) -> None:
    if given == {"a": []}:
        for _ in range(900):
            given["a"] = [given["a"]]
    block = {"toolUse": {"toolUseId": "1", "name": "a", "input": given}}
    with pytest.raises(ProviderFailed, match="tool 'a'"):
        whole(block)
    kept = {"toolUse": {"toolUseId": "1", "name": "a", "type": "server_tool_use", "input": given}}
    assert whole(kept).message.parts == ()


def test_half_a_call_is_left_out_where_the_answer_was_cut_and_an_error_elsewhere() -> None:
    found = said(*call(0, "a", "{}"), *call(1, "b", '{"x'), reason="max_tokens")
    assert (found.finish_reason, found.message.parts) == ("length", (ToolCall("id-a", "a", {}),))
    with pytest.raises(ProviderFailed, match="tool 'b'"):
        said(*call(0, "b", '{"x'))
    with pytest.raises(ProviderFailed, match="tool 'b'"):
        said(*call(0, "b", '{"x'), delta(1, text="more"), reason="max_tokens")


def test_a_tool_that_bedrock_runs_is_no_call_of_ours() -> None:
    server = start(0, toolUse={"toolUseId": "s1", "name": "search", "type": "server_tool_use"})
    found = events(START, server, delta(0, toolUse={"input": '{"q'}), stop("max_tokens"))
    assert (found.events, found.answer.message.parts) == ((), ())


def test_what_cannot_be_put_together_is_not_kept() -> None:
    audio = start(0, audio={"format": "mp3"})
    assert said(audio, delta(0, audio={"source": {"bytes": "eA=="}})).message.parts == ()
    kept = whole({"audio": {"format": "mp3", "source": {"bytes": "eA=="}}}).message.parts
    assert kept == (Reasoning("", opaque(block={"audio": {"format": "mp3", "source": {"bytes": "eA=="}}})),)
    deep: Any = {}
    for _ in range(40):
        deep = {"a": deep}
    assert whole({"video": deep}).message.parts == ()
    assert said(delta(0, text="x"), delta(0, citation=deep)).message.parts == (Text("x"),)


def test_cited_text_is_text() -> None:
    block = {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [{"title": "t"}]}}
    assert whole(block).message.parts == (Text("ab", opaque(citations=[{"title": "t"}])),)


# --- how it ends


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("model_context_window_exceeded", "context_overflow"),
        ("refusal", "refusal"),
        ("something_new", "stop"),
    ],
)
def test_reasons_to_stop_have_our_names(reason: str, finish: str) -> None:
    """Loki reads none, nor the usage."""
    assert said(delta(0, text="x"), reason=reason).finish_reason == finish
    assert whole({"text": "x"}, reason=reason).finish_reason == finish


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_what_bedrock_could_not_read_is_an_error(reason: str) -> None:
    with pytest.raises(ProviderFailed, match=reason):
        said(delta(0, text="x"), reason=reason)


def test_usage_counts_what_the_cache_did_as_input() -> None:
    found = {"inputTokens": 2, "outputTokens": 5, "cacheReadInputTokens": 10, "cacheWriteInputTokens": 4}
    expected = Usage(input_tokens=16, output_tokens=5, cached_input_tokens=10, cache_write_tokens=4)
    assert usage(found) == expected
    assert usage({}) is None


def test_a_router_says_which_model_it_asked() -> None:
    trace = {"promptRouter": {"invokedModelId": "arn:aws:bedrock:x"}}
    assert whole({"text": "x"}, trace=trace).model == "arn:aws:bedrock:x"


def test_a_stream_is_cut_before_its_end_however_it_is_cut() -> None:
    data = frames.converse(START, delta(0, text="hi"), end(0), stop())
    for kept in range(len(data)):
        decoder = ConverseStreamDecoder(TRAITS)
        decoder.feed(data[:kept])
        with pytest.raises(IncompleteResponse):
            decoder.close()
    assert stream(data).answer.message.text == "hi"


def test_bytes_after_the_end_that_are_no_message_are_an_error() -> None:
    """boto3 does not notice."""
    with pytest.raises(IncompleteResponse):
        _ = stream(frames.converse(START, stop()) + b"\x00\x00").answer


def test_two_answers_are_never_made_one() -> None:
    found = events(START, delta(0, text="hi"), START, delta(0, text="hello"), stop())
    assert isinstance(found.error, IncompleteResponse) and found.text == "hi"


# --- errors


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttlingException", RateLimited),
        ("serviceUnavailableException", ProviderUnavailable),
        ("internalServerException", ProviderUnavailable),
        ("modelStreamErrorException", ProviderFailed),
        ("modelTimeoutException", ProviderUnavailable),
        ("validationException", BadRequest),
        ("somethingNewException", ProviderFailed),
    ],
)
def test_an_exception_in_the_stream_is_raised_with_its_words(kind: str, error: type[LokidError]) -> None:
    """Loki decodes the message as base64, and a real one becomes a fault of decoding."""
    found = stream(frames.converse(START, delta(0, text="hi")) + frames.exception(kind, "Too many requests"))
    assert type(found.error) is error
    assert "Too many requests" in found.error.message
    assert found.text == "hi"


def test_an_error_in_the_stream_is_raised_with_its_words() -> None:
    found = stream(frames.converse(START) + frames.error("ModelNotReadyException", "warming up"))
    assert isinstance(found.error, Overloaded) and "warming up" in found.error.message
    found = stream(frames.frame([frames.text(":message-type", "exception")], b"no json"))
    assert isinstance(found.error, ProviderFailed)


def test_messages_of_unknown_kinds_mean_nothing() -> None:
    strange = frames.frame([frames.text(":message-type", "ping")]) + frames.event("new", {})
    assert stream(strange + frames.converse(START, delta(0, text="x"), stop())).answer.message.text == "x"


def test_a_damaged_stream_is_an_error_after_what_came_before() -> None:
    data = bytearray(frames.converse(START, delta(0, text="hi"), delta(0, text="ho")))
    data[-9] ^= 1
    found = stream(bytes(data))
    assert isinstance(found.error, ProviderFailed) and "checksum" in found.error.message
    assert found.text == "hi"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (("contentBlockDelta", {"delta": {"text": "x"}}), "did not say of which"),
        (delta(0, toolUse={"input": "x"}), "did not begin"),
        (start(1, toolUse={}), "began a tool call twice"),
        (("contentBlockDelta", "[1"), "did not say of which"),
    ],
)
def test_a_stream_without_sense_is_an_error(event: tuple[str, Any], words: str) -> None:
    found = events(START, start(1, toolUse={"toolUseId": "1", "name": "a"}), event, stop())
    assert isinstance(found.error, ProviderFailed) and words in found.error.message


def test_an_event_that_is_no_json_is_an_error() -> None:
    headers = [frames.text(":message-type", "event"), frames.text(":event-type", "metadata")]
    found = stream(frames.frame(headers, b"{"))
    assert isinstance(found.error, ProviderFailed) and "not JSON" in found.error.message


def test_blocks_have_a_bound() -> None:
    data = frames.converse(START, *(delta(index, text="x") for index in range(10_001)))
    decoder = ConverseStreamDecoder(TRAITS)
    assert len(decoder.feed(data)) == 10_000
    with pytest.raises(ProviderFailed, match="more than 10000 blocks"):
        decoder.feed(b"")
    with pytest.raises(ProviderFailed, match="more than 10000 blocks"):
        decoder.close()


def test_a_whole_answer_without_content_is_an_error() -> None:
    for text in (b"{}", b"[]", b'{"output": {"message": {"content": 1}}}'):
        with pytest.raises(ProviderFailed, match="no content"):
            _ = fed(lambda: whole_converse_decoder(TRAITS), text).answer


WORDS = st.text(max_size=5) | st.sampled_from(("{}", "{", '{"a":1}', "\ud83d", "toolUse", "server_tool_use"))
NAMES = (
    "contentBlockIndex start delta toolUse toolUseId name input text reasoningContent reasoningText type "
    "trace signature redactedContent citation citationsContent content citations toolResult stopReason usage"
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4)
    ),
    max_leaves=15,
)
KINDS = st.sampled_from(
    ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
)


CONTENT = st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=3)
PIECE = st.fixed_dictionaries({"contentBlockIndex": st.integers(0, 2), "start": CONTENT, "delta": CONTENT})


def run(decoder: Any, data: bytes) -> None:
    """An answer that can be sent to the caller and back, or one of our errors."""
    with suppress(LokidError):
        decoder.feed(data)
        answer = decoder.close()
        msgpack.packb(message(answer.message))
        asked = ChatRequest("c:m", (Message("user", (Text("hi"),)), answer.message))
        json.dumps(encode(asked, TRAITS, "claude"), ensure_ascii=False).encode()


@given(st.lists(st.tuples(KINDS, PIECE | JSON), max_size=8))
@settings(deadline=None)
def test_no_event_is_too_strange(given: list[tuple[str, Any]]) -> None:
    given.append(("messageStop", {}))
    run(ConverseStreamDecoder(TRAITS), b"".join(frames.event(kind, payload) for kind, payload in given))


@given(st.lists(CONTENT | JSON, max_size=5), JSON)
@settings(deadline=None)
def test_no_block_is_too_strange(blocks: list[Any], reason: Any) -> None:
    answer = {"output": {"message": {"content": blocks}}, "stopReason": reason}
    run(whole_converse_decoder(TRAITS), json.dumps(answer).encode())


def test_an_event_that_nobody_knows_means_nothing() -> None:
    said = [delta(0, text="hi"), stop(), ("metadata", {"usage": {}})]
    assert events(said[0], ("somethingNew", {"x": 1}), *said[1:]).answer == events(*said).answer
