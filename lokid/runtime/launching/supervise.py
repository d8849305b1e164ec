"""Runs one command and does not let it outlive lokid: ``python -I -S supervise.py GRACE COMMAND...``.

lokid starts this little program, in a session of its own, instead of the command itself. Its standard
input is a pipe whose other end only lokid holds, so the kernel tells it (end of file) when lokid is gone,
however that happened, SIGKILL included; lokid closes it too when the command is to stop. Then everything that
the command started gets SIGTERM and, ``GRACE`` seconds later, SIGKILL, until nothing is left. The same
happens when the command ends by itself. SIGTERM and its like are no signals to this program: it waits for the
command, which may have got them too.

"Everything" is more than the process group: a program that makes itself a daemon (forks twice, takes a
session of its own) leaves the group. On Linux this program is a "child subreaper": whatever loses its parent
below it becomes its own child, and so it sees all of them.

Why not ``PR_SET_PDEATHSIG`` alone: it fires when the *thread* that started the child ends, and trio starts
processes in worker threads that end after ten idle seconds; it also exists on Linux only, and spares the
command's own children. But if this program is killed (``killall -9 python3``), it ends the command.

Exit status: that of the command, 128 + the signal that ended it, or 127 if it cannot be run (one line on
stderr says why). Standard library only, and few modules, because it stays in memory (10 MiB).
"""

import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
"""linux/prctl.h"""

IGNORED = [getattr(signal, f"SIG{name}") for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM"]]
"""Whoever sends one means the command, which shares our group, and matches the same ``pkill -f``."""

POLL_S = 0.02
"""How often what has to end is looked for; a new process may be born while one list is read."""


def run(command: list[str], parent: int) -> None:
    """In the child: becomes ``command``; standard input is empty, signals are as after a login."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number in (*IGNORED, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command of the user's own configuration
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(127)


def prctl(option: int, value: int) -> bool:
    """Whether the kernel has taken it. Linux only."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def below() -> list[int]:
    """Every process that descends from this one, as far as the kernel lists them."""
    parents: dict[int, list[int]] = {}
    for name in filter(str.isdigit, _listing("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # "pid (name) state parent ...": the name may hold brackets, what follows it does not.
                parent = file.read().rpartition(b")")[2].split()[1]
        except (OSError, IndexError):  # it ended meanwhile
            continue
        parents.setdefault(int(parent), []).append(int(name))
    found = parents.get(os.getpid(), [])
    # A program that closed itself to others (an agent) is hidden where /proc is; our own list has it.
    found += [pid for pid in _own_children() if pid not in found]
    for pid in found:  # grows while it is walked
        found += parents.get(pid, [])
    return found


def _listing(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:  # not Linux
        return []


def _own_children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def terminate() -> None:
    """SIGTERM once for everything: a second one tells some servers to drop what they do."""
    group = os.getpgid(0)
    os.killpg(0, signal.SIGTERM)  # this process ignores it
    for pid in below():
        try:
            if os.getpgid(pid) != group:
                os.kill(pid, signal.SIGTERM)
        except OSError:  # it ended, or is another user's by now
            continue


def kill(reaper: bool) -> None:
    """SIGKILL for everything; without a reaper also for this process, which is in the group."""
    if not reaper:
        os.killpg(0, signal.SIGKILL)
    for pid in below():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def reap(pid: int) -> tuple[int | None, bool]:
    """Buries what has ended: the wait status of ``pid`` if it is in that, and whether children are left."""
    status = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == pid:
                status = ended[1]
    except ChildProcessError:
        return status, False
    return status, True


def wait(grace: float, pid: int, wake: int, reaper: bool) -> int | None:
    """The wait status of ``pid``, when nothing is left that is to end; None if it could not be ended."""
    watched = [0, wake]
    status: int | None = None
    kill_at: float | None = None  # set once everything is to end
    while True:
        found, left = reap(pid)
        status = status if found is None else found
        if status is not None and kill_at is None:
            kill_at = time.monotonic() + grace
            terminate()
        if not left or (status is not None and not reaper):
            return status
        if kill_at is not None and time.monotonic() >= kill_at:
            if time.monotonic() >= kill_at + grace:  # what not even SIGKILL ends: it hangs in the kernel
                return status
            kill(reaper)
        ready, _, _ = select.select(watched, [], [], None if kill_at is None else POLL_S)
        if wake in ready:
            os.read(wake, 64)
        if 0 in ready and not os.read(0, 64):
            watched = [wake]
            if kill_at is None:
                kill_at = time.monotonic() + grace
                terminate()


def main(grace: float, command: list[str]) -> int:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wake-up descriptor is written
    reaper = prctl(PR_SET_CHILD_SUBREAPER, 1)  # whatever loses its parent below us becomes our child
    ourselves, pid = os.getpid(), os.fork()
    if pid == 0:
        run(command, ourselves)
    status = wait(grace, pid, wake_read, reaper)
    code = -signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
