"""Thoughts that a model writes into its answer, where its server does not know them as such: nothing in them
is an answer. Some templates open them, so that the answer begins in their middle."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

_TAG = re.compile(r"<(/?)(?:seed:)?(?:think|thinking|thought)>|\[(/?)THINK\]")
"""DeepSeek, Qwen and most others; Seed; EXAONE; Magistral."""

_NEAR = 500
"""Characters of its line by which a tag is in quotes or not."""

_MOST = 10
"""Thoughts of one answer."""


def without(text: str) -> str:
    """What is left of an answer behind them; nothing, if it begins with some that do not end."""
    for _ in range(_MOST):
        if (left := _without_first(text)) is None:
            return text
        text = left
    return ""


def _without_first(text: str) -> str | None:
    """None if there are none."""
    tags = [found for found in _TAG.finditer(text) if not _is_quoted(text, found)]
    ends = [number for number, tag in enumerate(tags) if _closes(tag)]
    fences = _Fences(text) if tags else None
    number = 0
    while fences is not None and number < len(tags):
        tag = tags[number]
        fence, behind = fences.at(tag)
        before = text[: tag.start()]
        at = bisect_left(ends, number)
        end = tags[ends[at]] if at < len(ends) else None
        if end is tag:
            # A fence that is open may be of the thoughts and never end: then whole blocks follow, or none.
            if not fence or behind % 2 == 0:
                return text[tag.end() :]
        elif end is None:
            return None if before.strip() else ""
        elif not fence and not before.rpartition("\n")[2].strip():
            return before + text[end.end() :]
        elif fence or "\n" not in text[tag.end() : end.start()]:
            number = ends[at]  # a pair in code, or within one line
        number += 1
    return None


def _closes(tag: re.Match[str]) -> bool:
    return bool(tag[1] or tag[2])


_OPENING = {quote: re.compile(rf"(?<![\w{quote}]){quote}(?!{quote})[^{quote}]*$") for quote in "'\"`"}
"""Of what a line has in quotes, to the end of what there is of it."""


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """A command has one of its own in quotes; the apostrophe of a word is none."""
    before = text[max(0, tag.start() - _NEAR) : tag.start()].rpartition("\n")[2]
    behind = text[tag.end() : tag.end() + _NEAR].partition("\n")[0]
    return any(quote in behind and opening.search(before) for quote, opening in _OPENING.items())


class _Fences:
    """Where those of a text are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []
        self._open: list[str] = []  # before each line
        self._count: list[int] = []  # of fences, up to and with each line
        at, fence, count = 0, "", 0
        for line in text.splitlines(keepends=True):
            self._starts.append(at)
            self._open.append(fence)
            at += len(line)
            line = line.strip()
            count += is_fence(line)
            self._count.append(count)
            if fence:
                fence = "" if line.startswith(fence) and not line.strip(fence[0]) else fence
            elif is_fence(line):
                fence = line[:3]

    def at(self, tag: re.Match[str]) -> tuple[str, int]:
        """The one that is open there, and how many lines behind it are one."""
        line = bisect_right(self._starts, tag.start()) - 1
        rest = self._text[tag.end() :].partition("\n")[0]
        return self._open[line], self._count[-1] - self._count[line] + is_fence(rest)


def is_fence(line: str) -> bool:
    line = line.strip()
    return line.startswith("~~~") or (line.startswith("```") and "`" not in line.lstrip("`"))
