"""Reads answers of Converse and ConverseStream.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. A stream
is whole when ``messageStop`` was seen; ``metadata`` with the usage comes after it, or before it. Texts and
reasoning have no ``contentBlockStart``. Both forms go through the same accumulator.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lokid.chat import (
    Answer,
    Event,
    FinishReason,
    Image,
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
from lokid.dialects.bedrock_converse import KEY
from lokid.dialects.bedrock_errors import in_stream, reason
from lokid.dialects.ending import ended_by, meaning, spliced
from lokid.dialects.errors import no_answer
from lokid.dialects.kept import Kept
from lokid.dialects.parts import MAX_CALLS, as_text, parse_arguments, tool_call
from lokid.dialects.pictures import inline
from lokid.dialects.stream import Accumulator, EventDecoder, Meter, WholeDecoder, cut_off
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import count, counted, fits, items, mapping, text
from lokid.errors import ProviderFailed
from lokid.protocols.event_stream import EventStreamParser, StreamMessage
from lokid.protocols.sse import MAX_EVENT

FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "model_context_window_exceeded": "context_overflow",
    "refusal": "refusal",  # Claude's own, where it is passed on
}
"""Any other: see ``ending``."""

MALFORMED = ("malformed_model_output", "malformed_tool_use")

MAX_BLOCKS = MAX_CALLS
"""Blocks of one answer. Honest ones have a few dozen."""


class ConverseStreamDecoder(EventDecoder[StreamMessage, "Blocks"]):
    def __init__(self, traits: Traits) -> None:
        super().__init__(EventStreamParser(MAX_EVENT), Meter(), Blocks(traits))

    def _take(self, message: StreamMessage, out: list[Event]) -> None:
        match message.text(":message-type"):
            case "exception":
                raise in_stream(message.text(":exception-type"), reason(message.payload))
            case "error":
                raise in_stream(message.text(":error-code"), message.text(":error-message"))
            case "event":
                payload = mapping(self._json(message.payload.decode(errors="replace")))
                self._answer.take(message.text(":event-type"), payload, out)


def whole_converse_decoder(traits: Traits) -> WholeDecoder[Answer]:
    """For answers that are one JSON text."""

    def read(value: Any) -> Answer:
        answer = mapping(value)
        message = mapping(mapping(answer.get("output")).get("message"))
        if not isinstance(message.get("content"), list):
            raise no_answer(answer, "content")
        blocks = Blocks(traits)
        for index, block in enumerate(message["content"]):
            blocks.whole(index, mapping(block))
        blocks.take("metadata", answer, [])
        blocks.take("messageStop", answer, [])
        return blocks.close()

    return WholeDecoder(read, lambda value: usage(mapping(mapping(value).get("usage"))))


class _Block:
    """One block while it arrives. Texts are kept in pieces: joining each time would be quadratic.

    ``kind``: the key of its deltas, which for a block that nobody knows is the key of its content.
    ``call``: our index, if it is a tool call for the caller.
    """

    def __init__(self, kind: str, start: Mapping[str, Any], call: int | None = None) -> None:
        self.kind = kind
        self.start = start
        self.call = call
        self.pieces: dict[str, list[str]] = {}
        self.citations: list[Any] = []
        self.entries: list[Any] = []

    def add(self, key: str, piece: str) -> None:
        self.pieces.setdefault(key, []).append(piece)

    def field(self, key: str) -> str:
        return "".join(self.pieces.get(key, ()))

    def arguments(self) -> Mapping[str, Any]:
        """Those of a tool call: of its pieces, or as they came with its beginning. Raises ``ValueError``."""
        given = self.field("input") or self.start.get("input") or ""
        if isinstance(given, str):
            return parse_arguments(given)
        if not isinstance(given, Mapping) or not fits(given):
            raise ValueError("not a JSON object")
        return given


class Blocks(Accumulator):
    """One answer from its events. None says that it has ended: counts may come behind the marker."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._room = Kept()
        self._blocks: dict[tuple[int, str], _Block] = {}
        self._calls = 0
        self._usage: Mapping[str, Any] = {}
        self._model: str | None = None
        self._finish: str | None = None
        self._started = False

    @property
    def begun(self) -> bool:
        return bool(self._blocks)

    @property
    def told(self) -> Usage | None:
        return usage(self._usage)

    def take(self, kind: str, data: Mapping[str, Any], out: list[Event]) -> None:
        """Adds to ``out`` what the event means. Unknown events mean nothing."""
        match kind:
            case "messageStart":
                self._begin()
            case "contentBlockStart":
                self._open(_index(data), mapping(data.get("start")), out)
            case "contentBlockDelta":
                self._add(_index(data), mapping(data.get("delta")), out)
            case "messageStop":
                reason = _readable(text(data.get("stopReason")))
                self._finish = ended_by(self._finish or "", reason, FINISH)
            case "metadata":
                self._usage = mapping(data.get("usage")) or self._usage
                router = mapping(mapping(data.get("trace")).get("promptRouter"))
                self._model = text(router.get("invokedModelId")) or self._model

    def whole(self, index: int, block: Mapping[str, Any]) -> None:
        """A block of an answer that was not streamed, as the events that it would have been."""
        for kind, value in block.items():
            match kind:
                case "text":
                    self._add(index, {"text": value}, [])
                case "reasoningContent":
                    said = mapping(mapping(value).get("reasoningText"))
                    fields = {"text": said.get("text"), "signature": said.get("signature")}
                    hidden = {"redactedContent": mapping(value).get("redactedContent")}
                    self._add(index, {"reasoningContent": fields | hidden}, [])
                case "citationsContent":
                    for piece in items(mapping(value).get("content")):
                        self._add(index, {"text": mapping(piece).get("text")}, [])
                    for citation in items(mapping(value).get("citations")):
                        self._add(index, {"citation": citation}, [])
                case _:
                    self._open(index, {kind: value}, [])

    def close(self) -> Answer:
        if self._finish is None:
            raise cut_off()
        finish = meaning(self._finish, FINISH)
        cut = finish not in ("stop", "tool_calls")
        last = len(self._blocks) - 1
        parts = [
            part
            for number, block in enumerate(self._blocks.values())
            for part in self._parts(block, cut=cut and number == last)
        ]
        if not cut:
            finish = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
        return Answer(Message("assistant", tuple(parts)), finish, self.told, self._model)

    def _begin(self) -> None:
        if self._started:
            raise spliced()
        self._started = True

    def _open(self, index: int, start: Mapping[str, Any], out: list[Event]) -> None:
        for kind, value in start.items():
            if kind != "toolUse" or mapping(value).get("type") == "server_tool_use":
                self._block(index, kind, value)
                continue
            if (index, kind) in self._blocks:
                raise ProviderFailed("the provider began a tool call twice")
            tool = mapping(value)
            self._block(index, kind, tool, call=self._calls)
            out.append(ToolCallDelta(self._calls, text(tool.get("toolUseId")), text(tool.get("name"))))
            self._calls += 1

    def _add(self, index: int, delta: Mapping[str, Any], out: list[Event]) -> None:
        for kind, value in delta.items():
            match kind:
                case "text":
                    if piece := text(value):
                        self._block(index, kind).add(kind, piece)
                        out.append(TextDelta(piece))
                case "citation":
                    self._room.add([value])
                    self._block(index, "text").citations.append(value)
                case "reasoningContent":
                    block = self._block(index, kind)
                    for key, inner in mapping(value).items():
                        if key not in block.pieces:
                            self._room.add([key])
                        block.add(key, text(inner))
                    if piece := text(mapping(value).get("text")):
                        out.append(ReasoningDelta(piece))
                case "toolUse":
                    self._piece_of_call(index, as_text(mapping(value).get("input")), out)
                case "toolResult":  # of a tool that Bedrock ran itself
                    self._room.add(value)
                    self._block(index, kind).entries.extend(items(value))
                case "image":
                    written = text(mapping(mapping(value).get("source")).get("bytes"))
                    self._block(index, kind).add(kind, written)
                case _:  # of something that is then not put together, so it is not kept
                    self._blocks.pop((index, kind), None)

    def _piece_of_call(self, index: int, piece: str, out: list[Event]) -> None:
        block = self._blocks.get((index, "toolUse"))
        if block is None:
            raise ProviderFailed("the provider sent a piece of a tool call that it did not begin")
        block.add("input", piece)
        if piece and block.call is not None:
            out.append(ToolCallDelta(block.call, arguments=piece))

    def _block(self, index: int, kind: str, start: Any = None, *, call: int | None = None) -> _Block:
        """The block ``index`` of this kind: some models count reasoning and text as one block."""
        block = self._blocks.get((index, kind))
        if block is None:
            if len(self._blocks) >= MAX_BLOCKS:
                raise ProviderFailed(f"the provider's answer has more than {MAX_BLOCKS} blocks")
            self._room.add(start)
            block = self._blocks[index, kind] = _Block(kind, mapping(start), call)
        return block

    def _parts(self, block: _Block, *, cut: bool) -> list[Part]:
        match block.kind:
            case "text":
                cited = block.citations if fits(block.citations) else []
                said = block.field("text")
                return [Text(said, self._opaque(citations=cited) if cited else {})] if said else []
            case "reasoningContent":
                return self._reasoning(block)
            case "toolUse" if block.call is not None:
                return self._call(block, cut=cut)
            case "image" if image := _image(block):
                return [image]
        return self._kept(block)

    def _reasoning(self, block: _Block) -> list[Part]:
        said, signature, parts = block.field("text"), block.field("signature"), []
        if said or signature:
            parts.append(Reasoning(said, self._opaque(signature=signature) if signature else {}))
        if redacted := _joined(block.pieces.get("redactedContent", [])):
            parts.append(Reasoning("", self._opaque(redacted=redacted)))
        return list(parts)

    def _call(self, block: _Block, *, cut: bool) -> list[Part]:
        name, call_id = text(block.start.get("name")), text(block.start.get("toolUseId"))
        return [*tool_call(call_id, name, block.arguments, {}, cut=cut)]

    def _kept(self, block: _Block) -> list[Part]:
        """What Bedrock did itself has to go back with the rest of the turn, and means nothing to a caller."""
        content: dict[str, Any] = dict(block.start)
        if block.kind == "toolUse":
            try:
                content["input"] = block.arguments()
            except ValueError:  # cut in the middle
                return []
        elif block.entries:
            content["content"] = block.entries
        kept = {block.kind: content}
        return [Reasoning("", self._opaque(block=kept))] if content and fits(kept) else []

    def _opaque(self, **state: Any) -> dict[str, Any]:
        return {KEY: {"origin": self._traits.origin, **state}}


