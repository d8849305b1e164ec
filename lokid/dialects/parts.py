"""The parts of an answer while it arrives."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lokid.chat import Event, Part, Reasoning, ReasoningDelta, Text, TextDelta, ToolCall, ToolCallDelta
from lokid.dialects.ending import spliced
from lokid.dialects.kept import MAX_KEPT, Kept
from lokid.dialects.redaction import short
from lokid.dialects.untrusted import fits, loads, mapping, text
from lokid.errors import ProviderFailed

MAX_CALLS = 10_000
"""Tool calls of one answer. Honest ones have a few; a hostile stream of new indexes ends here."""

MAX_RUNS = 10_000
"""Times that an answer goes from reasoning to text, or back."""


class Texts:
    """Text and reasoning in the order in which they came; neighbours of a kind are joined."""

    def __init__(self) -> None:
        self._runs: list[tuple[type[Text | Reasoning], list[str]]] = []
        self._kind: type[Text | Reasoning] | None = None  # of the last run
        self._pieces: list[str] = []  # of the last run

    @property
    def begun(self) -> bool:
        return bool(self._runs)

    def text(self, piece: str, out: list[Event]) -> None:
        if piece:
            if self._kind is not Text:
                self._begin(Text)
            self._pieces.append(piece)
            out.append(TextDelta(piece))

    def reasoning(self, piece: str, out: list[Event]) -> None:
        if piece:
            if self._kind is not Reasoning:
                self._begin(Reasoning)
            self._pieces.append(piece)
            out.append(ReasoningDelta(piece))

    @property
    def extent(self) -> tuple[int, int]:
        """It grows with each piece."""
        return len(self._runs), len(self._pieces)

    def parts(self) -> list[Text | Reasoning]:
        return [kind("".join(pieces)) for kind, pieces in self._runs]

    def _begin(self, kind: type[Text | Reasoning]) -> None:
        if len(self._runs) >= MAX_RUNS:
            raise too_many_runs()
        self._kind = kind
        self._pieces = []
        self._runs.append((kind, self._pieces))


def listed(value: Any, what: str) -> Sequence[Any]:
    """Entries of a list that may be missing. Raises ``ProviderFailed`` for anything else that says something:
    left out, an answer would pass for whole without it."""
    if not value:
        return ()
    if isinstance(value, list):
        return value
    raise ProviderFailed(f"the provider's answer has {what} that are not a list")


def too_many_runs() -> ProviderFailed:
    return ProviderFailed(f"the provider's answer changes from reasoning to text more than {MAX_RUNS} times")


class _Call:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.opaque: dict[str, Any] = {}

    def is_another(self, given_id: str, arguments: str) -> bool:
        """Whether an entry with a name is of another call."""
        if given_id and self.id:
            return given_id != self.id
        # Gemini's compatible endpoint: each call whole, all with index 0 and the id "".
        return bool(
            not (given_id or self.id)
            and arguments.startswith("{")
            and len(self.arguments) == 1
            and is_object(self.arguments[0])
        )


class ToolCalls:
    """Tool calls from the deltas of Chat Completions, in every variant that servers send.

    An entry belongs to the call of its ``index``. Indexes may start anywhere and need not come with an
    id. Without an index an entry belongs to the call of its id, or starts a call if it has an id or a
    name, or continues the last one. Some servers give every call index 0: a known index with another id
    *and* a name is a new call, and so is one with a name and arguments behind all of the arguments, where
    none has an id. A later empty or repeated name changes nothing.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, int] = {}
        self._by_id: dict[str, int] = {}
        self._settled = 0
        self._kept = Kept()
        self.extent = 0
        """It grows with each call and each piece of one."""

    @property
    def begun(self) -> bool:
        return bool(self._calls)

    def take(self, entry: Mapping[str, Any], out: list[Event], *, index: int | None = None) -> None:
        """``index``: stands for the entry's own where that cannot be there (whole answers)."""
        function = mapping(entry.get("function")) or entry
        given_id, name = text(entry.get("id")), text(function.get("name"))
        arguments = as_text(function.get("arguments"))
        number = self._number(entry.get("index") if index is None else index, given_id, name, arguments)
        self._add(number, entry, name, arguments, out)

    def complete(self, entries: Sequence[Any], out: list[Event]) -> None:
        """``entries``: the calls of a whole answer, behind their deltas. Raises ``IncompleteResponse`` for
        those of another."""
        for number, entry in enumerate(map(mapping, entries)):
            if number == len(self._calls):
                self._new()
            function = mapping(entry.get("function")) or entry
            call, name = self._calls[number], text(function.get("name"))
            if call.name and name and call.name != name:
                raise spliced()
            self._add(number, entry, name, "" if call.arguments else as_text(function.get("arguments")), out)

    def _add(
        self, number: int, entry: Mapping[str, Any], name: str, arguments: str, out: list[Event]
    ) -> None:
        call = self._calls[number]
        new_id = text(entry.get("id")) if not call.id else ""
        new_name = name if not call.name else ""
        call.id, call.name = call.id or new_id, call.name or new_name
        self._by_id.setdefault(call.id, number)
        if arguments:
            call.arguments.append(arguments)
        if (extra := mapping(entry.get("extra_content"))) and fits(
            extra
        ):  # Gemini's thought signature, must go back
            self._kept.add(extra)
            call.opaque["extra_content"] = extra
        if new_id or new_name or arguments:
            self.extent += 1
            out.append(ToolCallDelta(number, new_id or None, new_name or None, arguments or None))

    def settle(self, answer_id: str, out: list[Event]) -> None:
        """Gives an id to calls that came without one: ours, from the answer's, so that two answers of one
        conversation do not share any."""
        # Each once: a server may end its answer again and again, and there may be ten thousand calls.
        for number in range(self._settled, len(self._calls)):
            call = self._calls[number]
            if not call.id:
                call.id = call_id(answer_id, number)
                out.append(ToolCallDelta(number, id=call.id))
        self._settled = len(self._calls)

    def parts(self, *, cut: bool, opaque_key: str, origin: str) -> list[Part]:
        """``cut``: the answer ended early (length, filter). ``origin``: to where alone goes back what a call
        has besides. Raises ``ProviderFailed`` as ``tool_call``."""
        parts: list[Part] = []
        for number, call in enumerate(self._calls):
            opaque = {opaque_key: {"origin": origin, **call.opaque}} if call.opaque else {}
            arguments = partial(parse_arguments, "".join(call.arguments))
            last = number == len(self._calls) - 1
            parts += tool_call(call.id, call.name, arguments, opaque, cut=cut and last)
        return parts

    def _number(self, index: Any, given_id: str, name: str, arguments: str) -> int:
        if isinstance(index, int) and not isinstance(index, bool):
            known = self._by_index.get(index)
            if known is None or (name and self._calls[known].is_another(given_id, arguments)):
                known = self._by_index[index] = self._new()
            return known
        if given_id:
            known = self._by_id.get(given_id)
            return self._new() if known is None else known
        return self._new() if name or not self._calls else len(self._calls) - 1

    def _new(self) -> int:
        if len(self._calls) >= MAX_CALLS:
            raise ProviderFailed(f"the provider's answer has more than {MAX_CALLS} tool calls")
        self._calls.append(_Call())
        return len(self._calls) - 1


