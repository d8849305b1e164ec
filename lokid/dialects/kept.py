"""How much of a stream's JSON an answer keeps beside its words: state of the provider, and arguments."""

from __future__ import annotations

from typing import Any

from lokid.errors import ProviderFailed

MAX_KEPT = 500_000
"""Entries of maps and lists. The results of a search are a few thousand; so many empty lists are 30 MB, and
an answer has room for 20 million."""


class Kept:
    """Of one answer."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_KEPT

    def add(self, value: Any) -> None:
        """Raises ``ProviderFailed`` for too much."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                self._left -= len(one) + 1
                inner: Any = one.values()
            elif isinstance(one, list):
                self._left -= len(one) + 1
                inner = one
            else:
                continue
            if self._left < 0:
                raise ProviderFailed("the provider's answer holds more values than an answer has")
            waiting += inner
