"""What all streams of server-sent events share."""

from __future__ import annotations

import json
import sys
import tracemalloc
from typing import Any
from zlib import crc32

import pytest

from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.gemini_answer import GeminiDecoder
from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.stream import MAX_ANSWER, PICTURES, Meter, SSEDecoder, WholeDecoder
from lokid.errors import ProviderFailed
from lokid.protocols.sse import MAX_EVENT
from tests.fakes import completions, generating
from tests.fakes.completions import TRAITS, chunk
from tests.fakes.feeding import fed, stream

MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello you"}]}


def test_an_event_that_gets_too_large_with_its_last_unfinished_line_is_the_providers_fault() -> None:
    decoder = StreamDecoder(TRAITS)
    decoder.feed(b"data: " + b"x" * (PICTURES - 10) + b"\n")
    decoder.feed(b"data: " + b"x" * 20)  # and no end of line
    with pytest.raises(ProviderFailed, match="the provider's stream is broken"):
        decoder.close()


@pytest.mark.parametrize("line_end", [b"", b"\n"])
@pytest.mark.parametrize(
    ("decoder", "events"),
    {
        StreamDecoder: [
            completions.chunk({"content": "Hello "}),
            completions.chunk({"content": "you"}, "stop"),
        ],
        GeminiDecoder: [
            generating.chunk({"text": "Hello "}),
            generating.chunk({"text": "you"}, finish="STOP"),
        ],
        ResponsesDecoder: [
            {"type": "response.output_text.delta", "delta": "Hello "},
            {"type": "response.completed", "response": {"status": "completed", "output": [MESSAGE]}},
        ],
    }.items(),
)
def test_an_event_that_nothing_but_the_end_of_the_body_ends_is_told(
    decoder: type[SSEDecoder[Any]], events: list[Any], line_end: bytes
) -> None:
    data = stream(*events, done=False).removesuffix(b"\n\n")
    found = fed(lambda: decoder(TRAITS), data + line_end)
    assert (found.answer.message.text, found.text) == ("Hello you", "Hello you")


def test_a_comment_that_is_too_large_is_refused_also_if_it_comes_at_once() -> None:
    decoder = StreamDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match="the provider's stream is broken"):
        decoder.feed(b": " + b"x" * PICTURES + b"\n\n")


@pytest.mark.parametrize(
    "dense", [b"[],", b"{},", b'"ab",', b"1.5,", b'{"a":[{}]},', b'{"a":1},', b'{"":[]},']
)
def test_an_answer_that_would_take_more_memory_than_there_is_is_refused_as_it_comes(dense: bytes) -> None:
    """Each byte of JSON can make 24 of memory, which are 1.5 GiB of the longest answer."""
    decoder = WholeDecoder(lambda value: value)
    decoder.feed(b"[")
    piece = dense * (64 * 1024 // len(dense))
    fed = 0
    with pytest.raises(ProviderFailed, match="more values than any honest one"):
        while fed < MAX_ANSWER:
            decoder.feed(piece)
            fed += len(piece)
    values = json.loads(b"[" + piece.removesuffix(b",") + b"]")
    assert fed * _weight(values) / len(piece) < 330 * 1024 * 1024


def test_vectors_as_long_as_an_answer_may_be_are_not() -> None:
    """About 2048 of them of 3072 floats each, written in full."""
    meter = Meter()
    vector = b'{"object":"embedding","index":1,"embedding":[' + b"-0.0123456," * 3071 + b"-0.01]},"
    for _ in range(MAX_ANSWER // len(vector)):
        meter.count(vector)


def test_the_likely_tokens_of_a_long_answer_are_not() -> None:
    token = {"token": "[", "logprob": -0.1234, "bytes": [91]}
    tokens = [token | {"top_logprobs": [token] * 20}] * 5000
    meter = Meter()
    for _ in range(2):  # it looks at nothing before the first is in
        meter.count(json.dumps(tokens[:2500]).encode())


def test_more_lists_than_the_collector_looks_at_in_a_short_time_are_refused() -> None:
    """Eight megabytes of them: everybody waited for 150 ms."""
    meter = Meter()
    with pytest.raises(ProviderFailed, match="more values than any honest one"):
        for _ in range(32):
            meter.count(b"[[]]," * (64 * 1024))


def test_a_stream_has_as_many_values_as_its_bytes_allow() -> None:
    """A hundred thousand tokens, each with what else it could have been."""
    decoder = StreamDecoder(TRAITS)
    one = {
        "token": "a",
        "logprob": -0.12,
        "bytes": [97],
        "top_logprobs": [{"token": "a", "bytes": [97]}] * 20,
    }
    data = stream(*[chunk({"content": "a"}, logprobs={"content": [one]})] * 500, done=False)
    for _ in range(MAX_ANSWER // len(data)):
        decoder.feed(data)


def _weight(value: Any) -> int:
    """Bytes of memory, but for the characters of texts."""
    if isinstance(value, list):
        return sys.getsizeof(value) + sum(map(_weight, value))
    if isinstance(value, dict):
        return sys.getsizeof(value) + sum(map(_weight, value.values()))
    return sys.getsizeof(value)


def test_no_message_of_bedrock_is_larger_than_an_event_of_others() -> None:
    begun = (MAX_EVENT + 1).to_bytes(4, "big") + bytes(4)
    with pytest.raises(ProviderFailed, match=r"larger than 1048576 bytes"):
        ConverseStreamDecoder(TRAITS).feed(begun + crc32(begun).to_bytes(4, "big"))


def test_while_the_values_of_an_answer_are_made_its_bytes_are_gone() -> None:
    size = 16 * 2**20
    decoder = WholeDecoder(lambda value: len(value["a"]))
    decoder.feed(b'{"a": "')
    for _ in range(16):
        decoder.feed(b"x" * 2**20)
    decoder.feed(b'"}')
    tracemalloc.start()
    try:
        decoder.close()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The text, and the value that is made of it; the bytes would be a third.
    assert most < 2.5 * size


@pytest.mark.parametrize(
    ("body", "why"), [(b'{"a": NaN}', "NaN is no number"), (b"[" * 200_000 + b"]" * 200_000, "too deeply")]
)
def test_a_whole_answer_that_no_json_reader_takes_was_not_cut(body: bytes, why: str) -> None:
    """Python's own writer writes NaN, and so do servers of embeddings."""
    decoder = WholeDecoder(lambda value: value)
    decoder.feed(body)
    with pytest.raises(ProviderFailed, match=f"cannot be read: .*{why}") as caught:
        decoder.close()
    assert not caught.value.refused
