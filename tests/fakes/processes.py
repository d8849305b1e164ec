"""What became of other processes."""

from __future__ import annotations

import psutil


def gone(process: psutil.Process) -> bool:
    """Ended. A zombie counts: in a container nobody may be there to reap what lost its parent."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
