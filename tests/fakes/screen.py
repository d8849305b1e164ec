"""What stands on a terminal after some output: the few things of one that lokictl's answers use."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\x1b\[[0-9;]*m|\x1b\[K|.", re.DOTALL)


def rows(output: str, width: int) -> list[str]:
    """The lines of a screen of ``width`` columns without end. A line that is wider is broken, and CR goes to
    the beginning of its last part only, as on a real one."""
    screen: list[list[str]] = [[]]
    column = 0
    for piece in _PIECE.findall(output):
        row = screen[-1]
        if piece == "\n":
            screen.append([])
            column = 0
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[K":
            del row[column:]
        elif piece == "\t":
            column = min((column // 8 + 1) * 8, width - 1)
            row += " " * (column - len(row))
        elif not piece.startswith("\x1b"):
            if column >= width:
                screen.append([])
                row, column = screen[-1], 0
            row[column : column + 1] = piece
            column += 1
    return ["".join(row) for row in screen]
