"""A clock that runs on while the machine is suspended, and how long it has slept. Whoever remembers that
figure and finds a larger one later has slept in between, and needs no clock that ticks to notice it."""

from __future__ import annotations

import time

NOTICED_S = 1.0
"""A sleep that counts. Even a short one may end in another network; what it costs to think so is a
connection."""

# Of the two clocks one runs on during a suspend. On Linux that is CLOCK_BOOTTIME; elsewhere time.monotonic
# stands still and CLOCK_MONOTONIC does not.
_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def running() -> float:
    """Seconds since some moment, those of a suspend included. Nobody sets this clock."""
    return time.clock_gettime(_RUNNING)


def slept_s() -> float:
    """Seconds since the machine was started that it was suspended."""
    return running() - time.monotonic()


class Wakefulness:
    """Since it was made."""

    __slots__ = ("_slept_s",)

    def __init__(self) -> None:
        self._slept_s = slept_s()

    def interrupted(self) -> bool:
        """Whether the machine was suspended meanwhile. Half a microsecond."""
        return slept_s() - self._slept_s > NOTICED_S
