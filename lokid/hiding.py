"""Finding a secret in a text however it was written there.

What repeats a secret does not always repeat it letter by letter: JSON and URLs escape some of it, in upper
or lower case; a terminal's width breaks it; somebody who wants it to be seen puts characters in between that
nobody sees. So texts and secrets are compared as ``bare`` has them: escapes resolved, without what is not
visible, without case. No text is shown like that; it only says which part of the original has to go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SHORTEST = 8
"""Characters of a bare secret. Shorter ones would be found across the words of any sentence."""

LONGEST = 64 * 1024
"""Characters of a text that are looked at like this: 30 ms. Texts of errors are cut off long before."""

FEW = 300
"""Needles that are looked for one after the other. With more it is quicker to look once at each place of the
text."""

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]+"
)
"""Unicode's Default_Ignorable_Code_Point as far as it is no format character (Cf), and Braille's blank."""

# Escapes may be escaped again ("%2541", "\\\\u0041"); the bounds keep the work linear.
_UNIT = re.compile(
    r"%(?:25){0,4}([0-9a-fA-F]{2})"
    r"|\\{1,8}(?:u\{?|U0000)([0-9a-fA-F]{2,4})\}?"
    r"|\\{1,8}x([0-9a-fA-F]{2})"
    r"|&(?:amp;){0,4}#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}));"
    r"|&(?:amp;){0,4}([a-zA-Z]{2,10};)"
    r"|\\{1,8}([0-3][0-7]{2})"
    r"|\\{1,8}([^\w\s\\])"
    r"|(.)",
    re.DOTALL,
)
_CUT = re.compile(
    r"(?:%(?:25){0,4}[0-9a-fA-F]?|\\{1,8}[uUxX]?\{?[0-9a-fA-F]{0,3}|&(?:amp;){0,4}#?[0-9a-zA-Z]{0,10})\Z"
)
"""An escape that was cut in its middle."""
_ESCAPES = re.compile(r"[%\\&]")
_UNSEEN = dict.fromkeys([*range(0x21), 0x7F])


def visible(text: str) -> str:
    """``text`` without what takes no place on a screen: format characters (Cf), soft hyphens and blanks."""
    if text.isascii():
        return text
    from unicodedata import category  # a megabyte that nobody needs for plain text

    return _BLANK.sub("", "".join(each for each in text if category(each) != "Cf"))


def bare(text: str) -> str:
    """``text`` as it is compared."""
    if text.isascii() and not _ESCAPES.search(text):
        return text.translate(_UNSEEN).lower()
    return "".join(letters for _, _, letters in _units(text))


def _units(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each character of ``text`` begins and ends, however it is written, and what is bare of it."""
    for unit in _UNIT.finditer(text):
        percent, escaped, in_two, in_hex, in_decimal, name, in_octal, quoted, plain = unit.groups()
        if code := percent or escaped or in_two or in_hex:
            letter = _letter(int(code, 16))
        elif in_decimal:
            letter = _letter(int(in_decimal))
        elif name:
            letter = _named(name)
        elif in_octal:
            letter = _letter(int(in_octal, 8))
        else:
            letter = quoted or plain
        yield unit.start(), unit.end(), _folded(letter)


def _letter(code: int) -> str:
    return chr(code) if code <= 0x10FFFF else ""


def _named(name: str) -> str:
    """The letter, or what is no name of one as it is."""
    from html.entities import html5  # 2,000 names that nobody needs for plain text

    return html5.get(name, f"&{name}")


def _folded(letter: str) -> str:
    if letter.isascii():
        return letter.translate(_UNSEEN).lower()
    from unicodedata import category, normalize

    # Wide, raised and circled letters become plain ones; marks above and below letters go.
    seen = (each for each in normalize("NFKD", letter) if category(each)[0] not in "CMZ")
    return _BLANK.sub("", "".join(seen)).lower()


