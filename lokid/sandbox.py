"""What this process really cannot do: the sandbox of its systemd unit as the kernel enforces it.

A unit file is no evidence. In a user's unit systemd ignores every line about files, ``/tmp``, ``/dev`` and
``/proc`` in silence where it cannot make a user namespace (no ``PrivateUsers=``; a kernel or an AppArmor that
forbids it), and ``systemd-analyze security`` still calls that unit safe. So lokid tries, once, at its start.

``probe`` collects ``Facts`` (about 1 ms, changes nothing); everything else is a pure table over them. To add
a probe: a field of ``Facts`` if need be, and a line in ``PROBES``.
"""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["complete", "partial", "none"]

UNIT = "lokid.service"

CLONE_NEWNET, NO_FLAG = 0x40000000, 0x1
"""linux/sched.h; the second is none that unshare(2) knows, so the kernel refuses with EINVAL what a filter
has let through: asked in earnest, it would take this process into a network without a network."""

PR_GET_DUMPABLE = 3
"""linux/prctl.h"""

DEVICES = ("/dev/kmsg", "/dev/mem", "/dev/fuse", "/dev/uinput", "/dev/input", "/dev/dri", "/dev/snd")
"""Of these a machine has at least the first; PrivateDevices= leaves null, zero, random and the like."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the kernel answered. ``mounts``: (mount point, root within its file system). ``dumpable``: as
    PR_GET_DUMPABLE, 0 after ``lokid.daemon.harden``."""

    status: Mapping[str, str]
    mounts: tuple[tuple[str, str], ...]
    cgroup: str
    own_user_namespace: bool
    home_read_only: bool
    system_read_only: bool
    keys_readable: bool
    devices: bool
    executable_memory: bool
    netlink: bool
    namespaces: bool
    dumpable: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """``holds``: whether the facts say so."""

    name: str
    holds: Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """``probes``: what holds. ``memory_closed``: to other programs of the same user. ``reason``: of a unit's
    missing part, a sentence; else None."""

    state: State
    service: bool
    probes: Mapping[str, bool]
    memory_closed: bool
    reason: str | None

    def as_map(self) -> dict[str, Any]:
        """For ``status``."""
        found: dict[str, Any] = {
            "state": self.state,
            "service": self.service,
            "probes": dict(self.probes),
            "memory_closed": self.memory_closed,
        }
        return found | ({"reason": self.reason} if self.reason else {})


def _is_zero(facts: Facts, *names: str) -> bool:
    return all(int(facts.status.get(name, "1"), 16) == 0 for name in names)


def _temp_is_private(facts: Facts) -> bool:
    # The last mount on a point is the one that is seen.
    roots = [root for point, root in facts.mounts if point == "/tmp"]  # noqa: S108 - looked at, not used
    return bool(roots) and "systemd-private-" in roots[-1]


PROBES = (
    Probe("no_new_privileges", lambda facts: facts.status.get("NoNewPrivs") == "1"),
    Probe("no_capabilities", lambda facts: _is_zero(facts, "CapEff", "CapPrm", "CapInh")),
    Probe("system_calls_filtered", lambda facts: facts.status.get("Seccomp") == "2"),
    Probe("no_executable_memory", lambda facts: not facts.executable_memory),
    Probe("no_other_networks", lambda facts: not facts.netlink),
    Probe("no_namespaces", lambda facts: not facts.namespaces),
    # In a user's unit systemd needs a user namespace for the others.
    Probe("system_read_only", lambda facts: facts.system_read_only),
    Probe("home_read_only", lambda facts: facts.home_read_only),
    Probe("ssh_keys_hidden", lambda facts: not facts.keys_readable),
    Probe("temp_private", _temp_is_private),
    Probe("devices_private", lambda facts: not facts.devices),
)

FILTERS = ("system_calls_filtered", "no_executable_memory")
"""Without these nobody made a sandbox: a user has no capabilities anyway, and a container few devices."""

NO_NAMESPACE = (
    "systemd ignores the lines about files, /tmp, /dev and /proc, because it could not make a user namespace:"
    " PrivateUsers=yes is missing (systemctl --user cat lokid), or the kernel forbids it (sysctl"
    " user.max_user_namespaces; on Ubuntu kernel.apparmor_restrict_unprivileged_userns)"
)
CHANGED = (
    "the unit is older or was changed: systemctl --user cat lokid; lokictl daemon install writes it anew"
)


def verdict(facts: Facts) -> Sandbox:
    found = {probe.name: probe.holds(facts) for probe in PROBES}
    service = facts.cgroup.strip().endswith(f"/{UNIT}")
    state: State = "partial"
    if all(found.values()):
        state = "complete"
    elif not service and not any(found[name] for name in FILTERS):
        state = "none"
    reason = None
    if service and state != "complete":
        files_open = not found["home_read_only"] and not found["temp_private"]
        reason = NO_NAMESPACE if files_open and not facts.own_user_namespace else CHANGED
    # Who made a user namespace has every capability in it, also the one that ptrace(2) asks for where a
    # process is not dumpable: for all programs of its user the kernel's door is open again.
    closed = not facts.dumpable and not facts.own_user_namespace
    return Sandbox(state, service, found, closed, reason)


