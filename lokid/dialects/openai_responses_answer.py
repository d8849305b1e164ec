"""Reads answers of OpenAI Responses, streamed or whole.

A stream is whole when ``response.completed``, ``.incomplete`` or ``.failed`` was seen; there is no
``[DONE]``. That event holds the whole response again, and the answer is made of it in both forms; the
deltas only become events. Of the many event types, unknown ones are ignored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
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
from lokid.dialects.ending import alike, meaning, spliced
from lokid.dialects.errors import in_band, no_answer
from lokid.dialects.kept import Kept
from lokid.dialects.openai_responses import KEY, reasoning_item
from lokid.dialects.parts import MAX_CALLS, as_text, parse_arguments, tool_call
from lokid.dialects.pictures import inline
from lokid.dialects.redaction import clean, short
from lokid.dialects.stream import PICTURES, Accumulator, SSEDecoder, WholeDecoder, cut_off
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import count, counted, fits, items, mapping, text
from lokid.errors import IncompleteResponse, LokidError, ProviderFailed
from lokid.protocols.sse import SSEEvent

INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
    "max_messages": "pause",
    "steered": "pause",
}
"""``incomplete_details.reason``; none at all is ``length``, any other may be anything: see ``ending``."""

GAVE_UP = ("failed", "cancelled")
"""Values of ``status``."""


class ResponsesDecoder(SSEDecoder["_Accumulator"]):
    def __init__(self, traits: Traits) -> None:
        super().__init__(_Accumulator(traits), PICTURES)

    def _take(self, event: SSEEvent, out: list[Event]) -> None:
        if not event.data.strip() or event.data.strip() == "[DONE]" or self._answer.ended:
            return
        data = mapping(self._json(event.data))
        self._answer.take(text(data.get("type")) or event.event, data, out)


class _Accumulator(Accumulator):
    """What a stream says on the way to the event that says it all again."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._calls: dict[int | str, int] = {}  # output_index, or the item's id -> our index
        self._ids: list[str] = []  # our index -> the call's id
        self._spoken: set[int] = set()  # calls of which arguments were sent on
        self._items: list[Any] = []
        self._kept = Kept()
        self._said: dict[str, list[str]] = {}  # kind of text -> its deltas, until their message is done
        self._deltas: list[str] = []  # all deltas of texts
        self._open = {"output_text": _OpenTexts(), "refusal": _OpenTexts()}
        self._summary: tuple[Any, Any] | None = None
        self._usage: Usage | None = None
        self._answer: Answer | None = None

    @property
    def begun(self) -> bool:
        return bool(self._said or self._items or self._ids or self._summary)

    @property
    def told(self) -> Usage | None:
        """It comes with the end, of which ``take`` may make an error."""
        return self._usage

    def close(self) -> Answer:
        if self._answer is None:
            raise cut_off()
        return self._answer

    def take(self, kind: str, data: Mapping[str, Any], out: list[Event]) -> None:
        match kind:
            case "response.created" if self.begun:
                raise spliced()
            case "response.output_text.delta" | "response.refusal.delta":
                what, piece = kind.split(".")[1], text(data.get("delta"))
                self._open[what].add(_place(data), piece)
                self._speak(what, piece, out)
            case "response.output_text.done" | "response.refusal.done":
                what, whole = kind.split(".")[1], text(data.get("text")) or text(data.get("refusal"))
                if not self._open[what].was(_place(data), whole):
                    self._speak(what, whole, out)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._reason(data, out)
            case "response.output_item.added" | "response.output_item.done":
                self._item(data, kind.endswith("done"), out)
            case "response.function_call_arguments.delta":
                call = self._begun_call(_names(data, {}))
                self._arguments(call, text(data.get("delta")), out)
            case "response.completed" | "response.incomplete":
                self._end(mapping(data.get("response")), out)
            case "response.failed" | "response.cancelled":
                response = mapping(data.get("response"))
                self._usage = usage(mapping(response.get("usage")))
                raise _failure(response)
            case _ if kind == "error" or _is_error(data):
                raise in_band(data)

    def _speak(self, what: str, piece: str, out: list[Event]) -> None:
        if piece:
            self._said.setdefault(what, []).append(piece)
            self._deltas.append(piece)
            out.append(TextDelta(piece))

    def _end(self, response: Mapping[str, Any], out: list[Event]) -> None:
        self._usage = usage(mapping(response.get("usage")))
        if response.get("error") or response.get("status") in GAVE_UP:
            raise _failure(response)
        answer = read(response, self._traits, self._output(response))
        self._tell_rest(answer, out)
        self._answer = answer
        self.ended = True

    def _tell_rest(self, answer: Answer, out: list[Event]) -> None:
        """Whoever reads along gets the whole answer too: of what came without deltas, or fewer of them. A
        filter may leave less at the end than it let pass before."""
        self._tell_calls([part for part in answer.message.parts if isinstance(part, ToolCall)], out)
        said, told = answer.message.text, "".join(self._deltas)
        if said.startswith(told):
            if rest := said[len(told) :]:
                out.append(TextDelta(rest))
            return
        # Some servers strip a text in the end.
        if answer.finish_reason != "content_filter" and not alike(said, told):
            raise IncompleteResponse("the provider's stream and the answer at its end are not the same")

    def _tell_calls(self, calls: Sequence[ToolCall], out: list[Event]) -> None:
        """An id that was not told may be another name of a call that was."""
        ids = {call.id for call in calls}
        told: dict[str, list[int]] = {}
        for number, call_id in enumerate(self._ids):
            told.setdefault(call_id if call_id in ids else "", []).append(number)
        new = len(self._ids)
        for call in calls:
            written = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
            if not (numbers := told.get(call.id) or told.get("")):
                out.append(ToolCallDelta(new, call.id, call.name, written))
                new += 1
            elif (number := numbers.pop(0)) not in self._spoken and call.arguments:
                out.append(ToolCallDelta(number, arguments=written))

    def _output(self, response: Mapping[str, Any]) -> Sequence[Any]:
        """Some servers leave out at the end what they streamed, or the ends of items too."""
        given = items(response.get("output"))
        output = given or self._items
        kinds = Counter(text(mapping(item).get("type")) for item in output)
        least = 1 if given else len(self._ids)  # a server may have told one under two names
        if self._ids and kinds["function_call"] < least and response.get("status") != "incomplete":
            raise IncompleteResponse("the provider's stream ended without the tool calls that it began")
        if self._said and not (given and kinds["message"]):  # the end of the item did not come
            content = [{"type": kind, "text": "".join(deltas)} for kind, deltas in self._said.items()]
            output = [*output, {"type": "message", "content": content}]
        if (picture := "image_generation_call") not in kinds:
            output = [*(item for item in self._items if mapping(item).get("type") == picture), *output]
        return output

    def _reason(self, data: Mapping[str, Any], out: list[Event]) -> None:
        """Paragraphs of a summary come as parts of their own."""
        part = (data.get("output_index"), data.get("summary_index", data.get("content_index")))
        if delta := text(data.get("delta")):
            if self._summary is not None and self._summary != part and self._summary[0] == part[0]:
                delta = f"\n\n{delta}"
            self._summary = part
            out.append(ReasoningDelta(delta))

    def _item(self, data: Mapping[str, Any], done: bool, out: list[Event]) -> None:
        item = mapping(data.get("item"))
        if item.get("type") == "function_call":
            call_id, names = text(item.get("call_id")), _names(data, item)
            number = self._begun_call(names if done else names[:1])
            if number is None or (not done and call_id and self._ids[number] not in ("", call_id)):
                # Ollama begins all of them at one place.
                if (number := len(self._ids)) >= MAX_CALLS:
                    raise ProviderFailed(f"the provider's answer has more than {MAX_CALLS} tool calls")
                self._ids.append(call_id)
                out.append(ToolCallDelta(number, call_id, text(item.get("name"))))
            self._calls |= dict.fromkeys(names, number)
            if done and number not in self._spoken:
                self._arguments(number, as_text(item.get("arguments")), out)
        if done:
            self._kept.add(item)
            self._items.append(item)
            if item.get("type") == "message":
                self._said.clear()

    def _begun_call(self, names: Iterable[int | str]) -> int | None:
        return next((self._calls[name] for name in names if name in self._calls), None)

    def _arguments(self, call: int | None, fragment: str, out: list[Event]) -> None:
        if call is not None and fragment:
            self._spoken.add(call)
            out.append(ToolCallDelta(call, arguments=fragment))


