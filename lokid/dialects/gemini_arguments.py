"""Arguments of one of Gemini's tool calls: whole, or in pieces with the place where each belongs.

The pieces (``streamFunctionCallArguments``, Vertex AI only, and only if ``extra_body`` asks for them) are
``{jsonPath: "$.a.b[0]", stringValue | numberValue | boolValue | nullValue, willContinue?}``; the texts of one
place that continues are joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lokid.dialects.parts import not_an_object
from lokid.dialects.untrusted import fits, items, mapping, text
from lokid.errors import ProviderFailed

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,6})\]|\['([^']*)'\]|\["([^"]*)"\]""")

MAX_STEPS = 32
"""Steps of a path: as deep as anything goes that our callers get."""


@dataclass
class _Text:
    """A text that is not complete, and where it belongs."""

    path: str
    holder: Any
    step: str | int
    pieces: list[str]


class Arguments:
    """Raises ``ProviderFailed`` for what is no JSON object."""

    def __init__(self, tool: str) -> None:
        self._value: dict[str, Any] = {}
        self._tool = tool
        self._text: _Text | None = None

    def value(self) -> dict[str, Any]:
        """What has come so far."""
        self._end_text()
        return self._value

    def take(self, call: Mapping[str, Any]) -> None:
        """``call``: one ``functionCall``."""
        args = call.get("args")
        if args is not None:
            if not isinstance(args, dict) or not fits(args):
                raise self._failed()
            self._value.update(args)
        for piece in map(mapping, items(call.get("partialArgs"))):
            self._piece(piece)

    def _piece(self, piece: Mapping[str, Any]) -> None:
        path = text(piece.get("jsonPath"))
        value = next(
            (piece[key] for key in ("stringValue", "numberValue", "boolValue") if key in piece), None
        )
        if isinstance(value, dict | list) or not fits(value):
            raise self._failed()
        if self._text is None or self._text.path != path or not isinstance(value, str):
            self._end_text()
            holder, step = self._place(path)
            self._set(holder, step, value)
            self._text = _Text(path, holder, step, [value]) if isinstance(value, str) else None
        else:
            self._text.pieces.append(value)
        if not piece.get("willContinue"):
            self._end_text()

    def _end_text(self) -> None:
        if self._text:
            self._set(self._text.holder, self._text.step, "".join(self._text.pieces))
        self._text = None

    def _place(self, path: str) -> tuple[Any, str | int]:
        """What holds the value, and the value's key in it."""
        steps = self._steps(path)
        holder: Any = self._value
        for step, following in pairwise(steps):
            inner = self._get(holder, step)
            if inner is None:
                inner = [] if isinstance(following, int) else {}
                self._set(holder, step, inner)
            holder = inner
        self._get(holder, steps[-1])
        return holder, steps[-1]

    def _steps(self, path: str) -> list[str | int]:
        steps: list[str | int] = []
        place = 1
        while place < len(path) and len(steps) < MAX_STEPS and (step := _STEP.match(path, place)):
            steps.append(int(step[2]) if step[2] else step[1] or step[3] or step[4] or "")
            place = step.end()
        if not path.startswith("$") or place != len(path) or not steps or isinstance(steps[0], int):
            raise self._failed()
        return steps

    def _get(self, holder: Any, step: str | int) -> Any:
        if isinstance(holder, dict) and isinstance(step, str):
            return holder.get(step)
        if isinstance(holder, list) and isinstance(step, int) and step <= len(holder):
            return holder[step] if step < len(holder) else None
        raise self._failed()

    def _set(self, holder: Any, step: Any, value: Any) -> None:
        """After ``_get`` of the same place: an index is at most one beyond the end."""
        if isinstance(holder, list) and step == len(holder):
            holder.append(value)
        else:
            holder[step] = value

    def _failed(self) -> ProviderFailed:
        return not_an_object(self._tool)
