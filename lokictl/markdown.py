"""Markdown on a terminal while it streams.

Strategy: what has been printed stays as it is, and the cursor never moves up, so nothing that a terminal does
(resizing, scrolling) can make this overwrite anything. The text is cut into blocks (a paragraph, an item
of a list, a block of code, ...); the lines of a block that later text cannot change any more are printed for
good, and only the last line is drawn again, in place, as it grows.

rich lays out the blocks; its import costs 100 ms, and only this and ``elements`` import it. What is printed
is cleaned after that too: an entity like ``&#x202e;`` is a character only then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment

from lokictl.elements import Block, Wide, highlighted
from lokictl.render import clean, write

WIDEST = 100
"""Columns of prose. Longer lines are hard to read; code is never broken by us."""

CONTEXT = 200
"""Lines of code above a new one that its colours depend on. All of them would make long answers quadratic."""

PATIENCE = 300
"""Characters after which a ``*`` or ``[`` that nothing closes is a character like others."""

_FENCE = re.compile(r" {0,3}(`{3,}+|~{3,}+)\s*+([^`\s]*+)[^`]*+$")  # each of them once: a line may be a MiB
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s+\S")
_HEADING = re.compile(r"#{1,6}\s+\S")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*$")
_DELIMITERS = re.compile(r"[\s|:-]*$")  # or the beginning of them
_MARKERS = re.compile(r"(?:\s*(?:>|[-*+]\s|\d{1,9}[.)]\s))*")
"""Of the quotes and items that a line is in. It is at the beginning of every line, if only with nothing."""

_QUOTE = "\u258c "
"""Before each row of a quote."""

_INLINE = re.compile(
    r"\n[>\s]*\n|\n[>\s]*(?:[-*+]|\d{1,9}[.)])\s|\\.|`+|\*\*|~~|(?<!\s)\*|\*(?!\s)|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)|\[|\]\(|\]|\)"
)

_ENTITY = re.compile(r"&#?\w{0,32}\Z")  # or the beginning of one
_FENCES = ("`", "``", "~", "~~")  # beginnings of a fence, or marks

_STYLE = re.compile(r"(\x1b\[[\d;]*m)")


class Rendered:
    """As ``reply.Answer``: ``feed`` text as it comes, ``end``. ``colour``: whether styles may be used,
    ``moving``: whether ``fd`` is a terminal on which a line can be drawn again."""

    def __init__(self, fd: int, *, colour: bool, moving: bool, width: Any) -> None:
        self._fd = fd
        self._moving = moving
        self._width = width  # () -> columns
        self._wide = 0  # of the block: how many rows of it are printed holds for that width alone
        self._console = Wide(force_terminal=True, color_system="standard" if colour else None, width=80)
        self._colour = colour
        self._partial = ""  # the last line, as long as it is not complete
        self._block: list[str] = []  # complete lines of the block that is not complete
        self._fence = ""  # what closes the block of code that is open, in an item too
        self._language: str | None = None  # of a block of code that is a block of its own
        self._printed: list[str] = []  # rows of this block, without their colours, that stay as they are
        self._drawn = ""  # what is on the last line of the screen
        self._gap = False  # a blank line comes before the next block
        self._any = False  # whether anything was printed
        self.started = False

    def feed(self, text: str) -> None:
        if not text:
            return
        self.started = True
        *lines, self._partial = (self._partial + text).replace("\r\n", "\n").split("\n")
        for line in lines:
            self._line(clean(line))
        if not self._fence and self._begins(clean(self._partial.removesuffix("\r"))):
            self._finish()
        self._show(done=False)

    def end(self) -> None:
        if self._partial:
            self._line(clean(self._partial))
            self._partial = ""
        self._finish()

    # --- cutting the text into blocks

    def _line(self, line: str) -> None:
        fence = _FENCE.match(
            line if self._language is not None else line.lstrip() if self._in_item() else line
        )
        if self._fence:
            closed = line.strip()
            if len(closed) >= len(self._fence) and not closed.strip(self._fence[0]):
                self._fence = ""
                if self._language is not None:
                    self._finish()
                    return
            self._block.append(line)
        elif not line.strip():
            if self._in_item():
                self._block.append("")  # an item goes on if the next line is indented
            else:
                self._finish()
            self._gap = self._gap or not self._block
        elif fence and self._in_item() and line.startswith(" "):
            self._fence = fence[1]
            self._block.append(line)
        elif fence:
            self._finish()
            self._gap = self._any
            self._fence, self._language = fence[1], fence[2]
        else:
            if self._begins(line):
                self._finish()
                self._gap = self._gap or bool(_HEADING.match(line))
            self._block.append(line)
            if _HEADING.match(line) or (len(self._block) == 1 and _RULE.match(line)):
                self._finish()

    def _in_item(self) -> bool:
        return bool(self._block) and self._language is None and bool(_ITEM.match(self._block[0]))

    def _begins(self, line: str) -> bool:
        """Whether ``line`` is the first of another block."""
        if not self._block or not line.strip():
            return False
        if self._in_item() and self._block[-1] == "" and not line.startswith(" "):
            return True
        return bool(_ITEM.match(line) or _HEADING.match(line))

    def _finish(self) -> None:
        """The block is complete."""
        if not self._block and self._language is None:
            return
        gap = bool(self._block) and self._block[-1] == ""
        self._show(done=True)
        if self._drawn:  # what looked like a line and was the end of the code
            self._drawn = ""
            write(self._fd, "\r\x1b[K")
        heading = bool(self._block) and bool(_HEADING.match(self._block[0]))
        self._gap = gap or heading or self._language is not None
        self._block, self._fence, self._language, self._printed = [], "", None, []

    # --- showing them

    def _show(self, *, done: bool) -> None:
        partial = "" if done else clean(self._partial.removesuffix("\r"))  # of CR LF, perhaps
        if self._language is None and partial.strip() in _FENCES:
            partial = ""  # as a mark it would close what a fence leaves open
        lines = [*self._block, *([partial] if partial else [])]
        if not any(line.strip() for line in lines):
            return
        if not self._block and self._language is None and lines[0].lstrip()[:1] in ("`", "~"):
            return  # perhaps a fence
        printed = len(self._printed)
        if self._language is not None:
            rows = self._code(lines, self._language)[printed:]
            sure = len(self._block) - printed
        else:
            if not (self._printed or self._drawn):  # a resize holds from the next block on
                self._wide = max(min(self._width() - 1, WIDEST), 10)
            text = "\n".join(lines)
            all_rows = self._prose(text)
            rows = self._new(all_rows)
            sure = len(rows) if done else self._sure(lines, text) - (len(all_rows) - len(rows))
        out = ""
        sure = max(sure, 0)
        for row in rows[:sure]:
            out += self._draw(row, sure=True) + "\n"
            self._drawn, self._any = "", True
            self._printed.append(_plain(row))
        if not done and self._moving and sure < len(rows):
            # Code only grows. All else may change, and then has to be on one line of the screen.
            last = rows[-1] if self._language is not None else _front(rows[-1], self._width())
            out += self._draw(last, sure=False)
        if out:
            write(self._fd, out)

    def _new(self, rows: list[str]) -> list[str]:
        """``rows`` from the first on that is not printed yet. Where later text gave a mark another meaning
        than it had on the screen, the words are in other rows now: what is printed ends behind as many of
        their letters as before."""
        at = len(self._printed)
        if [_plain(row) for row in rows[:at]] == self._printed:
            return rows[at:]
        said = sum(map(_letters, self._printed))
        for at, row in enumerate(rows):
            here = _letters(_plain(row))
            if said < here:
                rest = _part(row, _end_of(_plain(row), said), len(row)).lstrip() if said else row
                return [rest, *rows[at + 1 :]]
            said -= here
        return []

    def _draw(self, row: str, *, sure: bool) -> str:
        """What makes the last line of the screen ``row``. One that is wider than the screen is several lines
        there, and the cursor does not move up: it can only go on, and what cannot go on waits until it is
        sure."""
        before = self._drawn
        if row.startswith(before):
            more = row[len(before) :]
        elif self._can_go(before):
            more = f"\r\x1b[K{row}"
        elif _plain(row).startswith(_plain(before)):
            more = _part(row, len(_plain(before)), len(row))
        elif sure:
            more = f"\n{row}"
        else:
            return ""
        gap, self._gap = ("\n" if self._gap and not before and not self._printed else ""), False
        self._drawn = row
        return gap + more

    def _can_go(self, row: str) -> bool:
        return bool(cell_len(_plain(row).expandtabs()) <= self._width())

    def _sure(self, lines: Sequence[str], text: str) -> int:
        """How many rows of an incomplete block no later text can change."""
        inner = [_MARKERS.sub("", line, count=1) for line in lines]
        for at, (line, after) in enumerate(zip(inner, [*inner[1:], ""], strict=True)):
            if "|" in line and _DELIMITERS.match(after):
                # Its columns are as wide as its widest cells. It may stand behind a line of text, too.
                text = "\n".join(lines[:at])
                break
        settled = text[: _open(text)]
        rows = self._prose(settled) if settled.strip() else []
        while rows and not _plain(rows[-1]).strip(_QUOTE):  # what comes next may stand above these
            del rows[-1]
        return max(len(rows) - 1, 0)

    def _prose(self, text: str) -> list[str]:
        options = self._console.options.update(width=self._wide, height=None)
        rows = [self._row(row) for row in self._console.render_lines(Block(text), options, pad=False)]
        while rows and not rows[0].strip():
            del rows[0]
        while rows and not rows[-1].strip():
            del rows[-1]
        return rows

    def _code(self, lines: Sequence[str], language: str) -> list[str]:
        """A row per line, however long: what is copied from the screen is the code."""
        begin = max(len(self._printed) - CONTEXT, 0)
        rows = highlighted("\n".join(lines[begin:]), language)
        shown = [self._row(row.render(self._console)) for row in rows]
        return [""] * begin + shown + [""] * (len(lines) - begin - len(shown))

    def _row(self, segments: Any) -> str:
        pieces = [
            (clean(piece.text).replace("\n", ""), piece.style)
            for piece in segments
            if isinstance(piece, Segment)
        ]
        while pieces and not pieces[-1][0].strip():
            del pieces[-1]
        system = self._console._color_system  # noqa: SLF001 - its public name is a string
        last = len(pieces) - 1
        return "".join(
            style.render(text.rstrip() if at == last else text, color_system=system) if style and self._colour
            else text.rstrip() if at == last else text
            for at, (text, style) in enumerate(pieces)
        )  # fmt: skip


def _plain(row: str) -> str:
    return _STYLE.sub("", row) if "\x1b" in row else row


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _end_of(text: str, letters: int) -> int:
    """Where the first ``letters`` of ``text`` end."""
    at = 0
    while letters:
        letters -= text[at].isalnum()
        at += 1
    return at


def _front(row: str, columns: int) -> str:
    """As much of ``row`` as ``columns`` hold."""
    plain = _plain(row)
    many = len(plain)
    if cell_len(plain.expandtabs()) > columns:
        many = min(columns, many)
        while cell_len(plain[:many].expandtabs()) > columns:
            many -= 1
    return _part(row, 0, many)


def _part(row: str, begin: int, end: int) -> str:
    """Its characters from ``begin`` to ``end``, in their colours."""
    out, at = "", 0
    for number, piece in enumerate(_STYLE.split(row)):
        if number % 2:
            out += piece
        else:
            out += piece[max(begin - at, 0) : max(end - at, 0)]
            at += len(piece)
    return out


def _open(text: str) -> int:
    """Where the first inline mark begins that is still open, else the length of ``text``."""
    opened: dict[str, int] = {}
    for match in _INLINE.finditer(text):
        mark = match[0]
        if mark[0] == "\n":  # the end of a paragraph, and of all that is open in it
            opened.clear()
            continue
        ticks = next((name for name in opened if name[0] == "`"), None)
        if mark[0] == "\\" or (ticks and mark != ticks):
            continue
        if mark[0] == "`" and match.end() == len(text):  # or the beginning of a longer one
            opened.setdefault(mark, match.start())
            continue
        if mark == "](":
            opened["("] = opened.pop("[", match.start())
        elif mark in ("]", ")"):
            opened.pop("[" if mark == "]" else "(", None)
        elif mark in opened and mark != "[":
            del opened[mark]
        else:
            opened.setdefault(mark, match.start())
    if begun := _ENTITY.search(text, max(len(text) - PATIENCE, 0)):
        opened["&"] = begun.start()
    return min((at for at in opened.values() if len(text) - at < PATIENCE), default=len(text))
