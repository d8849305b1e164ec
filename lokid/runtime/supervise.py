"""Runs one command and does not let it outlive lokid: ``python -I -S supervise.py COMMAND...``.

lokid starts this little program, in a session of its own, instead of the command itself. Its standard
input is a pipe whose other end only lokid holds, so the kernel tells it (end of file) when lokid is gone,
however that happened, SIGKILL included. Then the whole process group gets SIGTERM and, five seconds later,
SIGKILL. On SIGTERM it waits for the command, which got the signal too, being in the same group.

Why not ``PR_SET_PDEATHSIG``: it fires when the *thread* that started the child ends, and trio starts
processes in worker threads that end after ten idle seconds; it also exists on Linux only, and spares the
command's own children.

Exit status: that of the command, 128 + the signal that ended it, or 127 if it cannot be run (one line on
stderr says why). Standard library only, and few modules, because it stays in memory (8 MiB).
"""

import os
import select
import signal
import sys

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL: enough for a server to close, short enough to wait for."""


def run(command: list[str]) -> None:
    """In the child: becomes ``command``; standard input is empty, signals are as after a login."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command of the user's own configuration
    except OSError as error:
        os.write(2, f"cannot run {command[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(127)


def main(command: list[str]) -> int:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wake-up descriptor is written
    pid = os.fork()
    if pid == 0:
        run(command)
    watched = [0, wake_read]
    limit: float | None = None
    while True:
        ready, _, _ = select.select(watched, [], [], limit)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if not ready:
            os.killpg(0, signal.SIGKILL)  # ends this process as well
        if wake_read in ready:
            os.read(wake_read, 64)
        if 0 in ready and not os.read(0, 64):
            watched, limit = [wake_read], GRACE
            os.killpg(0, signal.SIGTERM)
    os.killpg(0, signal.SIGTERM)  # what the command left behind in its group; not this process
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
