"""A file that anybody may have put there, opened to be read: a regular one, or none."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


class NotRegular(ValueError):
    """A directory, a pipe, a device. ``str()`` is the end of a sentence that begins with the path."""


@contextmanager
def opened(path: str, *, follow: bool = True) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    """The file and its facts. ``follow``: also at the end of a link. Raises NotRegular and OSError. Blocks;
    whoever reads says how much at most."""
    # O_NONBLOCK: opening a FIFO must not hang.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    number = os.open(path, flags)
    try:
        file = open(number, "rb")  # noqa: SIM115 - closed below
    except OSError:  # a directory, and its number stays open
        os.close(number)
        raise
    with file:
        facts = os.fstat(number)
        if not stat.S_ISREG(facts.st_mode):
            raise NotRegular("is not a regular file")
        yield file, facts
