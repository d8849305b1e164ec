"""``lokid``, ``python -m lokid``."""

import os
import sys

PR_SET_DUMPABLE = 4
"""linux/prctl.h"""


def main() -> None:
    close()
    from lokid import daemon

    status = daemon.main()
    # Everything is closed. Leave without the interpreter's own tear-down, which waits for every thread,
    # and one may hang in a name look-up.
    from contextlib import suppress  # not above, where nothing may come before the memory is closed

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # a full disk; None, where it was closed
            stream.flush()
    os._exit(status)


def close() -> None:
    """Nobody may open our memory from here on (``daemon.harden`` does the rest). Whoever has opened it keeps
    it, with every secret that comes later: so before the first import that takes time."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    main()
