"""A secret from the user: typed without echo on a terminal, else all of standard input."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from lokictl.failure import Failure, usage
from lokictl.question import standard_input
from lokictl.render import is_terminal

PR_SET_DUMPABLE = 4
"""linux/prctl.h"""

LINE = 4095
"""Bytes that Linux keeps of a line (termios(3), canonical mode); the rest is dropped, and nobody told."""

FROM_FILE = "give it on standard input: lokictl secret set NAME < FILE"

PASTED_S = 0.05
"""What was pasted comes at once; nobody types the next line as fast."""

CTRL_C_S = 0.5
"""Python notices a signal that came in the instant before it waits only when the wait ends."""

MAX_BYTES = 256 * 1024
"""The daemon takes 64 Ki characters; this is what they are at most in UTF-8."""


def ask(prompt: str, *, again: str | None = None) -> str:
    """The secret without its final line break. ``again``: on a terminal it must be typed twice. Raises
    ``Failure`` if there is none, or no way to ask for it without showing it."""
    _close()
    if not is_terminal(0):
        data = standard_input(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise usage("standard input is too long for a secret")
        try:
            value = data.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise usage("standard input is not UTF-8 text") from None
    else:
        value = _pasted(_typed(prompt))
        if again is not None and value and _pasted(_typed(again)) != value:
            raise usage("the two are not the same; nothing was changed")
    if not value:
        raise usage("nothing was given; nothing was changed")
    return value


def _pasted(value: str) -> str:
    """Of what a terminal has passed on. Raises ``Failure`` where it may have left out the end."""
    if len(value.encode(errors="surrogateescape")) >= LINE:
        raise _cut("the end may be missing")
    return value.removeprefix("\x1b[200~").removesuffix("\x1b[201~")


def _cut(why: str) -> Failure:
    return usage(f"{why}; nothing was changed (a terminal passes on {LINE:,} bytes of a line)", FROM_FILE)


def _close() -> None:
    """No other program may open our memory from here on, and Ctrl-\\ at the second question leaves no file
    with the answer to the first in the directory where the user happens to be."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":  # one whose cores go to a program is told here
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


@contextlib.contextmanager
def _hidden_again(prompt: str) -> Iterator[None]:
    """Shells turn the echo on when a program is stopped (Ctrl-Z), and leave it on for ``fg``. Nor do all of
    them turn it on again after one that a signal has ended. While another program is in front, which a
    terminal asks to wait whoever sets it, it is left as it is: ``fg`` comes here again."""
    import os
    import signal
    import termios

    shown = termios.tcgetattr(0)

    def leave(number: int, _frame: object) -> None:
        with contextlib.suppress(termios.error):  # the terminal is gone
            if _in_front():
                termios.tcsetattr(0, termios.TCSANOW, shown)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def hide(_number: int, _frame: object) -> None:
        if not _in_front():  # ``bg``: bash wakes nobody with ``fg`` that is not stopped, as a read would be
            os.killpg(0, signal.SIGTTIN)
            return
        hidden = _hidden(termios.tcgetattr(0))
        termios.tcsetattr(0, termios.TCSAFLUSH, hidden)  # without what was typed meanwhile
        _say(prompt)

    handlers = {signal.SIGCONT: hide, signal.SIGTERM: leave, signal.SIGHUP: leave, signal.SIGQUIT: leave}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hidden(mode: list[Any]) -> list[Any]:
    """As ``mode``, but a line at a time and not shown: whoever had the terminal before may have left it so
    that each letter comes by itself, which shells hide."""
    import termios

    changed = [*mode]
    changed[0] |= termios.ICRNL
    changed[3] = changed[3] & ~termios.ECHO | termios.ICANON | termios.ISIG
    return changed


def _in_front() -> bool:
    """Whether the shell has given us the terminal; also where it is not ours to be given."""
    import os

    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return True


def _come_to_the_front() -> None:
    """What a read would do, before anything else is done with the terminal: a program that was started with
    ``&`` stops until ``fg``, also if it is sent on with ``bg``. One without a shell is not stopped so."""
    import os
    import signal

    for _ in range(100):
        if _in_front():
            return
        os.killpg(0, signal.SIGTTIN)


def _typed(prompt: str) -> str:
    import termios

    _come_to_the_front()
    try:
        shown = termios.tcgetattr(0)
        hidden = _hidden(shown)
        with _hidden_again(prompt):
            try:
                termios.tcsetattr(0, termios.TCSAFLUSH, hidden)
                _say(prompt)
                line = _line()
                more = _pasted_behind()
            finally:
                termios.tcsetattr(0, termios.TCSAFLUSH, shown)
                _say("\n")
    except termios.error:
        raise Failure(
            "invalid_params", "this terminal cannot hide what is typed", "give it on standard input"
        ) from None
    if more.strip():
        raise usage("more than one line was pasted; nothing was changed", FROM_FILE)
    try:
        return line.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise _cut("what was typed is no UTF-8") from None


def _line() -> bytes:
    """Ctrl-D in the middle of one passes on what there is, and ends nothing."""
    line = b""
    while not line.endswith(b"\n") and (piece := _read(LINE + 1)):
        line += piece
    return line


def _say(words: str) -> None:
    """To the person at the terminal, wherever standard error goes."""
    import os

    try:
        fd = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        sys.stderr.write(words)
        sys.stderr.flush()
    else:
        with contextlib.suppress(OSError):
            os.write(fd, words.encode())
        os.close(fd)


def _pasted_behind() -> bytes:
    """What came together with the line: of a file with several (a service account's, say) the rest is not for
    the shell, and the first is not the secret."""
    import select

    more = b""
    while select.select([0], [], [], PASTED_S)[0] and (piece := _read(65536)):
        more += piece
    return more


def _read(most: int) -> bytes:
    """Also where somebody has left the terminal without waiting, which all share who have it open."""
    import os
    import select

    while True:
        if not select.select([0], [], [], CTRL_C_S)[0]:
            continue
        with contextlib.suppress(BlockingIOError):
            return os.read(0, most)
