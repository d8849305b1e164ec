"""Reasoning that a local model writes as ``<think>...</think>`` before its answer."""

from __future__ import annotations

from typing import Literal

Piece = tuple[Literal["text", "reasoning"], str]

OPEN, CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits text into pieces of reasoning and text, wherever it is cut.

    Only the very beginning (after white space) opens reasoning: a model that *writes about* the tag in
    its answer is left alone. ``opened``: the template has opened it, and the model writes the end alone.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._opened = opened
        self._state: Literal["start", "opened", "think", "gap", "text"] = "start"
        self._held = ""  # at most a tag, or white space

    @property
    def is_open(self) -> bool:
        """Whether all that came is reasoning so far, and whose end has not come."""
        return self._opened and self._state in ("start", "opened", "think")

    def feed(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        text, self._held = self._held + text, ""
        if self._state == "start":
            text = self._begin(text)
        if self._state == "opened" and (text := text.lstrip("\n")):
            self._state = "think"
        if self._state == "think":
            text = self._think(text, pieces)
        if self._state == "gap" and (text := text.lstrip()):
            self._state = "text"
        if self._state == "text" and text:
            pieces.append(("text", text))
        return pieces

    def close(self) -> list[Piece]:
        """What was held back while it could still have become a tag."""
        held, self._held = self._held, ""
        if not held:
            return []
        if self._state == "think" or self._opened:
            return [("reasoning", held)]
        self._state = "text"
        return [("text", held)]

    def _begin(self, text: str) -> str:
        seen = text.lstrip()
        if seen.startswith(OPEN):
            self._state, self._opened = "opened", False
            return seen[len(OPEN) :]
        if OPEN.startswith(seen):  # too short to know, or only white space
            self._held = text
            return ""
        self._state = "opened" if self._opened else "text"
        return text

    def _think(self, text: str, pieces: list[Piece]) -> str:
        thought, closed, rest = text.partition(CLOSE)
        if closed:
            self._state = "gap"
        else:
            kept = next((n for n in range(len(CLOSE) - 1, 0, -1) if text.endswith(CLOSE[:n])), 0)
            thought, self._held = text[: len(text) - kept], text[len(text) - kept :]
        if thought:
            pieces.append(("reasoning", thought))
        return rest


def apart(text: str, *, opened: bool) -> list[Piece]:
    """A whole text."""
    tags = ThinkTags(opened=opened)
    return [*tags.feed(text), *tags.close()]
