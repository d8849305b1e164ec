"""Thoughts that a model writes into its answer, where its server does not know them as such: nothing in them
is an answer. Some templates open them, so that the answer begins in their middle.

An answer may speak of their tags, or be code that does. In doubt they are thoughts: whoever is given half a
sentence sees that, and whoever is given a command out of thoughts does not.
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

_PAIRS = ("\u201c\u201d", "\u201e\u201c", "\u201e\u201d", "\u2018\u2019", "«»", "»«", "「」")
_SIGNS = "\"'`*_"
_QUOTED = re.compile(rf"(?<![\w{_SIGNS}])(\*\*|__|[{_SIGNS}])$"), rf"{{}}(?![\w{_SIGNS}])"
"""In front of a tag, and behind it."""

_OPEN = tuple(
    re.compile(rf"(?:(?<!\w)|(?<=-\w)|(?<=\b[bfruBFRU])|(?<=\b[rb][br])){quote}[^{quote}]*$")
    for quote in "\"'"
)
"""What a command has in quotes, as far as the tag. The apostrophe of a word is none."""

_CODE = re.compile("(?<!`)`(?!`)")
"""Of a span of code, which ends on its line."""

_NO_BEGIN = "}|,)]\\;&>=:$\"'"
"""With these no command begins."""

_SPACED = "\u2e80"
"""Letters behind it, Chinese and Japanese ones, are written without spaces: nothing ends between two."""

_STOPS = ".!?:)…。\uff01\uff1f"


def without(text: str) -> str:
    """What is left of an answer behind them; nothing, if it begins with some that do not end."""
    text = _without_leading(text)
    for _ in range(_MOST):
        if (left := _without_next(text)) is None:
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


def _without_next(text: str) -> str | None:
    """Up to the last end that nothing has opened, or the first thoughts in the middle. None if there are
    none."""
    tags = list(_tags(text))
    ends = [number for number, tag in enumerate(tags) if _closes(tag)]
    fences = _Fences(text)
    last = None
    number = 0
    while number < len(tags):
        tag = tags[number]
        at = bisect_left(ends, number)
        end = tags[ends[at]] if at < len(ends) else None
        if end is tag:
            if not fences.hold(tag) and (fences.behind(tag) or (last is None and _is_end(text, tag, fences))):
                last = tag
        elif end is not None:
            if fences.hold_both(tag, end) or "\n" not in text[tag.end() : end.start()]:
                number = ends[at]  # a pair that the answer has for its own
            elif _begins_line(text, tag) and not fences.hold(tag):
                if fences.behind(tag) and last is None:
                    return text[: tag.start()] + text[end.end() :]
                number = ends[at]  # in code without fences
        number += 1
    return None if last is None else text[last.end() :]


def _line(text: str, tag: re.Match[str]) -> tuple[str, str]:
    """What is on it in front of the tag and behind it."""
    before = text[max(0, tag.start() - _NEAR) : tag.start()].rpartition("\n")[2]
    return before, text[tag.end() : tag.end() + _NEAR].partition("\n")[0]


def _begins_line(text: str, tag: re.Match[str]) -> bool:
    return not _line(text, tag)[0].strip()


def _is_end(text: str, tag: re.Match[str], fences: _Fences) -> bool:
    """Of thoughts that a template has opened, where no block of code is behind, and not in a sentence or in
    a command that has it in quotes."""
    before, behind = _line(text, tag)
    if not before.strip():
        return True
    if fences.before(tag):
        if not behind.strip():
            return bool(text[tag.end() :].strip())
    elif (behind[:1] and behind[0] in _NO_BEGIN) or any(
        (found := one.search(before)) and re.search(rf"{found[0][0]}(?!\w)", behind) for one in _OPEN
    ):
        return False
    if before.rstrip()[-1] in _STOPS:
        return True
    if before[-1].isalpha() and behind[:1].isalpha() and min(before[-1], behind[0]) > _SPACED:
        return False
    return not before[-1].isspace() and not behind[:1].isspace()


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    """In a span of code, or the tag and nothing else in quotes."""
    before, behind = _line(text, tag)
    if len(_CODE.findall(before)) % 2 and _CODE.search(behind):
        return True
    if before[-1:] + behind[:1] in _PAIRS:
        return True
    opening = _QUOTED[0].search(before)
    return bool(opening and re.match(_QUOTED[1].format(re.escape(opening[1])), behind))


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

    def _of(self, tag: re.Match[str]) -> tuple[bool, int, int]:
        """Whether it is within one, how many are in front, and behind it."""
        starts, within, counts = self._lines
        line = bisect_right(starts, tag.start()) - 1
        rest = self._text[tag.end() : tag.end() + _NEAR].partition("\n")[0]
        return within[line], counts[line], counts[-1] - counts[line] + _is_fence(rest)

    def hold(self, tag: re.Match[str]) -> bool:
        """Whether it is code. A fence that is open may be of the thoughts and never end: then whole blocks
        follow, or none."""
        within, _, behind = self._of(tag)
        return within and behind % 2 == 1

    def hold_both(self, tag: re.Match[str], end: re.Match[str]) -> bool:
        """In one block of code."""
        within, before, _ = self._of(tag)
        return within and self._of(end)[1] == before

    def before(self, tag: re.Match[str]) -> bool:
        return self._of(tag)[1] > 0

    def behind(self, tag: re.Match[str]) -> bool:
        return self._of(tag)[2] > 0


def _is_fence(line: str) -> bool:
    line = line.strip()
    return line.startswith("~~~") or (line.startswith("```") and "`" not in line.lstrip("`"))
