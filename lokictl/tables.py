"""Rows for people and for programs: aligned under a header on a terminal, tab-separated in a pipe."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from lokictl.render import clean, colour, is_terminal, one_line, paint, write
from lokictl.wrapping import ROOM, columns, record, width, wrap

STATE_STYLES = {"ready": "green", "needs_login": "red", "needs_secret": "red", "cooling_down": "yellow"}


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    style: Callable[[str, str], str] = lambda _h, _c: "",
    *,
    right: Collection[str] = (),
    fits: bool = False,
) -> str:
    """The rows as text. ``style(header, cell)`` names a style of ``render.paint``, or nothing. ``right``:
    headers of columns of numbers. ``fits``: into the columns of the terminal, where the last cells, which are
    sentences, are wrapped, and where not even that helps each row is a few lines."""
    cells = [["" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    if not is_terminal(1):
        return "".join("\t".join(row) + "\n" for row in cells)
    on = colour(1, os.environ)

    def painted(header: str, cell: str, text: str) -> str:
        name = style(header, cell)
        return paint(text, name, on=on) if name else text

    titles = [header.upper() for header in headers]
    widths = [max(map(width, column)) for column in zip(titles, *cells, strict=True)]
    most, last = columns(), sum(widths[:-1]) + 2 * (len(widths) - 1)
    if not fits or last + widths[-1] <= most:
        most = 0
    elif most - last < ROOM:
        whole = [list(map(painted, headers, row, row)) for row in cells]
        return "".join(record(headers, row, most) + "\n" for row in whole)
    ranged = [header in right for header in headers]
    padded = [_pad(*head) for head in zip(titles, widths, ranged, strict=True)]
    # Blanks within the colour could not be stripped, and make a line of their own below a wide column.
    padded[-1:] = [title.rstrip() for title in padded[-1:]]
    lines = [_line([paint(title, "dim", on=on) for title in padded])]
    for row in cells:
        line = _line(list(map(painted, headers, row, map(_pad, row, widths, ranged))))
        lines.append("\n".join(wrap(line[:-1], most, " " * last)) + "\n" if most else line)
    return "".join(lines)


def state_style(header: str, cell: str) -> str:
    return STATE_STYLES.get(cell, "") if header == "state" else ""


def pairs(rows: Sequence[tuple[str, object]], *, fits: bool = False) -> str:
    """``key  value`` lines, for eyes and for awk. ``fits``: as of ``table``."""
    terminal = is_terminal(1)
    widest = max(len(key) for key, _ in rows) if terminal else 0
    lines = [f"{key:<{widest}}  {one_line(str(value))}" for key, value in rows]
    return prose(lines, widest + 2) if fits else "".join(f"{line}\n" for line in lines)


def prose(lines: Sequence[str], indent: int = 2) -> str:
    """Each with its newline. On a terminal they are wrapped, and what continues one is indented."""
    if is_terminal(1):
        most = columns()
        blanks = " " * (indent if most - indent >= ROOM else 2)
        lines = [piece for line in lines for piece in wrap(line, most, blanks)]
    return "".join(f"{line}\n" for line in lines)


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


def _pad(text: str, wide: int, right: bool) -> str:
    space = " " * (wide - width(text))
    return space + text if right else text + space
