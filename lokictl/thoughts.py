"""Thoughts that a model writes into its answer, where its server does not know them as such: nothing in them
is an answer. Some templates open them, so that the answer begins in their middle.

An answer may speak of their tags, or be code that does. So an end of thoughts is one that nothing has opened
where a sentence could not go on: at the beginning of a line, or right behind a word or a full stop.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

_TAG = re.compile(r"[<◁](/?)(?:[a-z]{1,20}[:_])?(?:think|thinking|thought)[>▷]|\[(/?)THINK\]")
"""DeepSeek, Qwen and most others; Seed, LongCat, MiniMax; EXAONE; Kimi; Magistral."""

_MOST_TAGS, _MOST = 1_000, 5
"""Of one answer, and thoughts in the middle of it. One with more is about something else."""

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
    text = _without_leading(text)
    for _ in range(_MOST):
        if (left := _without_first(text)) is None:
            break
        text = left
    return text


def _without_leading(text: str) -> str:
    """Without those that it begins with."""
    at = 0
    while (begin := _TAG.match(text, _begins(text, at))) and not _closes(begin):
        end = next((tag for tag in _tags(text, begin.end()) if _closes(tag)), None)
        if end is None:
            return ""
        at = end.end()
    return text[at:]


def _begins(text: str, at: int) -> int:
    """Where its next letter is."""
    while text[at : at + 1].isspace():
        at += 1
    return at


def _tags(text: str, at: int = 0) -> Iterator[re.Match[str]]:
    found = islice(_TAG.finditer(text, at), _MOST_TAGS)
    return (tag for tag in found if not _is_quoted(text, tag))


def _closes(tag: re.Match[str]) -> bool:
    return bool(tag[1] or tag[2])


def _without_first(text: str) -> str | None:
    """None if there are none."""
    tags = list(_tags(text))
    ends = [number for number, tag in enumerate(tags) if _closes(tag)]
    fences = _Fences(text)
    number = 0
    while number < len(tags):
        tag = tags[number]
        at = bisect_left(ends, number)
        end = tags[ends[at]] if at < len(ends) else None
        if end is tag:
            if _is_end(text, tag) and not fences.hold(tag):
                return text[tag.end() :]
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

    @cached_property
    def _lines(self) -> tuple[list[int], list[bool], list[int]]:
        """Where each begins, whether it is within a fence, and how many fences are up to and with it."""
        starts, within, counts = list[int](), list[bool](), list[int]()
        at, fence, count = 0, "", 0
        for line in self._text.splitlines(keepends=True):
            starts.append(at)
            within.append(bool(fence))
            at += len(line)
            line = line.strip()
            count += _is_fence(line)
            counts.append(count)
            if fence:
                fence = "" if line.startswith(fence) and not line.strip(fence[0]) else fence
            elif _is_fence(line):
                fence = line[:3]
        return starts, within, counts

    def hold(self, tag: re.Match[str]) -> bool:
        """Whether it is code. A fence that is open may be of the thoughts and never end: then whole blocks
        follow, or none."""
        starts, within, counts = self._lines
        line = bisect_right(starts, tag.start()) - 1
        rest = self._text[tag.end() : tag.end() + _NEAR].partition("\n")[0]
        return within[line] and (counts[-1] - counts[line] + _is_fence(rest)) % 2 == 1

    def follow(self, tag: re.Match[str]) -> bool:
        """Whether it begins a line and blocks of code are behind it, not around it. Else the answer is code,
        and the tag is of that."""
        starts, within, counts = self._lines
        line = bisect_right(starts, tag.start()) - 1
        begins = not self._text[starts[line] : tag.start()].strip()
        return begins and not within[line] and counts[-1] > counts[line]


def _is_fence(line: str) -> bool:
    line = line.strip()
    return line.startswith("~~~") or (line.startswith("```") and "`" not in line.lstrip("`"))