def call_id(answer_id: str, number: int) -> str:
    """An id for a call that came without. OpenAI takes up to 40 characters."""
    letters = "".join(letter for letter in answer_id if letter.isascii() and letter.isalnum())
    return f"call_{letters[-20:]}_{number}" if letters else f"call_{number}"


def not_an_object(tool: str) -> ProviderFailed:
    name = short(tool, 64)
    return ProviderFailed(f"the model wrote arguments for the tool {name!r} that are not a JSON object")


def tool_call(
    call_id: str,
    name: str,
    arguments: Callable[[], Mapping[str, Any]],
    opaque: Mapping[str, Any],
    *,
    cut: bool,
) -> list[ToolCall]:
    """One call of an answer, or nothing if the answer was ``cut`` in it. ``arguments``: raises ``ValueError``
    for those that are no JSON object. Raises ``ProviderFailed`` for them, and without a name."""
    try:
        read = arguments()
    except ValueError:
        if cut:
            return []
        raise not_an_object(name) from None
    if not name:
        if cut:
            return []
        raise ProviderFailed("the provider's answer has a tool call without a name")
    return [ToolCall(call_id, name, read, opaque)]


MOST_WRITTEN = 2 * MAX_KEPT
"""Characters that hold no more values, and are not counted."""


def as_text(arguments: Any) -> str:
    """Arguments, or a piece of them, as the JSON that they should be. Some servers send the object itself;
    one without entries (``[]`` in PHP) says nothing, and texts may follow it."""
    if arguments in (None, {}, []):
        return ""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False) if fits(arguments) else "[nested too deeply"


def is_object(written: str) -> bool:
    """Whether it is one JSON object from beginning to end."""
    try:
        return written.rstrip().endswith("}") and isinstance(loads(written), dict)
    except ValueError:
        return False


def parse_arguments(written: str) -> Mapping[str, Any]:
    """Arguments as a map; nothing, ``null`` and ``[]`` (of PHP, which has no other empty object) are ``{}``
    (tools without arguments), and an object that was encoded twice is read twice. Raises ``ValueError``."""
    if not written.strip():
        return {}
    if len(written) > MOST_WRITTEN and sum(map(written.count, "[{,")) > MAX_KEPT:
        raise ValueError("more values than arguments have")
    value = loads(written)
    if isinstance(value, str) and value.strip():
        value = loads(value)
    if value in (None, "", []):
        return {}
    if not isinstance(value, dict) or not fits(value):
        raise ValueError("not a JSON object")
    return value
