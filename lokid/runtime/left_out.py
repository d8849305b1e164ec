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
    """Of one client, by model and API."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, float]] = {}

    def of(self, model: str, api: str, exchange: Exchange[T]) -> Exchange[T]:
        """``exchange``, put as the server took it."""
        name, until = self._known.get((model, api), ("", 0.0))
        if not name or exchange.amend is None:
            return exchange
        if anyio.current_time() >= until:
            del self._known[model, api]
            return exchange
        return exchange.amend(BadRequest("", status=400), name.encode()) or exchange

    def learn(self, model: str, api: str, exchange: Exchange[T]) -> None:
        """The server has answered this one, and not the one before."""
        self._known[model, api] = exchange.left_out, anyio.current_time() + REMEMBERED_S