class _OpenTexts:
    """Texts that came in deltas and are not done yet, by ``output_index`` and ``content_index``."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[int, int], list[str]] = {}
        self._length = 0
        self._done: dict[tuple[int, int], int] = {}  # hash of what was done there last

    def add(self, place: tuple[int, int], piece: str) -> None:
        if piece:
            place = place if place in self._pieces or len(self._pieces) < MAX_CALLS else _ELSEWHERE
            self._pieces.setdefault(place, []).append(piece)
            self._length += len(piece)

    def was(self, place: tuple[int, int], whole: str) -> bool:
        """Whether ``whole``, which is done, is what came; also before, and said to be done twice. vLLM counts
        the place up with each delta, so what it says decides first; as far as it is long enough to be
        compared with all that is open."""
        here = hash(whole)
        again = self._done.get(place) == here
        if len(self._done) < MAX_CALLS:
            self._done[place] = here
        near = self._length <= 2 * len(whole) + SPACES
        if near and alike(whole, "".join(chain(*self._pieces.values()))):
            there = bool(self._pieces)
            self._pieces, self._length = {}, 0
            return there or again
        pieces = self._pieces.pop(place, ())
        self._length -= sum(map(len, pieces))
        return bool(pieces) or again


SPACES = 256
"""Characters by which a text may be more than twice as long before it is done: servers strip it."""

_ELSEWHERE = (-1, -1)
"""The place of what has none left."""


def whole_responses_decoder(traits: Traits) -> WholeDecoder[Answer]:
    """For answers that are one JSON text."""

    def whole(value: Any) -> Answer:
        response = mapping(value)
        if response.get("error") or response.get("status") in GAVE_UP:
            raise _failure(response)
        if not isinstance(response.get("output"), list):
            raise no_answer(response, "output")
        if response.get("status") in ("in_progress", "queued"):
            raise IncompleteResponse("the provider answered before the answer was complete")
        return read(response, traits, response["output"])

    return WholeDecoder(whole, lambda value: usage(mapping(mapping(value).get("usage"))))


def read(response: Mapping[str, Any], traits: Traits, output: Any) -> Answer:
    """``output``: the items of the answer."""
    incomplete = response.get("status") == "incomplete"
    parts: list[Part] = []
    refused = False
    last = len(output) - 1
    for number, item in enumerate(map(mapping, output)):
        match item.get("type"):
            case "message":
                refused |= _message(item, parts)
            case "reasoning":
                parts += _reasoning(item, traits)
            case "function_call":
                parts += _call(item, cut=incomplete and number == last)
            case "image_generation_call":
                form = text(item.get("output_format")) or "png"
                parts += filter(None, [inline(f"image/{form}", text(item.get("result")))])
    finish: FinishReason = "refusal" if refused else "stop"
    if incomplete:
        finish = _cut_by(text(mapping(response.get("incomplete_details")).get("reason")))
    elif any(isinstance(part, ToolCall) for part in parts):
        finish = "tool_calls"
    return Answer(
        Message("assistant", tuple(parts)),
        finish,
        usage(mapping(response.get("usage"))),
        text(response.get("model")) or None,
        text(response.get("id")) or None,
    )


def _cut_by(why: str) -> FinishReason:
    if not why:
        return "length"
    finish = meaning(why, INCOMPLETE)
    if finish == "stop":
        raise IncompleteResponse(
            f"the provider says that its answer is incomplete ({short(clean(why), 100)})",
            hint="ask again; what arrived so far is the beginning of an answer",
        )
    return finish


def usage(found: Mapping[str, Any]) -> Usage | None:
    if not counted(found, "input_tokens", "output_tokens"):
        return None
    read_details = mapping(found.get("input_tokens_details"))
    return Usage(
        input_tokens=count(found.get("input_tokens")),
        output_tokens=count(found.get("output_tokens")),
        cached_input_tokens=count(read_details.get("cached_tokens")),
        cache_write_tokens=count(read_details.get("cache_write_tokens")),
        reasoning_tokens=count(mapping(found.get("output_tokens_details")).get("reasoning_tokens")),
    )


def _message(item: Mapping[str, Any], parts: list[Part]) -> bool:
    """Adds the text; whether it is a refusal."""
    phase = text(item.get("phase"))  # which text is commentary: must go back, or quality suffers
    pieces = [mapping(piece) for piece in items(item.get("content"))]
    said = "".join(text(piece.get("text")) or text(piece.get("refusal")) for piece in pieces)
    if said:
        parts.append(Text(said, {KEY: {"phase": phase}} if phase else {}))
    return any(piece.get("type") == "refusal" for piece in pieces)


def _reasoning(item: Mapping[str, Any], traits: Traits) -> list[Part]:
    """The summary, or the reasoning itself where a server shows it. Without encrypted content there is
    nothing that could go back: the provider has not stored it."""
    shown = items(item.get("summary")) or items(item.get("content"))
    separator = "\n\n"
    said = separator.join(text(mapping(piece).get("text")) for piece in shown)
    if item.get("encrypted_content") and fits(item):
        kept = {"summary": [], **reasoning_item(item)}
        return [Reasoning(said, {KEY: {"origin": traits.origin, "item": kept}})]
    return [Reasoning(said)] if said else []


def _call(item: Mapping[str, Any], *, cut: bool) -> list[ToolCall]:
    arguments = partial(parse_arguments, as_text(item.get("arguments")))
    return tool_call(text(item.get("call_id")), text(item.get("name")), arguments, {}, cut=cut)


def _place(data: Mapping[str, Any]) -> tuple[int, int]:
    output, content = data.get("output_index"), data.get("content_index")
    return output if type(output) is int else 0, content if type(content) is int else 0


def _names(data: Mapping[str, Any], item: Mapping[str, Any]) -> list[int | str]:
    """Of a call, the surest first. llama.cpp tells no ``output_index``."""
    place, item_id = data.get("output_index"), text(item.get("id")) or text(data.get("item_id"))
    return [*([place] if type(place) is int else ()), *([item_id] if item_id else ())]


def _is_error(data: Mapping[str, Any]) -> bool:
    """The body of a refusal, which gateways put into a stream as it is."""
    return "type" not in data and bool(data.get("error") or data.get("message"))


def _failure(response: Mapping[str, Any]) -> LokidError:
    if response.get("error"):
        error = in_band({"error": response["error"]})
        error.refused = not items(response.get("output"))
        return error
    return ProviderFailed("the provider gave up on the answer without saying why")