# --- asking the kernel


@functools.cache
def of_this_process() -> Sandbox:
    """Looked at once: nothing can be taken out of a sandbox, nor put into one, while it runs."""
    return verdict(probe(os.environ.get("HOME") or "/"))


def probe(home: str) -> Facts:
    own = _lines("/proc/self/status")
    groups = _lines("/proc/self/cgroup")
    return Facts(
        status={name: value.strip() for name, _, value in (line.partition(":") for line in own)},
        mounts=tuple(_mount(line) for line in _lines("/proc/self/mountinfo")),
        # "0::/path" is the unified hierarchy, in which systemd puts units.
        cgroup=next((line[3:] for line in groups if line.startswith("0::")), ""),
        own_user_namespace="".join(_lines("/proc/self/uid_map")).split() != ["0", "0", "4294967295"],
        home_read_only=_is_read_only(home),
        system_read_only=_is_read_only("/usr") and _is_read_only("/"),
        keys_readable=os.access(os.path.join(home, ".ssh"), os.R_OK),
        devices=any(map(os.path.exists, DEVICES)),
        executable_memory=_may_write_and_execute(),
        netlink=_may_use_netlink(),
        namespaces=_may_make_namespaces(),
        dumpable=_is_dumpable(),
    )


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:  # not Linux, or a /proc that has been closed further
        return []


def _mount(line: str) -> tuple[str, str]:
    """A line of proc(5), /proc/PID/mountinfo: 36 35 98:0 /root /point options ..."""
    _, _, _, root, point, *_ = line.split()
    return point, root


def _is_read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _may_write_and_execute() -> bool:
    import mmap

    if not hasattr(mmap, "PROT_EXEC"):
        return True
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except OSError:
        return False
    return True


def _may_use_netlink() -> bool:
    import socket

    try:
        socket.socket(getattr(socket, "AF_NETLINK", -1), socket.SOCK_RAW, 0).close()
    except OSError:
        return sys.platform != "linux"
    return True


def _may_make_namespaces() -> bool:
    if sys.platform != "linux":
        return True
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    return not (library.unshare(CLONE_NEWNET | NO_FLAG) == -1 and ctypes.get_errno() == errno.EPERM)


def _is_dumpable() -> bool:
    if sys.platform != "linux":
        return True
    import ctypes

    return bool(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)


# --- what lokid, or a program that it starts, may stumble over

DROP_INS = (
    (("read-only file system", "erofs"), "ReadWritePaths=/its/directory"),
    (("cuda", "vulkan", "rocm", "hip error", "/dev/dri", "/dev/nvidia"), "PrivateDevices=no"),
    (("memoryerror", "cannot allocate", "out of memory", "sigkill"), "MemoryHigh=, MemoryMax="),
    (("address family", "eafnosupport"), "RestrictAddressFamilies=AF_NETLINK"),
    # Programs that compile while they run (Node, Java, LuaJIT) stop with a trap or an assertion.
    (
        ("sigtrap", "sigill", "sigsegv", "sigabrt", "mprotect", "jit", "code range"),
        "MemoryDenyWriteExecute=no",
    ),
)
"""Words of a program's end -> the line of a drop-in that lets it. Looked at from the top."""


def advice(sandbox: Sandbox, said: str) -> str:
    """The end of a hint for a program that failed and ``said`` this; empty without a sandbox."""
    if sandbox.state == "none":
        return ""
    said = said.lower()
    for words, line in DROP_INS:
        if any(word in said for word in words):
            return f"; the sandbox is in its way: systemctl --user edit lokid, [Service], {line}"
    return '; if it works there: "The sandbox" in docs/security.md (writing, devices, code made at run time)'


def hidden(files: Iterable[str], sandbox: Sandbox | None = None) -> str:
    """Why nobody else finds one of ``files`` where this process would make it, and it goes with the service;
    empty if that is not so."""
    sandbox = sandbox or of_this_process()
    if not (sandbox.service and sandbox.probes["temp_private"]):  # else whoever asks may share it
        return ""
    own = (path for path in files if os.path.realpath(path).startswith(("/tmp/", "/var/tmp/")))  # noqa: S108
    return next((f"{path} would be in the service's own /tmp, which ends with it" for path in own), "")


def unwritable(sandbox: Sandbox, error: OSError, files: Iterable[str]) -> str | None:
    """The hint for ``files`` of lokid's own that could not be saved. None: the unit is not to blame."""
    if error.errno != errno.EROFS or not (sandbox.service and sandbox.probes["system_read_only"]):
        return None
    closed = [path for path in dict.fromkeys(map(os.path.dirname, files)) if not os.access(path, os.W_OK)]
    if missing := [path for path in closed if not os.path.isdir(path)]:
        return f"make {' '.join(missing)}, or mount its disk, and then: lokictl daemon restart"
    where = " ".join(closed)
    return (
        "if the disk is not read-only, the sandbox of the service is:"
        f" lokictl daemon install opens {where} to lokid, if it is a directory of its own"
    )
