"""Text in the columns that a terminal has: broken between words, where the terminal would break within them.

A word that is longer than all of them, as a path may be, stays whole and where it is.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Sequence

from lokictl.commands import COMMANDS

_COLOUR = re.compile("\x1b\\[[0-9;]*m")

USUAL = 80
"""Columns of a terminal that does not say."""

INDENT = "  "
"""Before what continues a line."""

ROOM = 24
"""Columns that are enough for a text beside others: commands like ``lokictl secret set OPENAI_API_KEY`` then
take two lines. With fewer it goes below them."""


def columns(fd: int = 1) -> int:
    """Of the terminal ``fd``; what the variable COLUMNS says goes first, as everywhere."""
    if fd == 1:
        return shutil.get_terminal_size().columns
    said = os.environ.get("COLUMNS", "")
    try:
        return (int(said) if said.isdecimal() else 0) or os.get_terminal_size(fd).columns or USUAL
    except OSError:
        return USUAL


def width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones and colours none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in (_COLOUR.sub("", text) if "\x1b" in text else text)
    )


def wrap(text: str, most: int, indent: str = INDENT, *, commands: bool = False) -> list[str]:
    """``text``, one line, as lines of at most ``most`` columns; all but the first begin with ``indent``.
    ``commands``: stay whole, as paths do, so that they can be copied."""
    if width(text) <= most:
        return [text]
    lines: list[str] = []
    line, *words = _pieces(text) if commands else text.split(" ")
    used = width(line)
    for word in words:
        size = width(word)
        if line.strip() and used + 1 + size > most >= len(indent) + size:
            lines.append(line.rstrip())
            line, used = indent + word, len(indent) + size
        else:
            line, used = f"{line} {word}", used + 1 + size
    return [*lines, line.rstrip()]


_PROGRAMS = {"lokictl", "lokid", "systemctl", "journalctl", "chmod", "kill", "pip", "apt-get", "export"}

_NAMED = {
    *COMMANDS, "set", "get", "list", "delete", "import-env", "passphrase", "path", "check", "show", "edit",
    "reload", "login", "logout", "start", "stop", "restart", "run", "install", "uninstall", "loki", "aichat",
}  # fmt: skip
"""What goes on with a command of lokictl. Of all programs also what is no word of a sentence."""

_SIGN = re.compile(r"-|.*[A-Z0-9=/:._~$|<>'\"-]")


def _pieces(text: str) -> list[str]:
    """The words of ``text``; those of a command, and of what stands in quotes, are one."""
    pieces: list[str] = []
    grows = quoted = False
    for word in text.split(" "):
        bare = word.rstrip(",;:.)")
        if quoted or (grows and (bare in _NAMED or _SIGN.match(bare))):
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
            grows = word.lstrip("(") in _PROGRAMS
        quoted ^= (word.count("`") + word.count('"')) % 2 == 1
        grows = grows and bare == word
    return pieces


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
