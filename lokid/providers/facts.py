"""What models cost and how much they read, by the name that the provider knows.

``prices`` has a text per source with one model per line. Its columns: a name; tokens of context; prices in
USD per million tokens (input, output, input from a cache, input written to a cache); the same for requests
of more than so many input tokens (``272000:10,45,1,-``); then what else calls the model: a name, ``^`` and
how names begin, ``*`` and what is in them, ``$`` and how they end, ``~`` and a regular expression. After
``^`` and ``*`` only a version may follow: the price of ``opus-4-1`` is not that of ``opus-4-11``, nor of
``opus-4-1-fast``. ``-``: not known, and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from lokid.providers.settings import LongInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens. ``cached_input``, ``cache_write``: None for the price of other input."""

    input: float | None = None
    output: float | None = None
    cached_input: float | None = None
    cache_write: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """``context``: tokens. ``long``: what all tokens of a request cost that has more than ``above`` tokens
    of input."""

    context: int | None = None
    prices: Prices = Prices()
    above: int | None = None
    long: Prices = Prices()


NOTHING = Facts()

SOURCES: Mapping[str, tuple[str, ...]] = {
    "openai": ("openai",),
    "azure-openai": ("azure", "openai", "anthropic", "deepseek", "x-ai", "moonshotai"),
    "claude": ("anthropic",),
    "gemini": ("google",),
    "vertexai": ("google", "anthropic"),
    "bedrock": ("aws",),
    "cohere": ("cohere",),
}
"""Provider type -> whose facts hold, the first that knows the name. ``openai-compatible`` goes by vendor."""

PRICES = frozenset(("input_price", "output_price", "cached_input_price", "cache_write_price", "long_input"))

_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])(?=[-:]|$)")
_PATTERN = re.compile(r"([\^*$~])(.+)")


def settings(sources: Iterable[str], name: str, kind: str, said: AbstractSet[str]) -> dict[str, Any]:
    """The facts as keys of ``ModelSettings``. ``kind``: type of the model; ``said``: keys that the user
    gives. Who gives a price gives all: half theirs and half the list's would be nobody's."""
    found = find(sources, name)
    known: dict[str, Any] = {}
    if found.context is not None and kind != "reranker":
        known["max_tokens_per_chunk" if kind == "embedding" else "max_input_tokens"] = found.context
    if said.isdisjoint(PRICES):
        known |= _named(found.prices)
        if found.above is not None:
            known["long_input"] = LongInput(above=found.above, **_named(found.long))
    return known


def _named(prices: Prices) -> dict[str, float]:
    columns = {
        "input_price": prices.input,
        "output_price": prices.output,
        "cached_input_price": prices.cached_input,
        "cache_write_price": prices.cache_write,
    }
    return {key: price for key, price in columns.items() if price is not None}


def find(sources: Iterable[str], name: str) -> Facts:
    """What the first of ``sources`` that knows ``name`` says; case does not matter, nor whether a version
    is written 20260305 or 2026-03-05."""
    name = name.lower()
    spellings = dict.fromkeys((name, _COMPACT_DATE.sub(r"-\1-\2-\3", name)))
    for source in sources:
        index = _index(source)
        for spelling in spellings:
            if (line := index.line(spelling)) is not None:
                return _read(line)
    return NOTHING


@dataclass(frozen=True, slots=True)
class _Index:
    names: dict[str, str]
    patterns: tuple[tuple[str, str, str], ...]
    """Kind, text, line; the first that matches counts."""

    def line(self, name: str) -> str | None:
        if (line := self.names.get(name)) is not None:
            return line
        first: str | None = None
        for kind, text, line in self.patterns:
            if first not in (None, line):
                return None  # the first line that might mean it, if not for sure
            if _matches(kind, text, name):
                if _surely(kind, text, name):
                    return line
                first = line
        return None


def _matches(kind: str, text: str, name: str) -> bool:
    match kind:
        case "^":
            return name.startswith(text)
        case "*":
            return text in name
        case "$":
            return name.endswith(text)
    return re.search(text, name) is not None


def _surely(kind: str, text: str, name: str) -> bool:
    """Whether what stands beside ``text`` says no more than where the model is and which version."""
    if kind not in "^*":
        return True
    before, after = ("", name[len(text) :]) if kind == "^" else name.rpartition(text)[::2]
    if not text[-1].isalnum() and after:
        after = f"-{after}"
    return not before[-1:].isalnum() and _VERSION.fullmatch(after) is not None


_VERSION = re.compile(
    r"([-@:/](latest|default|beta|stable|v\d+(:\d+)?(:\d+k)?|\d{3,8}|\d{4}-\d\d-\d\d|\d\d-\d{4}"
    r"|(preview|exp)(-\d\d-\d{2,4})?))*"
)


@cache  # as many as there are sources
def _index(source: str) -> _Index:
    from lokid.providers import prices  # who asks no model does not wait for it

    names: dict[str, str] = {}
    patterns: list[tuple[str, str, str]] = []
    for line in prices.SOURCES[source].strip().splitlines():
        name, _, _, _, *others = line.split()
        for other in (name, *others):
            if pattern := _PATTERN.fullmatch(other):
                patterns.append((pattern[1], pattern[2], line))
            else:
                names[other] = line
    return _Index(names, tuple(patterns))


def _read(line: str) -> Facts:
    _, context, prices, long, *_ = line.split()
    above, _, long_prices = long.partition(":")
    return Facts(
        context=_number(context, int),
        prices=_prices(prices),
        above=_number(above, int),
        long=_prices(long_prices or "-,-,-,-"),
    )


def _prices(text: str) -> Prices:
    return Prices(*(_number(price, float) for price in text.split(",")))


def _number(text: str, kind: Callable[[str], T]) -> T | None:
    return None if text == "-" else kind(text)
