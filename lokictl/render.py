"""What may reach a terminal, and how.

The output of a model is data, and so are names, errors and titles that providers send: no control character
but newline and tab reaches a terminal raw. An escape sequence on a terminal is always one that this file
wrote.
"""

from __future__ import annotations

import os

from lokictl.failure import ClosedPipe, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lokictl.markdown import Rendered as _Rendered

_REPLACEMENT = "\ufffd"


def _unsafe() -> dict[int, str]:
    """Code points that a terminal, or an eye, could be fooled with -> U+FFFD."""
    ranges = (
        (0x00, 0x08), (0x0B, 0x1F),      # C0 without tab and newline
        (0x7F, 0x9F),                    # DEL and C1
        (0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069),  # bidi controls
        (0x2028, 0x2029),                # line and paragraph separator
        (0x206A, 0x206F), (0xFFF9, 0xFFFB),  # deprecated format controls, interlinear annotation
        (0xD800, 0xDFFF),                # lone surrogates
        (0xE0000, 0xE007F),              # tag characters: invisible text
    )  # fmt: skip
    return {point: _REPLACEMENT for first, last in ranges for point in range(first, last + 1)}


_table: dict[int, str] = {}


def clean(text: str) -> str:
    """``text`` with everything that could steer a terminal replaced by U+FFFD; CR LF becomes LF."""
    if text.isprintable():  # as most is; nothing in the table is
        return text
    if not _table:
        _table.update(_unsafe())
    return text.replace("\r\n", "\n").translate(_table)


def one_line(text: str) -> str:
    """``text`` cleaned, for one line or one cell of a table."""
    return " ".join(clean(text).split())


def is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def colour(fd: int, environ: Mapping[str, str]) -> bool:
    """https://no-color.org and https://force-color.org; otherwise only on a terminal that can."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    return is_terminal(fd) and environ.get("TERM") != "dumb"


_SGR = {"dim": "2", "red": "31", "green": "32", "yellow": "33", "bold": "1"}


def paint(text: str, style: str, *, on: bool) -> str:
    return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if on and text else text


def write(fd: int, text: str) -> None:
    """All of ``text`` as UTF-8, whatever the locale says: an answer is bytes, not a guess.

    Raises ``ClosedPipe`` when nobody reads any more.
    """
    write_bytes(fd, text.encode("utf-8", "replace"))


def write_bytes(fd: int, answer: bytes) -> None:
    data = memoryview(answer)
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:  # the other side of a shared terminal made it non-blocking
            import select

            select.select([], [fd], [])
        except BrokenPipeError:
            raise ClosedPipe from None
        except OSError as error:
            if fd == 1:
                error.filename = "standard output"  # for the message: a full disk, a closed descriptor
            raise


def note(text: str) -> None:
    """One line on stderr. That nobody reads stderr is no reason to fail."""
    try:  # noqa: SIM105 (contextlib costs 3 ms)
        write(2, f"{one_line(text)}\n")
    except (OSError, ClosedPipe):
        pass


def complain(message: str, hint: str | None = None) -> None:
    """How every error ends: ``lokictl: what happened``, ``hint: what mends it``."""
    on = colour(2, os.environ)
    lines = [f"{paint('lokictl:', 'red', on=on)} {clean(message).strip()}"]
    if hint:
        lines.append(f"{paint('hint:', 'yellow', on=on)} {clean(hint).strip()}")
    try:  # noqa: SIM105 (contextlib costs 3 ms)
        write(2, "\n".join(lines) + "\n")
    except (OSError, ClosedPipe):
        pass


class Answer:
    """Writes the text of an answer as it comes: only the answer, and one newline at its end.

    Newlines at the end of what has come are held back until more text follows. On a terminal the text
    is cleaned; in a pipe it is left alone.
    """

    def __init__(self, fd: int, *, terminal: bool) -> None:
        self._fd = fd
        self._terminal = terminal
        self._held = ""
        self.started = False

    def feed(self, text: str) -> None:
        text = self._held + text
        # A CR may be half of a CR LF whose other half comes with the next piece.
        body = text.rstrip("\r\n")
        self._held = text[len(body) :]
        if body:
            self._write(body)

    def end(self) -> None:
        self._held = ""
        self._write("\n")

    def prepare(self) -> bool:
        """Called while the answer has not come yet; whether there was something to do."""
        return False

    def _write(self, text: str) -> None:
        self.started = True
        write(self._fd, clean(text) if self._terminal else text)


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