def _image(block: _Block) -> Image | None:
    pieces = block.pieces.get("image", [])
    whole = text(mapping(block.start.get("source")).get("bytes")) or _joined(pieces) or "".join(pieces)
    return inline(f"image/{text(block.start.get('format'))}", whole)


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("contentBlockIndex")
    if not isinstance(index, int):
        raise ProviderFailed("the provider sent a piece of a block and did not say of which")
    return index


def _joined(pieces: list[str]) -> str:
    """Base64 of the bytes that came as base64 in pieces; empty if they cannot be read."""
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except ValueError:
        return ""


def usage(found: Mapping[str, Any]) -> Usage | None:
    """Bedrock counts what it read from and wrote to its cache apart from ``inputTokens``."""
    if not counted(found, "inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"):
        return None
    cached = count(found.get("cacheReadInputTokens"))
    written = count(found.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=count(found.get("inputTokens")) + cached + written,
        output_tokens=count(found.get("outputTokens")),
        cached_input_tokens=cached,
        cache_write_tokens=written,
    )


def _readable(reason: str) -> str:
    """``reason`` of the end. Raises ``ProviderFailed`` for those that mean that there is no answer."""
    if reason in MALFORMED:
        raise ProviderFailed(
            f"the model wrote something that Bedrock could not read ({reason})",
            hint="ask again, or simplify the tools",
        )
    return reason
