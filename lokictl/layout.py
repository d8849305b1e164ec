"""An answer on a terminal, or with ``--render``: laid out by ``markdown`` if rich is installed."""

from __future__ import annotations

import os

from lokictl.failure import usage
from lokictl.render import colour
from lokictl.reply import Answer

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
            self._rendered.feed(text)

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
