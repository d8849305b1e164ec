"""What tokens cost, for the bill. Over the extra socket no name may be without a price for being odd: a ``*``
of ``extra_socket.models`` allows names that the list of prices does not have, and whoever is at the other end
finds one that the provider serves all the same, ``gpt-4o:online`` or ``gemini-2.5-flash-001``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lokid.chat import Usage
from lokid.errors import LokidError
from lokid.providers.cost import cost_usd
from lokid.rpc.methods import ModelType

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient

PARTS = 8
"""Of a name that are left out, one after the other: a caller's may have thousands."""

LONGEST = 200
"""Characters that are looked at."""

_END = re.compile(r"[^A-Za-z0-9][A-Za-z0-9]*$")


def beginnings(name: str) -> Iterator[str]:
    """``name`` without its last part, without its last two, and so on."""
    name = name[:LONGEST]
    for _ in range(PARTS):
        if (end := _END.search(name)) is None or not end.start():
            return
        name = name[: end.start()]
        yield name


def price(
    client: OpenClient,
    name: str,
    type: ModelType,  # noqa: A002 - the key's name
    guess: bool,
    usage: Usage,
) -> float | None:
    """USD. ``guess``: where no price is known, that of the longest beginning of ``name`` that has one."""
    cost = cost_usd(client.model(name, type), usage)
    for beginning in beginnings(name) if cost is None and guess else ():
        try:
            cost = cost_usd(client.model(beginning, type), usage)
        except LokidError:  # of another type
            continue
        if cost is not None:
            break
    return cost
