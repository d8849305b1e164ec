"""The clock of the event loop, for what looks at it with every event of a stream.

``anyio.current_time`` first finds out which loop runs, which takes ten times as long as the clock itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import anyio
import anyio.lowlevel


def clock() -> Callable[[], float]:
    """What ``anyio.current_time`` gives, for as long as the present event loop runs."""
    # Asyncio's loops are clocks themselves; Trio's may be a test's own.
    loop = anyio.lowlevel.current_token().native_token
    return cast("Callable[[], float]", getattr(loop, "time", anyio.current_time))
