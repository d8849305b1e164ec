"""What a process can do: each line of the sandbox tried in earnest, whatever lokid says about itself. Runs in
place of lokid, under its unit; prints one JSON map of what was possible."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import socket
import sys
import tempfile
from collections.abc import Callable

HOME = os.environ["HOME"]
STATE = f"{HOME}/.local/state/lokid"
OTHERS_PID, PLANTED = sys.argv[1:]

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def write(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write("x")


def read(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        file.read()


def checked(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def make_data_executable() -> None:
    page = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | 0x20, -1, 0)
    checked(libc.mprotect(page, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC))


def trace_a_child() -> None:
    child = os.fork()
    if child == 0:
        libc.pause()
        os._exit(0)
    try:
        checked(libc.ptrace(16, child, 0, 0))  # PTRACE_ATTACH
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def make_setuid() -> None:
    write(f"{STATE}/setuid")
    os.chmod(f"{STATE}/setuid", 0o4700)


def open_socket(family: int, kind: int = socket.SOCK_DGRAM) -> Callable[[], None]:
    return lambda: socket.socket(family, kind).close()


TRIES: dict[str, Callable[[], object]] = {
    "write the state": lambda: write(f"{STATE}/probe"),
    "write home": lambda: write(f"{HOME}/probe"),
    "write a start-up file": lambda: write(f"{HOME}/.profile"),
    "write the configuration": lambda: write(f"{HOME}/.config/lokid/probe"),
    "read the configuration": lambda: read(f"{HOME}/.config/lokid/config.yaml"),
    "read an ssh key": lambda: read(f"{HOME}/.ssh/id"),
    "see others' temporary files": lambda: os.stat(PLANTED),
    "use temporary files": lambda: tempfile.TemporaryFile().close(),
    "write and execute memory": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=7).close(),
    "make data executable": make_data_executable,
    "talk internet": open_socket(socket.AF_INET),
    "talk netlink": open_socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "talk packets": open_socket(socket.AF_PACKET, socket.SOCK_RAW),
    "talk to the kernel's cryptography": open_socket(38, socket.SOCK_SEQPACKET),
    "talk to virtual machines": open_socket(40, socket.SOCK_STREAM),
    "see others' processes": lambda: os.listdir(f"/proc/{OTHERS_PID}"),
    "see the machine's memory figures": lambda: read("/proc/meminfo"),
    "read the kernel's log": lambda: open("/dev/kmsg", "rb").close(),
    "make a user namespace": lambda: checked(libc.unshare(0x10000000)),
    "trace a process": trace_a_child,
    "make a setuid file": make_setuid,
    "change the personality": lambda: checked(libc.personality(0x0008)),
    "write a control group": lambda: write("/sys/fs/cgroup/probe"),
    "use devices": lambda: read("/dev/null"),
}


def possible(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, FileNotFoundError):
        return False
    return True


def field(name: str) -> str:
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(line.split()[1] for line in file if line.startswith(f"{name}:"))


found: dict[str, object] = {name: possible(attempt) for name, attempt in TRIES.items()}
found |= {name: field(name) for name in ("CapEff", "CapBnd", "Seccomp", "NoNewPrivs", "Umask")}
found["environ"] = sorted(os.environ)
print("probe", json.dumps(found))
