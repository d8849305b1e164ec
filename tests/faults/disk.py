"""Calls to the disk that fail or are the last ones, one at a time.

A save is run once for each call that changes something in its folder, and dies there (``kill``: SIGKILL,
before or after the call) or has it fail (``failing``). What Python calls is counted, and that is what the
kernel is called: the saves use descriptors, not buffers. (Injection by strace, which takes a start of Python
for each call, is in ``tests/e2e``.)
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = (
    "open",
    "write",
    "fsync",
    "fchmod",
    "close",
    "link",
    "rename",
    "replace",
    "unlink",
    "ftruncate",
    "mkdir",
)

FAULTS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)


@contextmanager
def _watched(folder: Path, hook: Callable[[int, str, Callable[[], Any]], Any]) -> Iterator[None]:
    """``hook`` gets each call in ``folder``: its number, its name and the call itself."""
    real = {name: getattr(os, name) for name in NAMES}
    within = os.path.realpath(folder)
    descriptors: set[int] = set()
    number = 0

    def concerns(first: Any) -> bool:
        if isinstance(first, int):
            return first in descriptors
        return os.path.abspath(os.fspath(first)).startswith(within)

    def call(name: str, *arguments: Any, **options: Any) -> Any:
        nonlocal number
        if not concerns(arguments[0]):
            return real[name](*arguments, **options)
        number += 1
        done = hook(number, name, lambda: real[name](*arguments, **options))
        if name == "open":
            descriptors.add(done)
        elif name == "close":
            descriptors.discard(arguments[0])
        return done

    def replacement(name: str) -> Callable[..., Any]:
        return lambda *arguments, **options: call(name, *arguments, **options)

    try:
        for name in NAMES:
            setattr(os, name, replacement(name))
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def count(folder: Path, save: Callable[[], object]) -> list[str]:
    """The names of the calls of one save, in their order."""
    names: list[str] = []

    def hook(_number: int, name: str, call: Callable[[], Any]) -> Any:
        names.append(name)
        return call()

    with _watched(folder, hook):
        save()
    return names


def kill(folder: Path, save: Callable[[], object], at: int, *, after: bool) -> None:
    """Runs ``save`` in a process that dies at call ``at``."""

    def hook(number: int, _name: str, call: Callable[[], Any]) -> Any:
        if number == at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = call()
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    child = os.fork()
    if child == 0:
        try:
            with _watched(folder, hook):
                save()
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"it was over before call {at}"


@contextmanager
def failing(folder: Path, at: int, fault: int) -> Iterator[None]:
    """Call ``at`` fails with the error ``fault``. A close closes all the same, as Linux has it."""

    def hook(number: int, name: str, call: Callable[[], Any]) -> Any:
        if number == at:
            if name == "close":
                call()
            raise OSError(fault, os.strerror(fault))
        return call()

    with _watched(folder, hook):
        yield
