"""Feeds a parser the same bytes in every way a network may cut them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lokid.chat import Event, ReasoningDelta, TextDelta, ToolCallDelta
from lokid.errors import LokidError
from lokid.providers.base import Decoder

T = TypeVar("T")

SEEDS = range(12)


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and at random places (the same ones in every run)."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for seed in SEEDS:
        places = random.Random(seed)
        chunks, rest = [], data
        while rest:
            size = places.randint(0, max(1, min(len(rest), 2 ** places.randint(0, 12))))
            chunks.append(rest[:size])
            rest = rest[size:]
        yield chunks


@dataclass(frozen=True)
class Fed(Generic[T]):
    """What came out: events, then an answer or an error."""

    events: tuple[Event, ...]
    outcome: T | tuple[type[LokidError], str]
    error: LokidError | None = None

    @property
    def answer(self) -> T:
        if self.error:
            raise self.error
        return self.outcome  # type: ignore[return-value]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ReasoningDelta))

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of each tool call, as a client puts them together from events."""
        calls: dict[int, list[str]] = {}
        for event in self.events:
            if isinstance(event, ToolCallDelta):
                call = calls.setdefault(event.index, ["", "", ""])
                for place, piece in enumerate((event.id, event.name, event.arguments)):
                    call[place] += piece or ""
        return [(one[0], one[1], one[2]) for _, one in sorted(calls.items())]


def fed(decoder: Callable[[], Decoder[T]], data: bytes) -> Fed[T]:
    """Feeds ``data`` to a new decoder for each way of cutting it; all must agree."""
    ways = [_feed(decoder(), chunks) for chunks in cuts(data)]
    for way in ways[1:]:
        assert (way.events, way.outcome) == (ways[0].events, ways[0].outcome)
    return ways[0]


def _feed(decoder: Decoder[T], chunks: Sequence[bytes]) -> Fed[T]:
    events: list[Event] = []
    try:
        for chunk in chunks:
            events += decoder.feed(chunk)
        answer = decoder.close()
        return Fed((*events, *decoder.late), answer)
    except LokidError as error:
        return Fed(tuple(events), (type(error), error.message), error)


def stream(*events: Any, done: bool = True) -> bytes:
    """Server-sent events of Chat Completions: each of ``events`` as JSON, then ``[DONE]``."""
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    return b"".join([*lines, b"data: [DONE]\n\n" if done else b""])
