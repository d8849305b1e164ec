"""OpenRouter's ``reasoning_details`` while they arrive: they must go back whole, as they came."""

from __future__ import annotations

from typing import Any

from lokid.dialects.kept import Kept
from lokid.dialects.untrusted import text
from lokid.errors import ProviderFailed

MAX_DETAILS = 10_000
"""Of one answer. Honest ones have a few."""

_TEXTS = ("text", "summary", "data")


class ReasoningDetails:
    """Fragments of one detail (same type, index and id) are joined again. Texts are kept in pieces: joining
    each time would be quadratic."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._details: list[tuple[dict[str, Any], dict[str, list[str]]]] = []

    @property
    def begun(self) -> bool:
        return bool(self._details)

    def add(self, detail: dict[str, Any]) -> None:
        """Raises ``ProviderFailed`` for too many."""
        last, pieces = self._details[-1] if self._details else ({}, {})
        if not (self._details and all(last.get(key) == detail.get(key) for key in ("type", "index", "id"))):
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
