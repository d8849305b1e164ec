"""Who is at the other end of a connection."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from dataclasses import dataclass

Connected = socket.socket
"""A connected, non-blocking Unix stream socket."""


@dataclass(frozen=True, slots=True)
class Peer:
    """As the kernel saw it at ``connect``. ``pid`` is 0 for a process outside our PID namespace."""

    pid: int
    uid: int


def peer_of(sock: Connected) -> Peer:
    """Before a byte is read: unix(7), SO_PEERCRED is ``struct ucred {pid, uid, gid}``."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer(pid, uid)


LONGEST_NAME = 64
"""Characters of what a client calls itself: a column of ``lokictl ps``."""


def called(program: str, name: str) -> str:
    """``program``, and in parentheses what it calls itself if that says more: every script of Python is
    ``python3``, and ``hello`` knows which one. ``name``: ``mailbot`` or ``mailbot/1.2``."""
    name = "".join(filter(str.isprintable, name.partition("/")[0])).strip()[:LONGEST_NAME]
    if not name or name == program:
        return program
    return f"{program} ({name})" if program else name


def program_of(pid: int) -> str:
    """Name of a process, for display only: it may change its name, or be gone ("")."""
    with (
        contextlib.suppress(OSError),
        open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm,
    ):
        return comm.read().strip()
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    return ""
