"""Thoughts that a model writes into its answer, where its server does not know them as such: nothing in them
is an answer. Some templates open them, so that the answer begins in their middle.

An answer may speak of their tags, or be code that does. So an end of thoughts is one that nothing has opened
where a sentence could not go on: at the beginning of a line, or right behind a word or a full stop.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

_TAG = re.compile(r"[<◁](/?)(?:[a-z]{1,20}[:_])?(?:think|thinking|thought)[>▷]|\[(/?)THINK\]")
"""DeepSeek, Qwen and most others; Seed, LongCat, MiniMax; EXAONE; Kimi; Magistral."""

_MOST_TAGS, _MOST = 1_000, 50
"""Of one answer, and thoughts of it. One with more is about something else."""

_NEAR = 500
"""Characters of its line by which a tag is in quotes or not."""

_QUOTES = (
    re.compile(r"(?<!\w)'|'(?!\w)"),  # no apostrophe
    re.compile('"'),
    re.compile("(?<!`)`(?!`)"),  # no fence
)
_AROUND = ("“”", "„“", "„”", "\u2018\u2019", "«»", "»«", "「」", "{}", "**", "__", "()", "[]")

_STOPS = ".!?:…。\uff01\uff1f"


def without(text: str) -> str:
    """What is left of an answer behind them; nothing, if it begins with some that do not end."""
    for _ in range(_MOST):
        if (left := _without_first(text)) is None:
            break
        text = left
    return text


def _without_first(text: str) -> str | None:
    """None if there are none."""
    found = list(_TAG.finditer(text))
    if len(found) > _MOST_TAGS or not (tags := [tag for tag in found if not _is_quoted(text, tag)]):
        return None
    ends = [number for number, tag in enumerate(tags) if tag[1] or tag[2]]
    fences = _Fences(text)
    begins = len(text) - len(text.lstrip())
    number = 0
    while number < len(tags):
        tag = tags[number]
        at = bisect_left(ends, number)
        end = tags[ends[at]] if at < len(ends) else None
        if end is tag:
            if _is_end(text, tag) and not fences.holds(tag):
                return text[tag.end() :]
        elif tag.start() == begins:
            return text[end.end() :] if end is not None else ""
        elif end is not None:
            if fences.follow(tag):
                return text[: tag.start()] + text[end.end() :]
            number = ends[at]  # a pair that the answer has for its own
        number += 1
    return None


def _is_end(text: str, tag: re.Match[str]) -> bool:
    """Of thoughts that a template has opened, and no word of a sentence."""
    before = text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()][-_NEAR:]
    behind = text[tag.end() : tag.end() + 1]
    if not before.strip():
        return True
    if behind in ("", "\n", "\r") or not behind.isspace():
        return not before[-1].isspace()
    return before[-1] in _STOPS


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """A command has one of its own in quotes."""
    before = text[max(0, tag.start() - _NEAR) : tag.start()].rpartition("\n")[2]
    behind = text[tag.end() : tag.end() + _NEAR].partition("\n")[0]
    if before[-1:] + behind[:1] in _AROUND:
        return True
    return any(len(quotes.findall(before)) % 2 and quotes.search(behind) for quotes in _QUOTES)


class _Fences:
    """Where those of a text are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []
        self._open: list[bool] = []  # before each line
        self._count: list[int] = []  # of fences, up to and with each line
        at, fence, count = 0, "", 0
        for line in text.splitlines(keepends=True):
            self._starts.append(at)
            self._open.append(bool(fence))
            at += len(line)
            line = line.strip()
            count += _is_fence(line)
            self._count.append(count)
            if fence:
                fence = "" if line.startswith(fence) and not line.strip(fence[0]) else fence
            elif _is_fence(line):
                fence = line[:3]

    def _line(self, tag: re.Match[str]) -> int:
        return bisect_right(self._starts, tag.start()) - 1

    def _behind(self, tag: re.Match[str]) -> int:
        rest = self._text[tag.end() : tag.end() + _NEAR].partition("\n")[0]
        return self._count[-1] - self._count[self._line(tag)] + _is_fence(rest)

    def holds(self, tag: re.Match[str]) -> bool:
        """Whether it is code. A fence that is open may be of the thoughts and never end: then whole blocks
        follow, or none."""
        return self._open[self._line(tag)] and self._behind(tag) % 2 == 1

    def follow(self, tag: re.Match[str]) -> bool:
        """Whether it begins a line and blocks of code are behind it, not around it. Else the answer is code,
        and the tag is of that."""
        line = self._line(tag)
        begins = not self._text[self._starts[line] : tag.start()].strip()
        return begins and not self._open[line] and self._count[-1] > self._count[line]


def _is_fence(line: str) -> bool:
    line = line.strip()
    return line.startswith("~~~") or (line.startswith("```") and "`" not in line.lstrip("`"))
