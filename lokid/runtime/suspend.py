"""How long this machine has slept. Whoever remembers the figure and finds a larger one later has slept in
between, and needs no clock that ticks to notice it."""

from __future__ import annotations

import time

NOTICED_S = 1.0
"""A sleep that counts. Even a short one may end in another network; what it costs to think so is a
connection."""

# Of the two clocks one runs on during a suspend. On Linux that is CLOCK_BOOTTIME; elsewhere time.monotonic
# stands still and CLOCK_MONOTONIC does not.
_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def slept_s() -> float:
    """Seconds since the machine was started that it was suspended."""
    return time.clock_gettime(_RUNNING) - time.monotonic()


class Wakefulness:
    """Since it was made."""

    __slots__ = ("_slept_s",)

    def __init__(self) -> None:
        self._slept_s = slept_s()

    def interrupted(self) -> bool:
        """Whether the machine was suspended meanwhile. Half a microsecond."""
        return slept_s() - self._slept_s > NOTICED_S
