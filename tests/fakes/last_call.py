"""A piece of a program that dies at a system call of your choice.

The program starts once and makes itself ready; each run is a fork of it, which waits until strace has it. So
only the calls of the piece are counted and nothing else is slowed by strace: a run takes 50 ms.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.daemon import poll

LOOP = """
import ctypes, os, signal, sys
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)  # some systems let only parents trace
{ready}
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        piece(line.strip())
        os._exit(0)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Forks:
    """Runs of the piece, each with an argument of one line."""

    def __init__(self, program: subprocess.Popen[str], calls: str, log: Path) -> None:
        self._program = program
        self._calls = calls
        self._log = log

    def calls(self, argument: str) -> list[tuple[str, int]]:
        """Those that a whole run makes, in order: ``[("openat", 1), ("write", 1), ("openat", 2), ...]``."""
        assert self._run(argument) == 0
        counts: Counter[str] = Counter()
        found = []
        for name in re.findall(r"^\d+ +(\w+)\(", self._log.read_text(), re.MULTILINE):
            counts[name] += 1
            found.append((name, counts[name]))
        return found

    def die(self, argument: str, call: str, number: int) -> None:
        """A run that is killed when it makes its ``number``-th ``call``, before that has an effect."""
        status = self._run(argument, "-e", f"inject={call}:signal=SIGKILL:when={number}")
        assert status == -9, (call, number, status)

    def _run(self, argument: str, *options: str) -> int:
        assert self._program.stdin is not None and self._program.stdout is not None
        print(argument, file=self._program.stdin, flush=True)
        pid = self._program.stdout.readline().strip()
        poll(lambda: _of(pid, "State").startswith("T"))
        traced = ["strace", "-f", "-qq", "-o", str(self._log), "-e", f"trace={self._calls}", *options]
        with subprocess.Popen([*traced, "-p", pid]) as strace:
            poll(lambda: _of(pid, "TracerPid") == str(strace.pid))
            subprocess.run(["/bin/kill", "-CONT", pid], check=True)
        return int(self._program.stdout.readline())


def _of(pid: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return found[1]


@contextmanager
def forks(ready: str, environ: Mapping[str, str], calls: str, log: Path, *arguments: str) -> Iterator[Forks]:
    """``ready`` is Python that ends with ``def piece(argument)`` and finds ``arguments`` in ``sys.argv``;
    ``calls`` as ``"write,fsync"``; ``log`` a file for strace."""
    command = [sys.executable, "-c", LOOP.format(ready=ready), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environ, text=True, **pipes) as program:
        yield Forks(program, calls, log)
