"""A program: relays events from a provider's bytes to those of the RPC, through all that is pure on their
way; then does the least that could be done with as many, as a measure. Before each of the two, and at the
end, it calls ``sched_yield``, by which ``test_instructions`` tells them apart."""

from __future__ import annotations

import json
import os

import msgpack

from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.dialects.traits import Traits
from lokid.protocols.http1 import ResponseParser
from lokid.server.event_frames import EventFrames

READS, EVENTS = 20, 10
"""Network reads, and events in each: some 2.5 KB."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(number: int) -> bytes:
    choice = {"index": 0, "delta": {"content": f" w{number}"}, "logprobs": None, "finish_reason": None}
    facts = {
        "id": "chatcmpl-0123456789abcdefghijklmnop",
        "object": "chat.completion.chunk",
        "created": 1764288000,
    }
    event = b"data: %b\n\n" % json.dumps({**facts, "model": "gpt", "choices": [choice]}).encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def relay(parser: ResponseParser, decoder: StreamDecoder, frames: EventFrames, read: bytes) -> bytes:
    return frames.joined(decoder.feed(parser.feed(read)))


def least(lines: list[bytes]) -> bytes:
    found = [json.loads(line)["choices"][0]["delta"]["content"] for line in lines]
    return b"".join(msgpack.packb([2, "chat.event", [1, {"type": "text", "text": text}]]) for text in found)


def main() -> None:
    parser, decoder, frames = ResponseParser("POST"), StreamDecoder(Traits("gpt")), EventFrames(1)
    parser.feed(HEAD)
    read = b"".join(chunk(number) for number in range(EVENTS))
    lines = [line[6:] for line in read.split(b"\r\n") if line.startswith(b"data: ")]
    assert relay(parser, decoder, frames, read) == least(lines)  # and both are warm now
    os.sched_yield()
    for _ in range(READS):
        relay(parser, decoder, frames, read)
    os.sched_yield()
    for _ in range(READS):
        least(lines)
    os.sched_yield()


main()
