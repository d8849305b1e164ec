"""What may reach a terminal, and how.

The output of a model is data, and so are names, errors and titles that providers send: no control character
but newline and tab reaches a terminal raw. An escape sequence on a terminal is always one that this file
wrote.
"""

import os

from lokictl.failure import ClosedPipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_REPLACEMENT = "\ufffd"


def _unsafe() -> "dict[int, str]":
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


_table: "dict[int, str]" = {}


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


def colour(fd: int, environ: "Mapping[str, str]") -> bool:
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
        write(2, f"{_fitted(one_line(text))}\n")
    except (OSError, ClosedPipe):
        pass


NARROWEST = 30
"""Columns. What has no more fits everywhere, and is shown without the import."""


def _fitted(text: str) -> str:
    """For stderr: on a terminal its lines end between words, and between paths and commands to copy."""
    if len(text) <= NARROWEST or not is_terminal(2):
        return text
    from lokictl.wrapping import columns, wrap

    most = columns(2)
    return "\n".join(piece for line in text.split("\n") for piece in wrap(line, most, commands=True))


def complain(message: str, hint: "str | None" = None) -> None:
    """How every error ends: ``lokictl: what happened``, ``hint: what mends it``."""
    on = colour(2, os.environ)
    lines = [f"{paint('lokictl:', 'red', on=on)} {clean(message).strip()}"]
    if hint:
        lines.append(f"{paint('hint:', 'yellow', on=on)} {clean(hint).strip()}")
    try:  # noqa: SIM105 (contextlib costs 3 ms)
        write(2, _fitted("\n".join(lines)) + "\n")
    except (OSError, ClosedPipe):
        pass
