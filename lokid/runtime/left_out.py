"""What a server did not take last time: it would refuse each question once."""

from __future__ import annotations

from typing import TypeVar

import anyio

from lokid.errors import BadRequest
from lokid.providers.base import Exchange

T = TypeVar("T")

REMEMBERED_S = 3600.0
"""For so long it is believed; the server may have been updated."""


class LeftOut:
    """Of one client, by model and API. Believed when it has happened twice in a row: one refusal may be of
    another server behind a gateway, and without ``stream_options`` nobody knows what an answer costs."""

    def __init__(self) -> None:
        self._once: set[tuple[str, str]] = set()
        self._known: dict[tuple[str, str], tuple[str, float]] = {}

    def of(self, model: str, api: str, exchange: Exchange[T]) -> Exchange[T]:
        """``exchange``, put as the server took it."""
        name, until = self._known.get((model, api), ("", 0.0))
        if not name or exchange.amend is None:
            return exchange
        if anyio.current_time() >= until:
            del self._known[model, api]
            self._once.discard((model, api))
            return exchange
        return exchange.amend(BadRequest("", status=400), name.encode()) or exchange

    def learn(self, model: str, api: str, exchange: Exchange[T]) -> None:
        """The server has answered this one: the first, or one that was put otherwise."""
        if exchange.left_out and (model, api) in self._once:
            self._known[model, api] = exchange.left_out, anyio.current_time() + REMEMBERED_S
        elif exchange.left_out:
            self._once.add((model, api))
        elif exchange.amend is not None:
            self._once.discard((model, api))
