"""Rows for people and for programs: aligned under a header on a terminal, tab-separated in a pipe."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from lokictl.render import clean, colour, is_terminal, one_line, paint, write

STATE_STYLES = {"ready": "green", "needs_login": "red", "needs_secret": "red", "cooling_down": "yellow"}


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    style: Callable[[str, str], str] = lambda _h, _c: "",
    *,
    right: Collection[str] = (),
) -> str:
    """The rows as text. ``style(header, cell)`` names a style of ``render.paint``, or nothing. ``right``:
    headers of columns of numbers."""
    cells = [["" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    if not is_terminal(1):
        return "".join("\t".join(row) + "\n" for row in cells)
    on = colour(1, os.environ)
    titles = [header.upper() for header in headers]
    widths = [max(map(_width, column)) for column in zip(titles, *cells, strict=True)]
    ranged = [header in right for header in headers]
    padded = [_pad(*head) for head in zip(titles, widths, ranged, strict=True)]
    # Blanks within the colour could not be stripped, and make a line of their own below a wide column.
    padded[-1:] = [title.rstrip() for title in padded[-1:]]
    lines = [_line([paint(title, "dim", on=on) for title in padded])]
    for row in cells:
        padded = []
        for header, cell, width, r in zip(headers, row, widths, ranged, strict=True):
            name, text = style(header, cell), _pad(cell, width, r)
            padded.append(paint(text, name, on=on) if name else text)
        lines.append(_line(padded))
    return "".join(lines)


def state_style(header: str, cell: str) -> str:
    return STATE_STYLES.get(cell, "") if header == "state" else ""


def pairs(rows: Sequence[tuple[str, object]]) -> str:
    """``key  value`` lines, for eyes and for awk."""
    width = max(len(key) for key, _ in rows) if is_terminal(1) else 0
    return "".join(f"{key:<{width}}  {one_line(str(value))}\n" for key, value in rows)


def duration(seconds: float) -> str:
    """``0.4s``, ``12s``, ``3m05s``, ``2h07m``, ``3d04h``."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def show(text: str) -> None:
    write(1, text)


def show_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    write(1, clean(text) if is_terminal(1) else text)


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cells).rstrip() + "\n"


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
