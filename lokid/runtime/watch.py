"""Says when one of a few files may have changed: rewritten, replaced, deleted, created, or reached
through a symbolic link that now points elsewhere.

What counts is ``marks``, what ``stat`` says of each path at the end of all its links. inotify only says
when to look, so that an idle daemon sleeps and a change is seen within milliseconds; where there is no
inotify, or no watch to be had, looking four times a second does. A slow look every 30 s covers what
inotify cannot see (network file systems).

Why not watchfiles: it looks 1,000 / ``step`` times a second and reports after two quiet steps, so at four
wake-ups a second a change takes up to half a second, and a file behind a symbolic link needs the walk
below anyway.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import anyio

POLL = 0.25  # seconds, without inotify: four wake-ups a second at most
SLOW_POLL = 30.0
MAX_LINKS = 40  # as the kernel's own limit

_IN_MODIFY, _IN_ATTRIB, _IN_CLOSE_WRITE, _IN_MOVED_FROM, _IN_MOVED_TO = 0x2, 0x4, 0x8, 0x40, 0x80
_IN_CREATE, _IN_DELETE, _IN_DELETE_SELF, _IN_MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_IN_ONLYDIR = 0x01000000
_MASK = (
    _IN_MODIFY | _IN_ATTRIB | _IN_CLOSE_WRITE | _IN_MOVED_FROM | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE
    | _IN_DELETE_SELF | _IN_MOVE_SELF | _IN_ONLYDIR
)  # fmt: skip
_EVENT = struct.Struct("iIII")  # struct inotify_event without its name

Mark = tuple[int, ...]
"""Of a file device, inode, size, times, mode and owner; of a missing one the error number."""


def marks(paths: Iterable[str]) -> tuple[Mark, ...]:
    """Differs when one of the files changed. Blocks as long as the file system does."""
    return tuple(_mark(path) for path in paths)


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)
    except OSError as error:
        return (error.errno or 0,)
    return (
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode,
        found.st_uid,
    )  # fmt: skip


def places(paths: Iterable[str]) -> dict[str, set[str]]:
    """Directory -> names in it whose change can mean another file at one of ``paths``: the file itself,
    every symbolic link on the way, and where the way ends too early, the first part that is missing."""
    found: dict[str, set[str]] = {}
    for path in paths:
        here = "/"
        parts = _parts(os.path.abspath(path))
        links = 0
        while parts:
            name = parts.pop()
            if name == "..":
                here = os.path.dirname(here)
                continue
            full = os.path.join(here, name)
            try:
                target = os.readlink(full)
            except OSError:  # not a link, or not there
                if not parts or not os.path.isdir(full):
                    found.setdefault(here, set()).add(name)
                    break
                here = full
                continue
            found.setdefault(here, set()).add(name)
            links += 1
            if links > MAX_LINKS:
                break
            if os.path.isabs(target):
                here = "/"
            parts += _parts(target)
    return found


def _parts(path: str) -> list[str]:
    """The names in ``path``, last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


class Watch:
    """``arm`` says what to watch, ``wait`` returns when that may have changed or it is time to look.
    Arm before looking, then nothing falls between."""

    def __init__(self) -> None:
        self._fd = _inotify()
        self._watched: dict[int, tuple[str, set[str]]] = {}
        self._complete = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @property
    def pause(self) -> float:
        """Seconds until ``wait`` returns anyway."""
        return SLOW_POLL if self._complete else POLL

    def arm(self, wanted: Mapping[str, set[str]]) -> None:
        if self._fd is None:
            return
        libc = _libc()
        self._complete = bool(wanted)
        now: dict[int, tuple[str, set[str]]] = {}
        for directory, names in wanted.items():
            # Of a directory that is watched already the kernel answers the same number again; of one that
            # was replaced by another of the same name a new one.
            number = libc.inotify_add_watch(self._fd, os.fsencode(directory), _MASK)
            if number < 0:
                self._complete = False
            else:
                now[number] = (directory, now.get(number, ("", set()))[1] | names)
        for number in self._watched.keys() - now.keys():
            libc.inotify_rm_watch(self._fd, number)
        self._watched = now

    async def wait(self) -> None:
        with anyio.move_on_after(self.pause):
            fd = self._fd
            if fd is None:
                await anyio.sleep_forever()
            else:
                try:
                    await anyio.wait_readable(fd)
                    while not self._concerns(fd):
                        await anyio.wait_readable(fd)
                except OSError:  # the user has as many files in epolls as the kernel allows
                    await anyio.sleep(POLL)

    def _concerns(self, fd: int) -> bool:
        """Takes the events that are there; whether one of them is about a name that is watched for."""
        try:
            events = os.read(fd, 65536)
        except BlockingIOError:
            return False
        concerns = False
        while events:
            number, mask, _, length = _EVENT.unpack_from(events)
            name = os.fsdecode(events[_EVENT.size : _EVENT.size + length].rstrip(b"\0"))
            events = events[_EVENT.size + length :]
            if number in self._watched:
                concerns |= name in self._watched[number][1] or bool(mask & (_IN_DELETE_SELF | _IN_MOVE_SELF))
            else:  # the queue overflowed, or an event of a watch that was given up
                concerns |= number < 0
        return concerns


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _inotify() -> int | None:
    try:
        fd = int(_libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    except (AttributeError, OSError):  # not Linux
        return None
    return fd if fd >= 0 else None
