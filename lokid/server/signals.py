"""The signals that mean something to lokid. They are kept back until somebody heeds them: before that,
each would end the process where it stands, SIGHUP too, and with it whoever connected already."""

from __future__ import annotations

import signal

HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def hold() -> None:
    """From here on they wait. Threads and programs started meanwhile would keep them back for good.

    Who started lokid may have wanted to know nothing of programs that end. lokid does: it is told how."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)


def release() -> None:
    """Those that waited come now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
