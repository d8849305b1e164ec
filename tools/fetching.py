"""Runs a program that fetches files, and shows on a terminal how far it is.

    python tools/fetching.py MEGABYTES COMMAND [ARGUMENT]...

pip has a progress bar only in the midst of several lines for each package. So it runs quietly, with a
directory of its own for temporary files, and what has come into that is counted. ``MEGABYTES`` is about what
there is to fetch; 0: nobody knows, or it comes elsewhere, and seconds are all that is shown.

Where standard error is no terminal, nothing is printed. Exit status: that of the command, and 128 + the
signal that ended it. Standard library only: nothing is installed yet.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

PAUSE_S = 0.25

CLEAR = "\r\x1b[K"


def main(arguments: Sequence[str]) -> int:
    megabytes, command = int(arguments[0]), arguments[1:]
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        os.execvp(command[0], list(command))  # noqa: S606 - what the Makefile says, without a shell
    with tempfile.TemporaryDirectory(prefix="lokid-fetching.", ignore_cleanup_errors=True) as directory:
        return _watch(command, directory, megabytes)


def _watch(command: Sequence[str], directory: str, megabytes: int) -> int:
    # Ctrl-C goes to the command too, and how that ends is how we end. (It would inherit SIG_IGN.)
    signal.signal(signal.SIGINT, lambda *_: None)
    began_at = time.monotonic()
    most = 0
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": directory}) as process:  # noqa: S603
        while True:
            try:
                status = process.wait(PAUSE_S)
                break
            except subprocess.TimeoutExpired:
                most = max(most, size(directory))  # files go from there as they are unpacked
                sys.stderr.write(f"{CLEAR}  {line(most, megabytes, time.monotonic() - began_at)}")
                sys.stderr.flush()
    sys.stderr.write(CLEAR)
    return status if status >= 0 else 128 - status


def line(fetched: int, megabytes: int, seconds: float) -> str:
    """``43 of about 100 MB, 12 s``. ``fetched``: bytes."""
    if not megabytes:
        return f"{seconds:.0f} s"
    return f"{fetched // 1_000_000} of about {megabytes} MB, {seconds:.0f} s"


def size(directory: str) -> int:
    """Bytes of all files in the folders of ``directory``; they may come and go meanwhile. What lies beside
    the folders are second copies, on their way into pip's cache."""
    total = 0
    for folder, _, names in os.walk(directory):
        if folder == directory:
            continue
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
