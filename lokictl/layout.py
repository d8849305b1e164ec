"""An answer on a terminal, or with ``--render``: laid out by ``markdown`` if rich is installed."""

from __future__ import annotations

import os
import time

from lokictl.failure import usage
from lokictl.render import colour
from lokictl.reply import Answer

LONG_S, SHARE, PAUSE_S = 0.01, 3, 0.2
"""Seconds that it takes to lay out a piece, where the block that it ends is long; how many times as long
the next ones are then waited for, to be laid out together; and how long at most. Else a core would be busy as
long as a long list or table comes."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lokictl.markdown import Rendered as _Rendered


class Markdown(Answer):
    """Lays the text out for a terminal, with rich. Without that package it is an ``Answer``,
    unless it is ``required``: then ``Failure``."""

    def __init__(self, fd: int, *, terminal: bool, required: bool) -> None:
        super().__init__(fd, terminal=terminal)
        self._required = required
        self._rendered: _Rendered | None = None
        self._prepared = False

    def prepare(self) -> bool:
        """Imports rich, for 0.1 s, while the model thinks anyway."""
        if self._prepared:
            return False
        self._prepared = True
        try:
            from lokictl.markdown import Rendered
        except ImportError:
            if self._required:
                raise usage(
                    "--render needs the Python package rich, and it is not installed",
                    "pip install rich",
                ) from None
            return True
        on = colour(self._fd, os.environ)
        self._rendered = Rendered(self._fd, colour=on, moving=self._terminal, width=_columns)
        return True

    def feed(self, text: str) -> None:
        self.prepare()
        if self._rendered is None:
            super().feed(text)
        else:
            self.started = True
            begun = time.perf_counter()
            self._rendered.feed(text)
            took = time.perf_counter() - begun
            if took > LONG_S and self._terminal:
                time.sleep(min(took * SHARE, PAUSE_S))

    def end(self) -> None:
        if self._rendered is None or not self.started:
            super().end()
        else:
            self._rendered.end()


def _columns() -> int:
    """Of the terminal that is stdout, else of $COLUMNS, else 80."""
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        columns = os.environ.get("COLUMNS", "")
        return int(columns) if columns.isdecimal() and int(columns) else 80
