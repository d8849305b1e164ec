"""Rows of the ledger on their way into the database: one line each, appended before their answer leaves.

What was written to a file survives the end of the process at any point (not the loss of power), and costs
some microseconds where a transaction takes a hundred times that. So the database gets the rows some at a
time, and here are those that it has not got yet. The lines are numbered, and the database says up to which
number it has them: nothing is lost and nothing counted twice, wherever it ends.

A journal belongs to one daemon, which holds a lock on it. One that nobody holds was left behind. All of one
daemon have one name and go on with its numbers: where somebody removes, moves or copies one, the rows of the
next are known to be the same.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import BinaryIO

from lokid.runtime import regular
from lokid.runtime.usage.rows import COLUMNS, Row

LONGEST_LINE = 64 * 1024
"""Bytes. A row has some hundred; what is longer is none of ours, and not to be in memory as a whole."""

_NAME = re.compile(r"usage-([0-9a-f]{16})(?:-[0-9a-f]{8})?\.journal")
_UNBORN = re.compile(_NAME.pattern + r"\.new")


class Journal:
    """A new one in ``directory``, the next after ``last``. Raises OSError, as ``append`` does."""

    def __init__(self, directory: str, last: Journal | None = None) -> None:
        self.name: str = secrets.token_hex(8) if last is None else last.name
        which = "" if last is None else f"-{secrets.token_hex(4)}"
        self._path = os.path.join(directory, f"usage-{self.name}{which}.journal")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(f"{self._path}.new", flags, 0o600)
        try:
            # Before it has its name, so that nobody takes it for one that was left behind.
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(f"{self._path}.new", self._path)
        except OSError:
            os.close(self._fd)
            raise

    def append(self, number: int, row: Row) -> None:
        # A line begins with its newline: half a line, of a full disk, then spoils no other.
        line = f"\n{json.dumps((number, *row))}".encode()
        if os.write(self._fd, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def is_there(self) -> bool:
        """Whether somebody would find it. Its directory may be gone, or another one; where nobody can look
        now, it is taken to be there: one that is given up is taken over, as of a daemon that has ended. On a
        network file system another machine, which does not see our lock, may have taken it over."""
        try:
            held = os.fstat(self._fd)
        except OSError:  # ENOENT of FUSE, ESTALE of NFS
            return False
        try:
            found = os.stat(self._path, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)

    def clear(self) -> None:
        """All of it is in the database."""
        os.ftruncate(self._fd, 0)

    def close(self, *, keep: bool) -> None:
        """``keep``: for the next daemon, as not everything is in the database."""
        if not keep:
            with suppress(OSError):
                os.unlink(self._path)
        with suppress(OSError):  # a network file system that is away says so, and it is closed all the same
            os.close(self._fd)


@contextmanager
def _held(path: str) -> Iterator[BinaryIO | None]:
    """The open file, or None if somebody else holds it."""
    with regular.opened(path, follow=False) as (file, _):
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file


def left_behind(
    directory: str, unread: dict[str, str], *, take: bool
) -> Iterator[tuple[str, list[tuple[int, Row]]]]:
    """Name and numbered rows of each that can be read. Of one that cannot, ``unread`` gets, by its name, a
    sentence that says why and what to do. ``take``: it is removed when the next one is asked for, and there
    are none of a daemon of which something is ``unread``. Raises OSError if nobody can look for them."""
    for file in sorted(os.listdir(directory)):
        path = os.path.join(directory, file)
        if take and _UNBORN.fullmatch(file):  # of a daemon that was killed before it had its name; empty
            with suppress(OSError, regular.NotRegular), _held(path) as unborn:
                if unborn is not None:
                    os.unlink(path)
        if (found := _NAME.fullmatch(file)) is None or (take and found[1] in unread):
            continue
        try:
            with _held(path) as lines:
                if lines is not None:
                    yield found[1], [row for row in map(_read, _lines(lines)) if row is not None]
                    if take:
                        with suppress(OSError):  # nothing of it is saved twice
                            os.unlink(path)
        except FileNotFoundError:
            pass  # another daemon was faster
        except (OSError, regular.NotRegular) as error:
            what = (error.strerror or "unknown").lower() if isinstance(error, OSError) else "no regular file"
            unread[found[1]] = f"{path} cannot be read: {what}; make it readable for you, or move it away"


def journals(directory: str) -> tuple[dict[str, list[tuple[int, Row]]], dict[str, str]]:
    """The rows of those that are left behind, by name: a daemon whose journal was moved away has several.
    And what could not be read of them, as ``left_behind`` tells it. Raises OSError as that."""
    found: dict[str, dict[int, Row]] = {}
    unread: dict[str, str] = {}
    for name, rows in left_behind(directory, unread, take=False):
        found.setdefault(name, {}).update(rows)
    return {name: sorted(rows.items()) for name, rows in found.items()}, unread


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.readline, LONGEST_LINE), b"")


def _read(line: bytes) -> tuple[int, Row] | None:
    """None for what is no line: nothing, or what a full disk left of one."""
    try:
        number, *values = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (number, Row(*values)) if isinstance(number, int) and len(values) == len(COLUMNS) else None
