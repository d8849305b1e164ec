"""What gateways to other providers want back of their thoughts, whole and as it came, while it arrives.

``reasoning_details`` are OpenRouter's, ``thinking_blocks`` LiteLLM's (Claude and Bedrock behind it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokid.dialects.kept import Kept
from lokid.dialects.untrusted import fits, items, text
from lokid.errors import ProviderFailed

FIELDS = {"reasoning_details": "details", "thinking_blocks": "blocks"}
"""Of a message, and what they are called in ``opaque``."""

MAX_DETAILS = 10_000
"""Of one answer. Honest ones have a few."""

_TEXTS = ("text", "summary", "data", "thinking")


class ReasoningState:
    """Of one answer."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._told: dict[str, _Details] = {}

    @property
    def begun(self) -> bool:
        return bool(self._told)

    def add(self, delta: Mapping[str, Any]) -> None:
        """Raises ``ProviderFailed`` for too much."""
        for field, name in FIELDS.items():
            for detail in items(delta.get(field)):  # encrypted ones have no text
                if isinstance(detail, dict) and fits(detail):
                    self._told.setdefault(name, _Details(self._kept)).add(detail)

    def whole(self) -> dict[str, list[dict[str, Any]]]:
        return {name: details.whole() for name, details in self._told.items()}


class _Details:
    """Fragments of one detail are joined again. Texts are kept in pieces: joining each time would be
    quadratic."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._details: list[tuple[dict[str, Any], dict[str, list[str]]]] = []

    def add(self, detail: dict[str, Any]) -> None:
        last, pieces = self._details[-1] if self._details else ({}, {})
        if not (last and _goes_on(last, detail)):
            if len(self._details) >= MAX_DETAILS:
                raise ProviderFailed(f"the provider's answer has more than {MAX_DETAILS} pieces of reasoning")
            self._kept.add(detail)
            self._details.append((dict(detail), {}))
            return
        for key, value in detail.items():
            if key in _TEXTS and isinstance(value, str):
                pieces.setdefault(key, [text(last.get(key))]).append(value)
            elif value is not None:
                # Long thoughts are a hundred thousand fragments that say the same type and index again.
                if key not in last or isinstance(value, (dict, list)):
                    self._kept.add([value])
                pieces.pop(key, None)
                last[key] = value

    def whole(self) -> list[dict[str, Any]]:
        return [last | {key: "".join(said) for key, said in pieces.items()} for last, pieces in self._details]


def _goes_on(last: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    if any(last.get(key) != detail.get(key) for key in ("type", "index", "id")):
        return False
    kind = last.get("type")  # LiteLLM numbers few of its blocks: a signature is the end of one
    return kind != "redacted_thinking" and not (kind == "thinking" and last.get("signature"))
