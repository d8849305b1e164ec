"""Reads answers of generateContent, streamed or whole.

An answer is whole when its candidate has a ``finishReason``; there is no ``[DONE]``. Anything less is
``IncompleteResponse``. Both forms go through the same accumulator, so they cannot come to differ; so does
the JSON array of chunks that a stream is without ``alt=sse``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
from lokid.dialects.ending import ended_by, meaning
from lokid.dialects.errors import in_band, no_answer
from lokid.dialects.gemini import KEY
from lokid.dialects.gemini_arguments import Arguments
from lokid.dialects.kept import Kept
from lokid.dialects.parts import MAX_CALLS, call_id, listed
from lokid.dialects.pictures import inline
from lokid.dialects.redaction import clean
from lokid.dialects.stream import PICTURES, Accumulator, SSEDecoder, WholeDecoder
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import count, counted, fits, items, mapping, text
from lokid.errors import ContentFiltered, IncompleteResponse, LokidError, ProviderFailed
from lokid.protocols.sse import SSEEvent

FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "LANGUAGE": "content_filter",
    "ESCALATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "CONTINUATION": "pause",
}
"""``finishReason``; with tool calls ``STOP`` is ``tool_calls``. Any other: see ``ending``."""

FAILED = {
    "MALFORMED_FUNCTION_CALL": "the model wrote a tool call that cannot be read",
    "UNEXPECTED_TOOL_CALL": "the model called a tool although none was offered",
    "TOO_MANY_TOOL_CALLS": "the model called tools too often in a row",
    "MISSING_THOUGHT_SIGNATURE": "a tool call of the conversation came back without its signature",
    "MALFORMED_RESPONSE": "the model's answer cannot be read",
    "OTHER": "the model stopped for an unknown reason",
}
"""``finishReason`` of what is no answer."""

MAX_PARTS = MAX_CALLS
"""Of one answer, neighbours of a kind joined. Honest ones have a few dozen."""

COUNTED = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
)

SAID = {"text", "thought", "thoughtSignature"}
"""Keys of a part that is a text."""

UNSPECIFIED = ("", "FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED")


class GeminiDecoder(SSEDecoder["_Accumulator"]):
    def __init__(self, traits: Traits) -> None:
        super().__init__(_Accumulator(traits), PICTURES)

    def _take(self, event: SSEEvent, out: list[Event]) -> None:
        if event.data.strip() not in ("", "[DONE]"):  # gateways add it
            self._answer.take(self._json(event.data), out)


def whole_gemini_decoder(traits: Traits) -> WholeDecoder[Answer]:
    """For answers that are one JSON text."""

    def read(value: Any) -> Answer:
        answer = _Accumulator(traits)
        with answer.paid_for():
            answer.take(value, [])
        if not answer.begun:
            raise no_answer(value, "candidates", "usageMetadata")
        return answer.close()

    def told(value: Any) -> Usage | None:
        counts: dict[str, Any] = {}
        for chunk in _chunks(value):
            _count(counts, chunk)
        return usage(counts)

    return WholeDecoder(read, told)


def _chunks(value: Any) -> Iterator[Mapping[str, Any]]:
    return map(mapping, items(value) or (value,))


def _count(counts: dict[str, Any], chunk: Mapping[str, Any]) -> bool:
    """Whether it has any. Cumulative, but a chunk may leave out what an earlier one had; nor does a 0 take
    anything back: gateways say it of what they do not know."""
    found = mapping(chunk.get("usageMetadata"))
    counts |= {key: found[key] for key in COUNTED if key in found and (found[key] or key not in counts)}
    return bool(found)


def _says(candidate: Any) -> bool:
    parts = map(mapping, items(mapping(mapping(candidate).get("content")).get("parts")))
    return any(
        value for part in parts for key, value in part.items() if key not in ("thought", "partMetadata")
    )


@dataclass
class _Run:
    """Pieces without signatures, which are joined."""

    kind: type[Text | Reasoning]
    pieces: list[str]


@dataclass
class _Call:
    """A tool call whose arguments are still to come."""

    number: int
    id: str
    name: str
    arguments: Arguments
    state: dict[str, Any]


class _Accumulator(Accumulator):
    """Nothing but the end of the body says that it has ended."""

    def __init__(self, traits: Traits) -> None:
        self._begun = self._over = False
        self._fresh = False  # nothing was said behind the last usage
        self._origin = traits.origin
        self._kept = Kept()
        self._parts: list[Part | _Run] = []
        self._calls = 0
        self._open: _Call | None = None
        self._finish = ""
        self._usage: dict[str, Any] = {}
        self._id = ""
        self._model = ""

    @property
    def begun(self) -> bool:
        return self._begun

    @property
    def told(self) -> Usage | None:
        return usage(self._usage)

    @property
    def final(self) -> bool:
        return self._over and self._fresh

    def take(self, value: Any, out: list[Event]) -> None:
        """One chunk, a whole answer, or a list of chunks."""
        for chunk in _chunks(value):
            self._chunk(chunk, out)

    def close(self) -> Answer:
        if not self._finish:
            raise IncompleteResponse(
                "the provider's answer ended before it was complete",
                hint="ask again; what arrived so far may be cut in the middle",
            )
        finish = meaning(self._finish, FINISH)
        if finish == "stop":
            if self._open:
                self._end_call(self._open, [])
            if self._calls:
                finish = "tool_calls"
        return Answer(
            Message("assistant", tuple(map(self._part, self._parts))),
            finish,
            self.told if self.final else None,
            self._model or None,
            self._id or None,
        )

    def _part(self, part: Part | _Run) -> Part:
        if not isinstance(part, _Run):
            return part
        said = "".join(part.pieces)
        # Reasoning only goes back to where it came from; text has nothing to hide.
        return Text(said) if part.kind is Text else Reasoning(said, self._state())

    def _state(self, **more: Any) -> dict[str, Any]:
        return {KEY: {"origin": self._origin, **more}}

    def _chunk(self, chunk: Mapping[str, Any], out: list[Event]) -> None:
        counted = _count(self._usage, chunk)
        if chunk.get("error"):
            self._over |= counted
            self._fresh |= counted
            with suppress(LokidError):  # words beside it are words, and no other reason
                for candidate in map(mapping, items(chunk.get("candidates"))):
                    if _says(candidate):
                        self._candidate(candidate, out)
            raise in_band(chunk)
        self._id = self._id or text(chunk.get("responseId"))
        self._model = self._model or text(chunk.get("modelVersion"))
        candidates = items(chunk.get("candidates"))
        said = any(map(_says, candidates))
        self._fresh = counted or (self._fresh and not said)
        for candidate in map(mapping, candidates):
            if candidate.get("index") in (0, None):  # others exist only if extra_body asked for them
                self._candidate(candidate, out)
        feedback = mapping(chunk.get("promptFeedback"))
        if not candidates and (reason := text(feedback.get("blockReason"))) not in UNSPECIFIED:
            self._over = True
            raise ContentFiltered(
                _because("the provider's content filter refused the prompt", reason, feedback, "block"),
                hint="rephrase the prompt, or ask another model",
                refused=True,
            )

    def _candidate(self, candidate: Mapping[str, Any], out: list[Event]) -> None:
        self._begun = True
        # There is no content if all tokens went into thinking, or a filter took it.
        for part in map(mapping, listed(mapping(candidate.get("content")).get("parts"), "parts")):
            self._take_part(part, out)
        if (finish := text(candidate.get("finishReason"))) not in UNSPECIFIED:
            self._over = True
            self._finish = ended_by(self._finish, finish, FINISH)
            if finish in FAILED:
                raise ProviderFailed(_because(FAILED[finish], finish, candidate, "finish"), hint="ask again")

    def _take_part(self, part: Mapping[str, Any], out: list[Event]) -> None:
        signature, blob = text(part.get("thoughtSignature")), mapping(part.get("inlineData"))
        if isinstance(part.get("functionCall"), dict):
            self._call(part["functionCall"], signature, out)
        elif image := inline(text(blob.get("mimeType")), text(blob.get("data"))):
            self._add(replace(image, opaque=self._state(signature=signature)) if signature else image)
        elif text(part.get("text")) or {key for key, value in part.items() if value is not None} <= SAID:
            # Whatever else the API tells of a text (``partMetadata``), or a gateway leaves empty.
            self._text(Reasoning if part.get("thought") else Text, text(part.get("text")), signature, out)
        elif fits(part):  # code that it ran and the like: not for people, but it wants it back
            self._kept.add(part)
            self._add(Reasoning("", self._state(part=part)))

    def _add(self, part: Part | _Run) -> None:
        if len(self._parts) >= MAX_PARTS:
            raise ProviderFailed(f"the provider's answer has more than {MAX_PARTS} parts")
        self._parts.append(part)

    def _text(self, kind: type[Text | Reasoning], piece: str, signature: str, out: list[Event]) -> None:
        """A signature belongs to its own piece, and they must come back as they came: not joined."""
        if piece:
            out.append(TextDelta(piece) if kind is Text else ReasoningDelta(piece))
        last = self._parts[-1] if self._parts else None
        if signature:
            self._add(kind(piece, self._state(signature=signature)))
        elif piece and isinstance(last, _Run) and last.kind is kind:
            last.pieces.append(piece)
        elif piece:
            self._add(_Run(kind, [piece]))

    def _call(self, wire: Mapping[str, Any], signature: str, out: list[Event]) -> None:
        """A call comes whole, or (``streamFunctionCallArguments``) its name first, then its arguments."""
        name = text(wire.get("name"))
        call = self._open
        if call is None or name:
            if not name:
                if wire.get("args") or wire.get("partialArgs"):
                    raise ProviderFailed(
                        "the provider's answer goes on with a tool call that it did not begin"
                    )
                return
            if call is not None:
                self._end_call(call, out)
            call = self._open = self._new_call(name, text(wire.get("id")), out)
        if signature:
            call.state.setdefault("signature", signature)
        self._kept.add(wire.get("args"))
        call.arguments.take(wire)
        if not wire.get("willContinue"):
            self._end_call(call, out)

    def _new_call(self, name: str, given_id: str, out: list[Event]) -> _Call:
        if self._calls >= MAX_CALLS:
            raise ProviderFailed(f"the provider's answer has more than {MAX_CALLS} tool calls")
        number = self._calls
        self._calls += 1
        our_id = given_id or call_id(self._id, number)
        out.append(ToolCallDelta(number, our_id, name))
        return _Call(number, our_id, name, Arguments(name), {} if given_id else {"no_id": True})

    def _end_call(self, call: _Call, out: list[Event]) -> None:
        self._open = None
        arguments = call.arguments.value()
        written = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
        out.append(ToolCallDelta(call.number, arguments=written))
        self._add(ToolCall(call.id, call.name, arguments, self._state(**call.state)))


def usage(found: Mapping[str, Any]) -> Usage | None:
    """Thoughts are not among the candidates' tokens; what tools read for the model is not in the prompt's.
    Output is what the total leaves for it, where more is in that; and input where that is not told. A total
    alone says of no token what it costs: neither is known."""
    if not counted(found, *(key for key in found if key.endswith("TokenCount"))):
        return None
    thoughts = count(found.get("thoughtsTokenCount"))
    prompt = count(found.get("promptTokenCount")) + count(found.get("toolUsePromptTokenCount"))
    answered, total = count(found.get("candidatesTokenCount")) + thoughts, count(found.get("totalTokenCount"))
    prompt = prompt or (max(0, total - answered) if answered else 0)
    if not (prompt or answered):
        return Usage()
    return Usage(
        input_tokens=prompt,
        output_tokens=max(answered, total - prompt),
        cached_input_tokens=count(found.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )


def _because(what: str, reason: str, said: Mapping[str, Any], kind: str) -> str:
    message = text(said.get("finishMessage" if kind == "finish" else "blockReasonMessage"))
    return f"{what} ({clean(reason)})" + (f": {clean(message)}" if message else "")
