"""Reads answers of Chat Completions, streamed or whole, from OpenAI and from everybody compatible.

A stream is whole when a ``finish_reason`` or ``[DONE]`` was seen after at least one choice; anything less
is ``IncompleteResponse``. Both forms go through the same accumulator, so they cannot come to differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Literal

from lokid.chat import Answer, Event, FinishReason, Image, Message, Part, Reasoning, Text, Usage
from lokid.dialects.ending import meaning, spliced, unfinished
from lokid.dialects.errors import in_band, no_answer
from lokid.dialects.openai_chat import KEY, REASONING_FIELDS
from lokid.dialects.openai_chat_message import calls, has_tag, length, pieces, rest, says
from lokid.dialects.openai_chat_usage import usage
from lokid.dialects.parts import Texts, ToolCalls, listed
from lokid.dialects.pictures import MAX_PICTURES, linked
from lokid.dialects.reasoning_state import ReasoningState
from lokid.dialects.stream import PICTURES, Accumulator, SSEDecoder, WholeDecoder, cut_off
from lokid.dialects.template import Template
from lokid.dialects.think_tags import ThinkTags
from lokid.dialects.traits import Traits
from lokid.dialects.untrusted import LARGE, items, mapping, text
from lokid.errors import LokidError, Overloaded, ProviderFailed
from lokid.protocols.sse import SSEEvent

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",  # Zhipu
}
"""Any other: see ``ending``."""

CUT = ("length", "content_filter", "context_overflow")
"""What says that there is more of an answer."""

MAX_SHORT = 8
"""Messages behind deltas with much less than these: a call alone, the end. Each is compared with all."""


class StreamDecoder(SSEDecoder["_Accumulator"]):
    def __init__(self, traits: Traits) -> None:
        super().__init__(_Accumulator(traits), PICTURES)
        self._template = Template()

    def _take(self, event: SSEEvent, out: list[Event]) -> None:
        if self._answer.ended:
            return
        if event.event == "message" and (words := self._template.text(event.data)) is not None:
            self._answer.text(words, out)  # what nearly every event is
            return
        data = event.data.strip()
        if not data and event.event != "error":
            return
        if data == "[DONE]":
            self._answer.end(out)
            return
        chunk = self._json(event.data) if data else None
        if event.event == "error" or (chunk and isinstance(chunk, str | list)):
            raise in_band(chunk)
        chunk = mapping(chunk)
        if self._answer.chunk(chunk, "delta", out):
            self._template.learn(data, chunk)


def whole_decoder(traits: Traits) -> WholeDecoder[Answer]:
    """For answers that are one JSON text."""

    def read(value: Any) -> Answer:
        answer = _Accumulator(traits)
        with answer.paid_for():
            answer.chunk(mapping(value), "message", [])
        if not answer.chosen:
            raise no_answer(value, "choices")
        answer.end([])
        return answer.close()

    return WholeDecoder(read, lambda value: usage(mapping(value)))


class _Accumulator(Accumulator):
    """``chosen``: a choice came, empty or not."""

    def __init__(self, traits: Traits) -> None:
        self.chosen = False
        self._finish: FinishReason | Literal[""] = ""
        self._traits = traits
        self._texts = Texts()
        self.text = self._texts.text
        """What ``chunk`` does with a piece of text and nothing else."""
        self._calls = ToolCalls()
        self._think = ThinkTags(opened=traits.think_opened) if traits.think_tags else None
        self._pictures: list[Image] = []
        self._refused = False
        self._at_once = False  # in one event, like an answer that is no stream
        self._joined = 0  # characters that the last message behind deltas was compared with
        self._short = 0  # such messages that had much less than that
        self._over = False  # its end came, of whatever kind
        self._counted_at: tuple[object, ...] = ()  # how far the answer was at the last usage
        self._final = False  # one came with the end, or behind it
        self._reasoning_field = ""
        self._reasoning_state = ReasoningState()
        self._usage: Usage | None = None
        self._id = ""
        self._model = ""

    @property
    def begun(self) -> bool:
        """Also with its usage alone."""
        return self._spoken or self._usage not in (None, Usage())

    @property
    def _spoken(self) -> bool:
        return bool(self._texts.begun or self._calls.begun or self._pictures or self._reasoning_state.begun)

    @property
    def _extent(self) -> tuple[object, ...]:
        return self._texts.extent, self._calls.extent, len(self._pictures)

    @property
    def told(self) -> Usage | None:
        return self._usage

    @property
    def final(self) -> bool:
        return self._final or (self._over and self._counted_at == self._extent)

    def chunk(self, chunk: Mapping[str, Any], form: Literal["delta", "message"], out: list[Event]) -> bool:
        """Whether it was a piece of text and nothing else, and would be with any other text in its place."""
        counted = chunk.get("usage") or "x_groq" in chunk
        told = usage(chunk) if counted else None
        if told == Usage() and self._usage:  # a total alone takes nothing back
            told = None
        if told is not None:
            self._usage = told
            self._counted_at = self._extent
        if chunk.get("error") or ("choices" not in chunk and _is_error(chunk)):
            self._over |= bool(counted)
            with suppress(LokidError):  # words beside it are words, and no other reason
                for choice in map(mapping, items(chunk.get("choices"))):
                    delta = mapping(choice.get(form))
                    self._delta(delta if says(delta) else self._elsewhere(choice, form, out), form, out)
            raise in_band(chunk)
        if (base := mapping(chunk.get("base_resp"))).get("status_code"):  # MiniMax
            raise in_band({"code": base["status_code"], "message": base.get("status_msg")})
        if not (self._id and self._model):
            self._id = self._id or text(chunk.get("id"))
            self._model = self._model or text(chunk.get("model"))
        if counted and mapping(chunk.get("x_groq")).get("error"):
            raise in_band(chunk["x_groq"])
        plain = False
        choices = listed(chunk.get("choices"), "choices")
        for choice in map(mapping, choices):
            if choice.get("index") in (0, None, "0"):  # others exist only if extra_body asked for them
                plain = self._choice(choice, form, out)
        if told is not None:
            self._counted_at = self._extent
            self._final |= self._over
        return plain and not counted and len(choices) == 1

    def _settle(self, out: list[Event]) -> None:
        """The answer is over: what was held back, and ids for calls without."""
        if self._think:
            is_counted = self._counted_at == self._extent
            self._pieces(self._think.close(), out)
            if self._think.is_open and not (self._finish in CUT or self._calls.begun or self._refused):
                self._thoughtless(out)
            if is_counted:
                self._counted_at = self._extent
        self._calls.settle(self._id, out)

    def _thoughtless(self, out: list[Event]) -> None:
        """Thoughts that a template has opened, and that have no end, were none: who is not to think, or to
        answer with JSON, begins with the answer."""
        said = self._texts.parts()
        self._texts, self._think = Texts(), None
        self.text = self._texts.text
        self.text("".join(part.text for part in said), out)

    def end(self, out: list[Event]) -> None:
        """The terminal marker."""
        self.ended = self._over = True
        self._settle(out)

    def close(self) -> Answer:
        if not self.chosen or not (self.ended or self._finish):
            raise cut_off()
        self._settle([])
        finish = self._finish or "stop"
        cut = finish in CUT
        calls = self._calls.parts(cut=cut, opaque_key=KEY, origin=self._traits.origin)
        if finish in ("stop", "tool_calls"):
            # OpenAI says "stop" after a tool choice that named the tool, others say "tool_calls" for nothing.
            finish = "tool_calls" if calls else "refusal" if self._refused else "stop"
        return Answer(
            Message("assistant", (*self._reasoned(), *self._pictures, *calls)),
            finish,
            self._usage if self.final else None,
            self._model or None,
            self._id or None,
        )

    def _choice(self, choice: Mapping[str, Any], form: str, out: list[Event]) -> bool:
        """Whether it is a text and nothing else."""
        delta = mapping(choice.get(form))
        content = delta.get("content")
        plain = False
        if content and len(delta) == 1 and isinstance(content, str) and not self._think:
            plain = True
            self._texts.text(content, out)  # what nearly every event of a stream is
        else:
            self._delta(delta if says(delta) else self._elsewhere(choice, form, out), form, out)
        self.chosen = True
        finish = text(choice.get("finish_reason"))
        self._over |= not unfinished(finish)
        if choice.get("error") or finish in ("error", "network_error"):  # OpenRouter; Zhipu
            raise in_band(choice)
        if finish == "insufficient_system_resource":  # DeepSeek
            why = "the provider stopped in the middle of the answer for lack of capacity"
            raise Overloaded(why, refused=True)
        if unfinished(finish):
            return plain
        if not self._usage:  # Moonshot
            self._usage = usage(choice)
            self._final = self._usage is not None
        said = meaning(finish, FINISH)
        # A server that ends twice has cut the answer if it ever said so.
        self._finish = self._finish if self._finish in CUT else said
        self._settle(out)
        return False

    def _elsewhere(self, choice: Mapping[str, Any], form: str, out: list[Event]) -> Mapping[str, Any]:
        """What a server means that streams as if it did not (or the other way round), or answers as
        completions without chat do. Behind deltas a message repeats them, and may say more."""
        if words := text(choice.get("text")):
            return {"content": words}
        if form == "message":
            return mapping(choice.get("delta"))
        message = mapping(choice.get("message"))
        if not says(message):
            return {}
        if self._at_once:
            raise spliced()
        if self._think:  # of the deltas: it may be in the middle of a thought
            self._pieces(self._think.close(), out)
            self._think = ThinkTags(opened=self._traits.think_opened)
        if not self._spoken:
            self._at_once = True
            return message
        short = self._joined > LARGE and 2 * length(message) < self._joined
        self._short += short
        if self._short > MAX_SHORT:
            raise spliced()  # who repeats an answer sends as much as there is to compare with it
        self._think = None
        self._calls.complete(calls(message), out)
        told, opened = self._texts.parts(), self._traits.think_opened
        finish = text(choice.get("finish_reason"))
        is_cut = self._finish in CUT or (not unfinished(finish) and meaning(finish, FINISH) in CUT)
        self._joined = sum(len(part.text) for part in told if isinstance(part, Text | Reasoning))
        more = rest(
            message,
            "".join(part.text for part in told if isinstance(part, Text)),
            tags=self._traits.think_tags and (not opened or is_cut or has_tag(message)),
            opened=opened,
            reasoned=any(isinstance(part, Reasoning) for part in told),
            stated=self._reasoning_state.begun,
            refused=self._refused,
        )
        self._refused |= bool(message.get("refusal"))
        return more

    def _delta(self, delta: Mapping[str, Any], form: str, out: list[Event]) -> None:
        if delta.get("error"):
            raise in_band(delta)
        self._reason(delta, out)
        content = delta.get("content")
        self._pieces(pieces(content), out, tags=True)
        for part in (*items(content), *listed(delta.get("images"), "images")):  # OpenRouter, LiteLLM
            self._picture(mapping(part))
        if refusal := text(delta.get("refusal")):
            self._refused = True
            self._texts.text(refusal, out)
        for position, entry in enumerate(map(mapping, listed(delta.get("tool_calls"), "tool calls"))):
            self._calls.take(entry, out, index=position if form == "message" else None)
        if function := mapping(delta.get("function_call")):  # before tool_calls existed
            self._calls.take({"function": function}, out, index=0)

    def _picture(self, part: Mapping[str, Any]) -> None:
        """A message behind deltas repeats them."""
        image = linked(part)
        if image is None or image in self._pictures:
            return
        if len(self._pictures) >= MAX_PICTURES:
            raise ProviderFailed(f"the provider's answer has more than {MAX_PICTURES} pictures")
        self._pictures.append(image)

    def _reason(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        for field in REASONING_FIELDS:
            if piece := text(delta.get(field)):
                self._reasoning_field = field
                self._without_tags()
                self._texts.reasoning(piece, out)
                break
        self._reasoning_state.add(delta)

    def _without_tags(self) -> None:
        """The server knows thoughts, so those that a template has opened have left the text."""
        if self._traits.think_opened:
            self._think = None

    def _pieces(
        self, pieces: Iterator[tuple[str, str]] | list[Any], out: list[Event], *, tags: bool = False
    ) -> None:
        for kind, piece in pieces:
            if kind == "reasoning":
                if tags and piece:
                    self._without_tags()
                self._texts.reasoning(piece, out)
            elif tags and self._think:
                self._pieces(self._think.feed(piece), out)
            else:
                self._texts.text(piece, out)

    def _reasoned(self) -> list[Part]:
        """The texts; the first reasoning carries what must go back with the tool calls."""
        parts: list[Part] = list(self._texts.parts())
        opaque: dict[str, Any] = {"origin": self._traits.origin}
        if self._reasoning_field:
            opaque["field"] = self._reasoning_field
        opaque |= self._reasoning_state.whole()
        if len(opaque) == 1:
            return parts
        for number, part in enumerate(parts):
            if isinstance(part, Reasoning):
                parts[number] = Reasoning(part.text, {KEY: opaque})
                return parts
        return [Reasoning("", {KEY: opaque}), *parts]


def _is_error(chunk: Mapping[str, Any]) -> bool:
    if chunk.get("success") is True:
        return False
    return (
        chunk.get("object") == "error"
        or chunk.get("success") in (False, 0)
        or chunk.get("status") == "failed"
        or any(chunk.get(key) for key in ("message", "detail", "errors", "msg", "error_msg", "ErrorMsg"))
        or "Error" in mapping(chunk.get("Response"))  # Tencent
    )