class Needles:
    """What to look for, by its first letters: tokens rotate for as long as lokid lives, and a line of the log
    must not take longer for it. Threads may look while another one adds or drops."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._by_head: dict[str, tuple[str, ...]] = {}
        self._many = 0
        self.add(texts)

    def add(self, texts: Iterable[str]) -> None:
        """Those that are long enough; what is added twice is there until it is dropped twice."""
        for text in texts:
            if len(text) >= SHORTEST:
                self._by_head[text[:SHORTEST]] = (*self._by_head.get(text[:SHORTEST], ()), text)
                self._many += 1

    def drop(self, texts: Iterable[str]) -> None:
        for text in texts:
            if len(text) >= SHORTEST:
                alike = self._by_head[text[:SHORTEST]]
                at = alike.index(text)
                self._many -= 1
                if len(alike) > 1:
                    self._by_head[text[:SHORTEST]] = alike[:at] + alike[at + 1 :]
                else:
                    del self._by_head[text[:SHORTEST]]

    def __iter__(self) -> Iterator[str]:
        for alike in list(self._by_head.values()):  # as it is now
            yield from alike

    def within(self, text: str) -> list[str]:
        """Those that ``text`` has, the longest first: one secret may be a part of another."""
        if self._many <= FEW:
            found = {needle for needle in self if needle in text}
        else:
            found = {
                needle
                for at in range(len(text) - SHORTEST + 1)
                for needle in self._by_head.get(text[at : at + SHORTEST], ())
                if text.startswith(needle, at)
            }
        return sorted(found, key=len, reverse=True)


def needles(forms: Iterable[str]) -> set[str]:
    """``forms`` as they are compared. A ``&lt;`` or ``%41`` in a secret may be no escape of anything, but of
    its own."""
    found: set[str] = set()
    for form in forms:
        found.add(bare(form))
        if _ESCAPES.search(form):
            found.add("".join(map(_folded, form)))
    return found


def hide(text: str, wanted: Needles, mark: str) -> str:
    """``text`` with ``mark`` in the place of everything that is bare one of ``wanted``."""
    if len(text) > LONGEST:
        text, rest = text[:LONGEST], text[LONGEST:]
        return hide(text, wanted, mark) + rest
    found = wanted.within(bare(text))
    if not found:
        return text
    # Each letter of ``seen`` -> the unit that it comes from.
    units = list(_units(text))
    origin = [number for number, (_, _, letters) in enumerate(units) for _ in letters]
    shown, done = [], 0
    for match in re.finditer("|".join(map(re.escape, found)), "".join(letters for _, _, letters in units)):
        begin, end = units[origin[match.start()]][0], units[origin[match.end() - 1]][1]
        shown += [text[done:begin], mark]
        done = end
    return "".join((*shown, text[done:]))


def hide_rest(text: str, known: Iterable[str], mark: str, marks: re.Pattern[str], shortest: int) -> str:
    """``text`` without what was left of one of ``known`` on either side of ``marks``, which stand for a part
    that somebody else took out. ``shortest``: letters that are taken for a part."""
    wanted = tuple(known)
    pieces: list[str] = []
    done = 0
    follows = False  # a mark
    for found in (*marks.finditer(text), None):
        piece = text[done : found.start() if found else len(text)]
        pieces.append(_without_ends(piece, wanted, mark, shortest, begins=follows, ends=found is not None))
        if found:
            pieces.append(found[0])
            done, follows = found.end(), True
    return "".join(pieces)


def _without_ends(
    piece: str, wanted: tuple[str, ...], mark: str, shortest: int, *, begins: bool, ends: bool
) -> str:
    """``begins`` and ``ends``: a mark is there. What looks like an escape that was cut may be none, but of
    the secret's own letters."""
    forms = {piece, _CUT.sub("", piece)} if ends else {piece}
    first, last = 0, len(piece)
    for units in [list(_units(form)) for form in forms]:
        seen = "".join(letters for _, _, letters in units)
        if begins and ends and len(seen) >= shortest and any(seen in needle for needle in wanted):
            return mark
        origin = [number for number, (_, _, letters) in enumerate(units) for _ in letters]
        if begins and (length := _longest(seen, wanted, shortest, at_end=False)):
            first = max(first, units[origin[length - 1]][1])
        if ends and (length := _longest(seen, wanted, shortest, at_end=True)):
            last = min(last, units[origin[-length]][0])
    before, last = mark if first else "", max(first, last)
    return f"{before}{piece[first:last]}{mark if last < len(piece) else ''}"


def _longest(seen: str, wanted: tuple[str, ...], shortest: int, *, at_end: bool) -> int:
    """Letters at the end of ``seen`` that begin one of ``wanted``; or at its beginning, that end one."""
    most = 0
    for needle in wanted:
        for length in range(min(len(needle), len(seen)), max(most, shortest - 1), -1):
            if seen.endswith(needle[:length]) if at_end else seen.startswith(needle[-length:]):
                most = length
                break
    return most
