"""Reads answers of Anthropic Messages, streamed or whole.

Reference: https://platform.claude.com/docs/en/build-with-claude/streaming. A stream is whole when
``message_stop`` was seen. Both forms go through the same accumulator, which clouds that wrap the events in
frames of their own (Bedrock) feed themselves: ``Blocks.take`` for each event, ``Blocks.close`` at the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lokid.chat import (
    Answer,
    Event,
    FinishReason,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from lokid.dialects.anthropic_messages import KEY
from lokid.dialects.ending import ended_by, meaning, spliced
from lokid.dialects.errors import in_band, no_answer
from lokid.dialects.kept import Kept
from lokid.dialects.parts import MAX_CALLS, as_text, parse_arguments, tool_call
from lokid.dialects.stream import Accumulator, SSEDecoder, WholeDecoder, cut_off
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import count, counted, fits, items, mapping, text
from lokid.errors import LokidError, ProviderFailed
from lokid.protocols.sse import SSEEvent

FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",  # to be sent again as it is
    "refusal": "refusal",
    "model_context_window_exceeded": "context_overflow",
}
"""Any other: see ``ending``."""

MAX_BLOCKS = MAX_CALLS
"""Blocks of one answer. Honest ones have a few dozen."""


class MessagesDecoder(SSEDecoder["Blocks"]):
    def __init__(self, traits: Traits) -> None:
        super().__init__(Blocks(traits))

    def _take(self, event: SSEEvent, out: list[Event]) -> None:
        if not event.data.strip() or self._answer.ended:
            return
        data = mapping(self._json(event.data))
        if "type" not in data and (event.event == "error" or data.get("error")):
            raise failure(data)
        self._answer.take(data, out)


def whole_messages_decoder(traits: Traits) -> WholeDecoder[Answer]:
    """For answers that are one JSON text."""

    def read(value: Any) -> Answer:
        message = mapping(value)
        if message.get("type") == "error" or message.get("error"):
            raise failure(message)
        if not isinstance(message.get("content"), list):
            raise no_answer(message, "content")
        blocks = Blocks(traits)
        blocks.take({"type": "message_start", "message": message}, [])
        for index, block in enumerate(message["content"]):
            blocks.take({"type": "content_block_start", "index": index, "content_block": block}, [])
        blocks.take({"type": "message_delta", "delta": message, "usage": message.get("usage")}, [])
        blocks.take({"type": "message_stop"}, [])
        return blocks.close()

    return WholeDecoder(read, lambda value: usage(mapping(mapping(value).get("usage"))))


def failure(data: Mapping[str, Any]) -> LokidError:
    """The error of an ``error`` event, which comes under status 200."""
    error = in_band(data)
    error.request_id = text(data.get("request_id")) or None
    return error


_PIECES = {"text": "text", "thinking": "thinking", "tool_use": "partial_json"}
"""Kind of a block -> the field of its deltas."""


class _Block:
    """One block while it arrives. Fields of text are kept in pieces: joining each time would be quadratic."""

    def __init__(self, start: Mapping[str, Any], call: int | None, kept: Kept) -> None:
        kept.add(start)
        self._kept = kept
        self.kind = text(start.get("type"))
        self.call = call  # our index of the tool call
        self.start = start
        self.shut = False
        self.last = 0  # 1: one piece is still to come, 2: none is
        self.pieces: dict[str, list[str]] = {}
        self.citations: list[Any] = []

    def goes_on_with(self, start: Mapping[str, Any]) -> bool:
        """llama.cpp begins a block again for the last piece, if it has held that back (the ``<`` of a tag).
        What has more pieces is another answer."""
        field = _PIECES.get(self.kind, "")
        same = all(start.get(key) == self.start.get(key) for key in ("type", "id", "name"))
        if self.last or self.shut or not (field and same) or start.get(field) or start.get("input"):
            return False
        self.last = 1
        return True

    def add(self, delta: Mapping[str, Any]) -> None:
        """Raises ``IncompleteResponse`` for what belongs to another answer."""
        if self.last and _PIECES[self.kind] in delta:
            if self.last > 1:
                raise spliced()
            self.last += 1
        for key, value in delta.items():
            if key == "citation":
                self._kept.add([value])
                self.citations.append(value)
            elif key == "signature":  # comes once; the official SDK replaces it
                self.pieces[key] = [text(value)]
            elif key != "type" and isinstance(value, str):
                if key not in self.pieces:
                    self._kept.add([key])
                self.pieces.setdefault(key, []).append(value)

    def field(self, name: str) -> str:
        return text(self.start.get(name)) + "".join(self.pieces.get(name, ()))

    @property
    def written(self) -> str:
        """Arguments, of their pieces."""
        return "".join(self.pieces.get("partial_json", ()))

    def arguments(self) -> Mapping[str, Any]:
        """Raises ``ValueError``."""
        if (written := self.written).strip():
            return parse_arguments(written)
        given = self.start.get("input")
        if not isinstance(given, dict):
            return parse_arguments(as_text(given))
        if not fits(given):
            raise ValueError("nested too deeply")
        return given

    def whole(self) -> dict[str, Any]:
        """The block as the provider wants it back."""
        block = dict(self.start)
        for key in self.pieces:
            block[key] = self.field(key)
        if "partial_json" in block:
            del block["partial_json"]
            block["input"] = self.arguments()
        return block


class Blocks(Accumulator):
    """One answer from its events."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._kept = Kept()
        self._message: Mapping[str, Any] | None = None
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._usage: dict[str, Any] = {}
        self._counted = False  # to the end: the beginning tells no more than one token of the output
        self._finish = ""
        self._said = False  # a text that is not empty came
        self._explained = ""

    @property
    def begun(self) -> bool:
        return bool(self._blocks)

    @property
    def told(self) -> Usage | None:
        return usage(self._usage)

    @property
    def final(self) -> bool:
        return self._counted

    def take(self, data: Mapping[str, Any], out: list[Event]) -> None:
        """Adds to ``out`` what the event means. Pings and unknown events mean nothing; raises errors."""
        match data.get("type"):
            case "message_start":
                self._begin(mapping(data.get("message")))
            case "content_block_start":
                self._open(_index(data), mapping(data.get("content_block")), out)
            case "content_block_delta":
                self._add(_index(data), mapping(data.get("delta")), out)
            case "content_block_stop":
                self._shut(_index(data), out)
            case "message_delta":
                self._counted |= self._count(mapping(data.get("usage")))
                self._end(mapping(data.get("delta")), out)
            case "message_stop":
                self.ended = True
                for index in self._blocks:  # a gateway may end none
                    self._shut(index, out)
            case "error":
                raise failure(data)

    def close(self) -> Answer:
        if self._message is None or not self.ended:
            raise cut_off()
        finish = meaning(self._finish, FINISH)
        cut = finish not in ("stop", "tool_calls")
        last = len(self._blocks) - 1
        parts = [
            part
            for number, block in enumerate(self._blocks.values())
            for part in self._parts(block, cut=cut and number == last)
        ]
        if self._explained:
            parts.append(Text(self._explained, self._opaque(explains="refusal")))
        if not cut:
            finish = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
        return Answer(
            Message("assistant", tuple(parts)),
            finish,
            self.told if self._counted else None,
            text(self._message.get("model")) or None,
            text(self._message.get("id")) or None,
        )

    def _begin(self, message: Mapping[str, Any]) -> None:
        if self._blocks:
            raise spliced()
        self._message = message
        self._count(mapping(message.get("usage")))

    def _open(self, index: int, start: Mapping[str, Any], out: list[Event]) -> None:
        if (there := self._blocks.get(index)) is not None:
            if there.goes_on_with(start):
                return
            raise spliced()
        if len(self._blocks) >= MAX_BLOCKS:
            raise ProviderFailed(f"the provider's answer has more than {MAX_BLOCKS} blocks")
        call = None
        if start.get("type") == "tool_use":
            call = self._calls
            self._calls += 1
            out.append(ToolCallDelta(call, text(start.get("id")), text(start.get("name"))))
        block = self._blocks[index] = _Block(start, call, self._kept)
        self._emit(block.kind, start, out)

    def _add(self, index: int, delta: Mapping[str, Any], out: list[Event]) -> None:
        block = self._blocks.get(index)
        if block is None:
            raise ProviderFailed("the provider sent a piece of a block that it did not begin")
        block.add(delta)
        self._emit(block.kind, delta, out)
        if block.call is not None and (piece := text(delta.get("partial_json"))):
            out.append(ToolCallDelta(block.call, arguments=piece))

    def _shut(self, index: int, out: list[Event]) -> None:
        """Gateways that do not stream arguments put them into the beginning of the block. Once: forty bytes
        that end a block again and again would be a megabyte each time."""
        block = self._blocks.get(index)
        if block is None or block.shut:
            return
        block.shut = True
        if block.call is None or block.written.strip():
            return
        with suppress(ValueError):
            if given := block.arguments():
                out.append(ToolCallDelta(block.call, arguments=json.dumps(given, ensure_ascii=False)))

    def _emit(self, kind: str, fields: Mapping[str, Any], out: list[Event]) -> None:
        if kind == "text" and (piece := text(fields.get("text"))):
            self._said = True
            out.append(TextDelta(piece))
        if kind == "thinking" and (piece := text(fields.get("thinking"))):
            out.append(ReasoningDelta(piece))

    def _count(self, found: Mapping[str, Any]) -> bool:
        """Whether it has the output. Counts are totals so far; what a later event leaves out stays. So does
        what gateways say 0 of that do not know: all of the input, and the output of an answer that says
        something (a refusal has an empty text)."""
        said = {key: value for key in _COUNTED if (value := found.get(key))}
        known = _INPUT if any(key in said for key in _INPUT) else ()
        says = self._said or self._calls or any(block.pieces for block in self._blocks.values())
        known += () if says else ("output_tokens",)
        said |= {key: 0 for key in known if found.get(key) == 0}
        self._usage |= said
        return "output_tokens" in said

    def _end(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        self._finish = ended_by(self._finish, text(delta.get("stop_reason")), FINISH)
        details = mapping(delta.get("stop_details"))
        if not self._said and not self._explained and (reason := text(details.get("explanation"))):
            self._explained = reason
            out.append(TextDelta(reason))

    def _parts(self, block: _Block, *, cut: bool) -> list[Part]:
        match block.kind:
            case "text":
                return self._text(block)
            case "thinking":
                said, signature = block.field("thinking"), block.field("signature")
                if signature:
                    return [Reasoning(said, self._opaque(signature=signature))]
                return [Reasoning(said)] if said else []
            case "tool_use":
                return self._call(block, cut=cut)
        try:
            kept = block.whole()
        except ValueError:  # a tool of the provider's own, cut in its arguments
            return []
        return [Reasoning("", self._opaque(block=kept))] if block.kind and fits(kept) else []

    def _text(self, block: _Block) -> list[Part]:
        said = block.field("text")
        citations = [*items(block.start.get("citations")), *block.citations]
        if not said:
            return []
        return [Text(said, self._opaque(citations=citations) if citations and fits(citations) else {})]

    def _call(self, block: _Block, *, cut: bool) -> list[Part]:
        known = ("type", "id", "name", "input")
        more = {key: value for key, value in block.start.items() if key not in known}
        if more.get("caller") == {"type": "direct"}:  # the default, which older versions do not take back
            del more["caller"]
        kept = self._opaque(more=more) if more and fits(more) else {}
        name, call_id = text(block.start.get("name")), text(block.start.get("id"))
        return [*tool_call(call_id, name, block.arguments, kept, cut=cut)]

    def _opaque(self, **state: Any) -> dict[str, Any]:
        return {KEY: {"origin": self._traits.origin, **state}}


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else 0


_INPUT: tuple[str, ...] = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")

_COUNTED = (*_INPUT, "output_tokens", "output_tokens_details")


def usage(found: Mapping[str, Any]) -> Usage | None:
    """Anthropic counts what it read from and wrote to its cache apart from ``input_tokens``."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    if not counted(found, *names):
        return None
    cached = count(found.get("cache_read_input_tokens"))
    written = count(found.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=count(found.get("input_tokens")) + cached + written,
        output_tokens=count(found.get("output_tokens")),
        cached_input_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=count(mapping(found.get("output_tokens_details")).get("thinking_tokens")),
    )
