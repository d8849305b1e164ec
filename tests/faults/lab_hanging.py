"""lokid itself; ``clients.list`` stops the event loop, once for each file ``block`` in its state."""

from __future__ import annotations

import os
import time
from typing import Any

from lokid import __main__
from lokid.runtime.core import Runtime

listed = Runtime.list_clients


def hang(runtime: Runtime) -> list[dict[str, Any]]:
    try:
        os.unlink(os.path.expanduser("~/.local/state/lokid/block"))
    except OSError:
        return listed(runtime)
    time.sleep(600)
    raise AssertionError


Runtime.list_clients = hang  # type: ignore[method-assign]
__main__.main()
