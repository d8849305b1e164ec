"""The one socket of this user: claimed by a lock, then inherited from systemd or bound here.

Standard library only, and little of it: this runs before anything heavy is imported, so that clients can
connect about 100 ms after exec. Their requests wait in the backlog until the runtime is loaded.

Order, and why:

1. The directory is made or checked: ours, no symlink, nobody else's to enter. Fail closed.
2. The lock beside the socket is taken and held for life, under socket activation too: a daemon started by
   hand and one started by systemd must not both refresh the same tokens. ``flock`` ends with the process,
   however it ends, so there is no stale lock. The lock file is never removed (removing it would let two
   processes lock two files of one name).
3. A new socket gets its mode and its backlog under a temporary name and is then renamed over the final
   one: no moment in which it has the wrong mode, or exists and refuses. Whatever was there is replaced
   only if nobody answers on it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass

BACKLOG = 1024
"""Connections that wait while the runtime loads or a daemon restarts; beyond it a blocking ``connect``
waits too. The same number stands in lokid.socket."""

MAX_PATH = 107
"""Bytes; ``sun_path`` of unix(7) has 108 with the final NUL."""

EXTRA = "lokid-extra.sock"
"""``extra_socket.path``, if nothing else is said. It is forwarded to those who may do less."""

_FILES = {"rpc.sock", "rpc.sock.lock", EXTRA, f"{EXTRA}.lock"}
"""What a directory of lokid's own holds."""

NOBODY = 65534
"""The overflow uid: in a user namespace every foreign user looks like it, so it cannot be told apart."""

RPC_FD_NAME = "rpc"
"""``FileDescriptorName=`` in lokid.socket."""

ELSEWHERE = "choose another place with {}."


class EndpointError(Exception):
    """The socket cannot be had; the text is a sentence for a person. ``elsewhere``: its end, with ``{}``
    for the name of what says where the socket is."""

    def __init__(self, reason: str, elsewhere: str = "") -> None:
        super().__init__(reason, elsewhere)
        self._reason = reason
        self._elsewhere = elsewhere

    def told(self, setting: str) -> str:
        return f"{self._reason} {self._elsewhere.format(setting)}".rstrip()

    def __str__(self) -> str:
        return self.told("LOKID_SOCK or XDG_RUNTIME_DIR")


class EndpointBusy(EndpointError):
    """Another daemon serves this user already. Exit status 75."""


@dataclass(slots=True)
class Endpoint:
    """A listening socket with the lock that makes it the only one.

    ``inherited``: systemd bound it, so it outlives us and is not removed. If somebody removes it, one of our
    own takes its place (``inherited`` is then False), since systemd does not notice.
    ``identity``: device and inode of ``path`` when it was ours.
    """

    path: str
    sock: socket.socket
    lock: int
    inherited: bool
    identity: tuple[int, int]

    def is_reachable(self) -> bool:
        """Whether ``path`` still leads to our socket (cleaners of runtime directories remove it)."""
        return _identity(self.path) == self.identity

    def bind_again(self) -> None:
        """Puts a fresh socket at ``path``; the old one stays open, its user closes it. Where the directory
        went too, it and the lock are made anew. Raises EndpointBusy if another daemon was faster."""
        _check_directory(os.path.dirname(self.path), create=True)
        held = os.fstat(self.lock)
        if _identity(self.path + ".lock") != (held.st_dev, held.st_ino):
            lost, self.lock = self.lock, _lock(self.path + ".lock")
            os.close(lost)
        self.sock, self.identity = _bind(self.path)
        self.inherited = False

    def withdraw(self) -> None:
        """Removes our socket's file: never systemd's, never somebody else's."""
        if not self.inherited and self.is_reachable():
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def close(self) -> None:
        """The end: the lock goes last. A second time nothing happens."""
        if self.lock < 0:
            return
        self.withdraw()
        self.sock.close()
        os.close(self.lock)
        self.lock = -1


def open_endpoint(path: str, inherited: Sequence[tuple[int, str]] = ()) -> Endpoint:
    """The endpoint at ``path``, or the one systemd hands over in ``inherited`` (descriptor, name).

    Raises EndpointBusy if another daemon has it, EndpointError with the reason for anything else.
    """
    _check_user(os.geteuid())
    sock = _take(inherited) if inherited else None
    try:
        if sock is not None:
            path = _path_of(sock)
        path = os.path.abspath(path)
        _check_length(path)
        _check_directory(os.path.dirname(path), create=sock is None)
        lock = _lock(path + ".lock")
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    try:
        if sock is not None:
            sock.setblocking(False)
            endpoint = Endpoint(path, sock, lock, inherited=True, identity=_identity(path) or (0, 0))
            if not _is_served(path):
                # Somebody removed systemd's socket, or what a daemon before us put in its place is stale:
                # the unit is "active" all the same, and would leave us deaf.
                endpoint.bind_again()
                sock.close()
            return endpoint
        sock, identity = _bind(path)
        return Endpoint(path, sock, lock, inherited=False, identity=identity)
    except BaseException:
        os.close(lock)
        raise


