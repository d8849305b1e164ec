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
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from lokid.runtime import regular
from lokid.runtime.usage.rows import COLUMNS, Row, fits

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


@dataclass
class LeftBehind:
    """What daemons before have left in a directory, by the name of each. ``rows``: numbered; a daemon whose
    journal was moved away has several. ``unread``: why one of them cannot be read, and what to do.
    ``held``: of these somebody holds one, who lives or takes them over."""

    rows: dict[str, list[tuple[int, Row]]]
    unread: dict[str, str]
    held: set[str]

    def whole(self) -> Iterator[tuple[str, list[tuple[int, Row]]]]:
        """Those of which all is known: what is saved has numbers up to one, and journals overlap."""
        return (each for each in self.rows.items() if each[0] not in self.unread and each[0] not in self.held)

    def is_to_be_looked_at_again(self) -> bool:
        """One that lives holds all that it has."""
        return bool(self.unread or self.held & self.rows.keys())

    def waiting(self) -> dict[str, list[tuple[int, Row]]]:
        """Those of which the rest cannot be read now."""
        return {name: rows for name, rows in self.rows.items() if name in self.unread or name in self.held}


def left_behind(directory: str, own: str = "") -> LeftBehind:
    """``own``: the name of whoever asks, which holds one of it itself. Raises OSError if nobody can look for
    them."""
    rows: dict[str, dict[int, Row]] = {}
    left = LeftBehind({}, {}, set())
    for name, path in _journals(directory):
        try:
            with _held(path) as file:
                if file is not None:
                    rows.setdefault(name, {}).update(_rows(file))
                elif name != own:
                    left.held.add(name)
        except FileNotFoundError:
            pass  # another daemon was faster
        except (OSError, regular.NotRegular) as error:
            what = (error.strerror or "unknown").lower() if isinstance(error, OSError) else "no regular file"
            left.unread[name] = f"{path} cannot be read: {what}; make it readable for you, or move it away"
    left.rows = {name: sorted(numbered.items()) for name, numbered in rows.items()}
    return left


def taken_over(directory: str, left: LeftBehind) -> Iterator[tuple[str, list[tuple[int, Row]]]]:
    """Of the journals of ``left.whole()`` each once more, by itself. It is removed when the next one is asked
    for. Raises OSError as ``left_behind``."""
    for file in os.listdir(directory):
        if _UNBORN.fullmatch(file):  # of a daemon that was killed before it had its name; empty
            path = os.path.join(directory, file)
            with suppress(OSError, regular.NotRegular), _held(path) as unborn:
                if unborn is not None:
                    os.unlink(path)
    names = {name for name, _ in left.whole()}
    for name, path in _journals(directory):
        if name in names:
            # What could be read a moment ago is left for the next time.
            with suppress(OSError, regular.NotRegular), _held(path) as journal:
                if journal is not None:
                    yield name, sorted(_rows(journal).items())
                    os.unlink(path)  # where that fails it stays: nothing of it is saved twice


def _journals(directory: str) -> Iterator[tuple[str, str]]:
    """The name and the path of each."""
    for file in sorted(os.listdir(directory)):
        if (found := _NAME.fullmatch(file)) is not None:
            yield found[1], os.path.join(directory, file)


def _rows(file: BinaryIO) -> dict[int, Row]:
    return dict(row for row in map(_read, _lines(file)) if row is not None)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.readline, LONGEST_LINE), b"")


def _read(line: bytes) -> tuple[int, Row] | None:
    """None for what is no line: nothing, what a full disk left of one, or what is none of ours."""
    try:
        number, *values = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    ours = len(values) == len(COLUMNS) and all(map(fits, values, COLUMNS))
    return (number, Row(*values)) if ours and isinstance(number, int) and 0 < number < 2**63 else None
