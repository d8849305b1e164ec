"""Files that are there whole or not at all, whatever happens while they are written.

``replace`` writes beside the file, flushes, renames and flushes the directory: after a crash at any point
there is the old text or the new one. ``lock`` keeps other writers out meanwhile. It is taken on a file of
its own (``NAME.lock``), since the file itself is another one after every write.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 5.0
"""Seconds that a writer waits for another one. A write takes a millisecond, on a slow disk a second."""

NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems say that have no hard links, as those of some virtual machines and of FUSE."""

_PAUSE = 0.01  # seconds between two looks at a lock that is taken


class Busy(Exception):
    """Another program holds the lock."""


@contextmanager
def lock(path: str, patience: float = PATIENCE) -> Iterator[None]:
    """Held while the file ``path`` is read and written. Blocks; raises Busy and OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(f"{path}.lock", flags, 0o600)
    try:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise Busy(f"another program has held {path}.lock for {patience:g} s") from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(fd)


def make_directory(path: str) -> None:
    """With what is missing above it, all closed to others whatever the umask is (``os.makedirs`` sees to the
    last one only). Raises OSError."""
    above = os.path.dirname(path)
    if above and not os.path.lexists(above):
        make_directory(above)
    try:
        os.mkdir(path, 0o700)
    except OSError as error:  # of one that is there NFS may say that it is forbidden, or its disk read-only
        if not os.path.isdir(path):
            if isinstance(error, FileExistsError):
                os.stat(path)  # where a disk fails or the program of a mount has ended, that is the reason
            raise


@contextmanager
def written(path: str, data: bytes) -> Iterator[str]:
    """The name of a new file with ``data`` on disk beside ``path``, mode 0600; gone at the end unless it
    was renamed. Raises OSError."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(8)}.tmp")
    fd = os.open(temporary, _NEW, 0o600)
    try:
        _fill(fd, data)
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def _fill(fd: int, data: bytes) -> None:
    """And closes it."""
    try:
        os.fchmod(fd, 0o600)
        _write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        count = os.write(fd, left)
        if not count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left = left[count:]


def replace(path: str, temporary: str, *, backup: bool = False) -> None:
    """Puts ``temporary`` in the place of ``path``. ``backup``: what was there becomes ``path.bak``."""
    if backup:
        # A link first, so that there is a file at ``path`` at every moment.
        spare = f"{temporary[:-4]}.bak.tmp"
        with suppress(FileNotFoundError):
            try:
                os.link(path, spare)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                _copy(path, spare)
            os.rename(spare, f"{path}.bak")
    os.rename(temporary, path)
    flush_directory(os.path.dirname(path))


def _copy(path: str, name: str) -> None:
    with open(path, "rb") as file:
        data = file.read()
    _fill(os.open(name, _NEW, 0o600), data)


def place_new(path: str, temporary: str) -> bool:
    """Puts ``temporary`` at ``path``. False: something is there already. Raises Busy and OSError."""
    try:
        os.link(temporary, path)  # unlike a rename it never replaces a file
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with lock(path):
            if os.path.lexists(path):
                return False
            os.rename(temporary, path)
    flush_directory(os.path.dirname(path))
    return True


def flush_directory(path: str) -> None:
    """Makes names in it durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep(path: str, lock_of: str | None = None) -> int:
    """Removes what killed writers of ``path`` left, unless one writes now; says how many files. They held
    the lock of ``path``, or that of ``lock_of``."""
    directory, name = os.path.split(path)
    try:
        stale = [each for each in os.listdir(directory) if _is_temporary(each, name)]
        if not stale:
            return 0
        with lock(lock_of or path, patience=0):
            for each in stale:
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(directory, each))
    except (OSError, Busy):
        return 0
    return len(stale)


def _is_temporary(each: str, name: str) -> bool:
    return each.startswith(f".{name}.") and each.endswith(".tmp")
