"""Text in the columns that a terminal has: broken between words, where the terminal would break within them.

A word that is longer than all of them, as a path may be, stays whole and where it is.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Sequence

_COLOUR = re.compile("\x1b\\[[0-9;]*m")

INDENT = "  "
"""Before what continues a line."""

ROOM = 24
"""Columns that are enough for a text beside others: commands like ``lokictl secret set OPENAI_API_KEY`` then
take two lines. With fewer it goes below them."""


def columns() -> int:
    """Of the terminal; what the variable COLUMNS says goes first, as everywhere."""
    return shutil.get_terminal_size().columns


def width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones and colours none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in (_COLOUR.sub("", text) if "\x1b" in text else text)
    )


def wrap(text: str, most: int, indent: str = INDENT) -> list[str]:
    """``text``, one line, as lines of at most ``most`` columns; all but the first begin with ``indent``."""
    if width(text) <= most:
        return [text]
    lines: list[str] = []
    line, *words = text.split(" ")
    used = width(line)
    for word in words:
        size = width(word)
        if line.strip() and used + 1 + size > most >= len(indent) + size:
            lines.append(line.rstrip())
            line, used = indent + word, len(indent) + size
        else:
            line, used = f"{line} {word}", used + 1 + size
    return [*lines, line.rstrip()]


def record(titles: Sequence[str], cells: Sequence[str], most: int) -> str:
    """One row of a table that is too wide: the first cell, and below it the others, each with its title.
    Empty ones are left out."""
    widest = max(map(width, titles))
    lines = [cells[0]]
    for title, cell in zip(titles[1:], cells[1:], strict=True):
        if cell:
            before = f"{INDENT}{title}{' ' * (widest - width(title))}  "
            indent = width(before) if most - width(before) >= ROOM else 2 * len(INDENT)
            lines += wrap(before + cell, most, " " * indent)
    return "\n".join(lines)
