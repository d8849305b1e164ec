"""What tokens cost, for the bill. Over the extra socket no name may be without a price for being odd: a ``*``
of ``extra_socket.models`` allows names that the list of prices does not have, and whoever is at the other end
finds one that the provider serves all the same: ``gpt-4o:online``, ``gemini-2.5-flash-001``,
``models/gemini-2.5-pro``, ``ft:gpt-4.1-mini:me::1``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from lokid.chat import Usage
from lokid.errors import LokidError
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ModelSettings
from lokid.rpc.methods import ModelType

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient

PARTS = 12
"""Of a name that are left out at its end, one after the other: a caller's may have thousands."""

AHEAD = 4
"""Parts that are left out before it, and then up to ``BEHIND`` at its end: 40 names in all, of which the
slowest list of prices takes 7 ms."""

BEHIND = 6

LONGEST = 120
"""Characters that are looked at."""

_END = re.compile(r"[^A-Za-z0-9][A-Za-z0-9]*$")
_BEGIN = re.compile(r"[A-Za-z0-9]*[^A-Za-z0-9]")


def likes(name: str) -> Iterator[str]:
    """What ``name`` may be another name of: first what it begins with, then what is behind a prefix."""
    name = name[:LONGEST]
    yield from beginnings(name, PARTS)
    for _ in range(AHEAD):
        if (begin := _BEGIN.match(name)) is None or begin.end() == len(name):
            return
        name = name[begin.end() :]
        yield name
        yield from beginnings(name, BEHIND)


def beginnings(name: str, parts: int) -> Iterator[str]:
    """``name`` without its last part, without its last two, and so on."""
    for _ in range(parts):
        if (end := _END.search(name)) is None or not end.start():
            return
        name = name[: end.start()]
        yield name


def pricing(
    client: OpenClient,
    name: str,
    type: ModelType,  # noqa: A002 - the key's name
    guess: bool,
) -> Callable[[Usage], float | None]:
    """USD of what was used. ``guess``: where no price is known, that of the first of ``likes`` that has one;
    looked for once."""
    like: list[ModelSettings] | None = None

    def usd(usage: Usage) -> float | None:
        nonlocal like
        cost = cost_usd(client.model(name, type), usage)
        if cost is None and guess:
            if like is None:
                like = [*islice(_priced(client, name, type), 1)]
            cost = cost_usd(like[0], usage) if like else None
        return cost

    return usd


def _priced(client: OpenClient, name: str, type: ModelType) -> Iterator[ModelSettings]:  # noqa: A002
    for like in likes(name):
        with suppress(LokidError):  # of another type
            model = client.model(like, type)
            if model.input_price is not None or model.output_price is not None:
                yield model