def _check_user(uid: int) -> None:
    if uid == NOBODY:
        raise EndpointError(
            "lokid does not run as nobody (uid 65534): in a user namespace every other user has the same"
            " number, so peers could not be told apart. Run it as a user of its own."
        )


def _check_length(path: str) -> None:
    longest = max(len(os.fsencode(path)), len(os.fsencode(_temporary(path))))
    if longest > MAX_PATH:
        raise EndpointError(
            f"the path of the socket is too long for Unix ({longest} bytes, at most {MAX_PATH}): {path}.",
            "Set {} to a shorter one.",
        )


def _check_directory(directory: str, *, create: bool) -> None:
    if create:
        try:
            previous = os.umask(0o077)  # also for the parents, whose mode makedirs does not set
            try:
                os.makedirs(directory, mode=0o700, exist_ok=True)
            finally:
                os.umask(previous)
        except FileExistsError:
            pass  # a file or a dangling symlink: named below
        except OSError as error:
            raise EndpointError(
                f"cannot make the directory {directory}: {error.strerror};", ELSEWHERE
            ) from error
    try:
        found = os.lstat(directory)
    except OSError as error:
        raise EndpointError(f"cannot look at the directory {directory}: {error.strerror}.") from error
    if stat.S_ISLNK(found.st_mode):
        raise EndpointError(f"{directory} is a symbolic link: lokid does not follow it to make its socket.")
    if not stat.S_ISDIR(found.st_mode):
        raise EndpointError(f"{directory} is not a directory.")
    if found.st_uid != os.geteuid():
        raise EndpointError(f"{directory} belongs to uid {found.st_uid}, not to you:", ELSEWHERE)
    if found.st_mode & 0o077:
        # Not /tmp, /run or a home: closing those locks others out of what is theirs, and root could.
        ours = set(os.listdir(directory)) <= _FILES
        mend = f" run `chmod 700 {directory}` or" if ours else ""
        raise EndpointError(
            f"others may enter {directory} (mode {stat.S_IMODE(found.st_mode):04o}):{mend}",
            "choose another place with {}, in a directory of its own.",
        )


def _lock(path: str) -> int:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise EndpointError(f"cannot open the lock {path}: {why};", ELSEWHERE) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise EndpointBusy(f"another lokid runs already: it holds the lock {path}.") from None
        raise EndpointError(f"cannot lock {path}: {error.strerror}.") from error
    return lock


def _take(inherited: Sequence[tuple[int, str]]) -> socket.socket:
    """The RPC socket among the descriptors of systemd: the only one, or the one with our name."""
    ours = [fd for fd, name in inherited if name == RPC_FD_NAME] or [fd for fd, _ in inherited]
    if len(ours) != 1:
        raise EndpointError(
            f"systemd handed over {len(ours)} sockets: name one of them with"
            f" FileDescriptorName={RPC_FD_NAME}."
        )
    for fd, _ in inherited:
        if fd != ours[0]:
            os.close(fd)
    try:
        sock = socket.socket(fileno=ours[0])
    except OSError as error:
        raise EndpointError(f"descriptor {ours[0]} of systemd is not a socket.") from error
    listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM or not listens:
        sock.close()
        raise EndpointError(f"descriptor {ours[0]} of systemd is not a listening Unix stream socket.")
    return sock


def _path_of(sock: socket.socket) -> str:
    name = sock.getsockname()
    path = os.fsdecode(name)
    if not path or path.startswith("\0"):
        raise EndpointError("the socket of systemd has no path: an abstract name has no mode and no owner.")
    return path


def _temporary(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".{os.getpid()}")


def _bind(path: str) -> tuple[socket.socket, tuple[int, int]]:
    _check_replaceable(path)
    temporary = _temporary(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setblocking(False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # of an earlier process with our number that was killed right here
        previous = os.umask(0o177)
        try:
            sock.bind(temporary)
        finally:
            os.umask(previous)
        sock.listen(BACKLOG)
        identity = _identity(temporary)
        os.rename(temporary, path)
    except OSError as error:
        sock.close()
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise EndpointError(f"cannot make the socket {path}: {error.strerror}.") from error
    assert identity is not None, "the directory is ours alone and the socket was bound a moment ago"
    return sock, identity


def _check_replaceable(path: str) -> None:
    """Only a socket on which nobody answers is stale. One that answers without our lock may be systemd's,
    waiting to start a daemon of its own, or one of another version: never take it over."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise EndpointError(f"{path} is not a socket: move it away or", ELSEWHERE)
    if not _is_served(path):
        return
    raise EndpointBusy(
        f"somebody listens on {path} already (systemd's lokid.socket, or another lokid): start lokid with"
        " `systemctl --user start lokid`, or stop the other one first."
    )


def _is_served(path: str) -> bool:
    """Whether somebody listens there; raises EndpointError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)  # a full backlog answers EAGAIN here, and means that somebody listens
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise EndpointError(f"cannot tell who listens on {path}: {error.strerror}.") from error
    return True


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
