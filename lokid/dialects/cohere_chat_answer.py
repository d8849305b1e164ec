"""Reads answers of Cohere Chat, streamed or whole.

A stream is whole when ``message-end`` was seen; ``[DONE]`` comes after it and says nothing more. Both forms
go through the same accumulator. Unknown events are ignored, citations too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

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
    Usage,
)
from lokid.dialects.cohere_chat import KEY
from lokid.dialects.ending import meaning, spliced
from lokid.dialects.errors import in_band, no_answer
from lokid.dialects.parts import MAX_RUNS, ToolCalls, listed, too_many_runs
from lokid.dialects.stream import Accumulator, SSEDecoder, WholeDecoder, cut_off
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import count, counted, items, mapping, text
from lokid.errors import LokidError, ProviderUnavailable
from lokid.protocols.sse import SSEEvent

FINISH: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}
"""Any other: see ``ending``; ``ERROR`` and ``TIMEOUT`` are failures."""

Field = Literal["text", "thinking", "tool_plan"]


class CohereDecoder(SSEDecoder["_Accumulator"]):
    def __init__(self, traits: Traits) -> None:
        super().__init__(_Accumulator(traits))

    def _take(self, event: SSEEvent, out: list[Event]) -> None:
        data = event.data.strip()
        if not data or data == "[DONE]" or self._answer.ended:
            return
        chunk = mapping(self._json(event.data))
        kind = text(chunk.get("type")) or event.event
        delta = mapping(chunk.get("delta"))
        message = mapping(delta.get("message"))
        match kind:
            case "message-start":
                if self._answer.begun:
                    raise spliced()
                self._answer.id = text(chunk.get("id"))
                self._answer.message(message, out)
            case "content-start" | "content-delta":
                self._answer.content(message.get("content"), out)
            case "tool-plan-delta":
                self._answer.words("tool_plan", message.get("tool_plan"), out)
            case "tool-call-start" | "tool-call-delta":
                self._answer.call(message.get("tool_calls"), chunk.get("index"), out)
            case "message-end":
                self._answer.end(delta, out)
            case "error":
                raise in_band(chunk)
            case _ if "type" not in chunk and (chunk.get("message") or chunk.get("error")):
                # The body of a refusal.
                raise in_band(chunk)


def whole_cohere_decoder(traits: Traits) -> WholeDecoder[Answer]:
    """For answers that are one JSON text."""

    def read(value: Any) -> Answer:
        found = mapping(value)
        if not isinstance(found.get("message"), Mapping):
            raise no_answer(found, "message")
        answer = _Accumulator(traits)
        answer.id = text(found.get("id"))
        answer.message(found["message"], [])
        with answer.paid_for():
            answer.end(found, [])
        return answer.close()

    return WholeDecoder(read, lambda value: usage(mapping(mapping(value).get("usage"))))


class _Accumulator(Accumulator):
    def __init__(self, traits: Traits) -> None:
        self.id = ""
        self._traits = traits
        self._runs: list[tuple[Field, list[str]]] = []
        self._calls = ToolCalls()
        self._finish = ""
        self._usage: Usage | None = None

    @property
    def begun(self) -> bool:
        return bool(self._runs) or self._calls.begun

    @property
    def told(self) -> Usage | None:
        return self._usage

    def message(self, message: Mapping[str, Any], out: list[Event]) -> None:
        """A whole one; the one that opens a stream is empty."""
        self.words("tool_plan", message.get("tool_plan"), out)
        for part in listed(message.get("content"), "parts of its content"):
            self.content(part, out)
        for index, entry in enumerate(listed(message.get("tool_calls"), "tool calls")):
            self.call(entry, index, out)

    def content(self, content: Any, out: list[Event]) -> None:
        """One block, or a piece of it: reasoning models think before they speak."""
        block = mapping(content)
        self.words("thinking", block.get("thinking"), out)
        self.words("text", block.get("text"), out)

    def words(self, field: Field, piece: Any, out: list[Event]) -> None:
        if not (piece := text(piece)):
            return
        if self._runs and self._runs[-1][0] == field:
            self._runs[-1][1].append(piece)
        else:
            if len(self._runs) >= MAX_RUNS:
                raise too_many_runs()
            self._runs.append((field, [piece]))
        out.append(TextDelta(piece) if field == "text" else ReasoningDelta(piece))

    def call(self, entries: Any, index: Any, out: list[Event]) -> None:
        """``entries``: one call in events, although its name is in the plural."""
        for entry in filter(None, map(mapping, items(entries) or (entries,))):
            self._calls.take(entry, out, index=index if isinstance(index, int) else None)

    def end(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        self._usage = usage(mapping(delta.get("usage")))
        self._finish = text(delta.get("finish_reason"))
        if failure := _failure(self._finish, delta.get("error")):
            raise failure
        self.ended = True
        self._calls.settle(self.id, out)

    def close(self) -> Answer:
        if not self.ended:
            raise cut_off()
        finish = meaning(self._finish, FINISH)
        calls = self._calls.parts(cut=finish == "length", opaque_key=KEY, origin=self._traits.origin)
        if finish in ("stop", "tool_calls"):
            finish = "tool_calls" if calls else "stop"
        said: list[Part] = [self._part(field, "".join(pieces)) for field, pieces in self._runs]
        return Answer(Message("assistant", (*said, *calls)), finish, self._usage, None, self.id or None)

    def _part(self, field: Field, said: str) -> Part:
        if field == "text":
            return Text(said)
        return Reasoning(said, {KEY: {"origin": self._traits.origin, "field": field}})


def usage(found: Mapping[str, Any]) -> Usage | None:
    """``tokens`` is what the model read and wrote, Cohere's own preamble included; ``billed_units`` is what
    is paid for. The first is what usage means everywhere, the second decides the cost."""
    tokens, billed = mapping(found.get("tokens")), mapping(found.get("billed_units"))
    told = tokens or billed
    names = ("input_tokens", "output_tokens")
    if not counted(told, *names) or (billed and not counted(billed, *names)):
        return None
    return Usage(
        input_tokens=count(told.get("input_tokens")),
        output_tokens=count(told.get("output_tokens")),
        cached_input_tokens=count(found.get("cached_tokens")),
        billed=(count(billed.get("input_tokens")), count(billed.get("output_tokens"))) if billed else None,
    )


def _failure(finish: str, error: Any) -> LokidError | None:
    """No SDK notices these: the answer came with status 200, and ends in the middle."""
    if finish == "TIMEOUT":
        return ProviderUnavailable("the provider ran out of time in the middle of the answer", refused=True)
    if finish.startswith("ERROR") or error:
        return in_band({"message": text(error) or "the model failed in the middle of the answer"})
    return None
