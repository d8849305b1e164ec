"""``lab_attack.py PID``: what another program of the same user can take out of a process. Prints a JSON map
of what was possible, for PID and for an ordinary child of this program (``control``)."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable

PTRACE_ATTACH, PTRACE_DETACH, SYS_PIDFD_GETFD = 16, 17, 438
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def checked(result: int) -> int:
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def read(name: str) -> Callable[[int], object]:
    def attempt(pid: int) -> None:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            file.read(1) if name != "mem" else None

    return attempt


def trace(pid: int) -> None:
    checked(libc.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, WALL)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def copy_memory(pid: int) -> None:
    """Its first mapping; where that is is a secret too, so any address will do for the refusal."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            address = int(file.readline().split("-")[0], 16)
    except OSError:
        address = 0x400000
    page = ctypes.create_string_buffer(16)
    here = Span(ctypes.cast(page, ctypes.c_void_p), 16)
    there = Span(address, 16)
    checked(libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))


def take_descriptor(pid: int) -> None:
    process = os.pidfd_open(pid)
    try:
        os.close(checked(libc.syscall(SYS_PIDFD_GETFD, process, 1, 0)))
    finally:
        os.close(process)


ATTACKS: dict[str, Callable[[int], object]] = {
    "environ": read("environ"),
    "maps": read("maps"),
    "mem": read("mem"),
    "auxv": read("auxv"),
    "fd": lambda pid: os.listdir(f"/proc/{pid}/fd"),
    "exe": lambda pid: os.readlink(f"/proc/{pid}/exe"),
    "root": lambda pid: os.listdir(f"/proc/{pid}/root/"),
    "ptrace": trace,
    "process_vm_readv": copy_memory,
    "pidfd_getfd": take_descriptor,
}


def possible(pid: int) -> list[str]:
    found = []
    for name, attack in ATTACKS.items():
        try:
            attack(pid)
        except OSError:
            continue
        found.append(name)
    return found


with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
    control = possible(child.pid)
    child.kill()
print("attack", json.dumps({"lokid": possible(int(sys.argv[1])), "control": control, "all": list(ATTACKS)}))
