"""``python -m tests.fakes.hanging_names``: the real daemon on a machine whose name server answers for some
names and leaves others without an answer for ever."""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

HANGS = ".hangs.test"
LOCAL = ".local.test"
"""Names that end so are 127.0.0.1."""


def main() -> int:
    from lokid import daemon

    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if isinstance(host, str) and host.endswith(HANGS):
            while True:
                time.sleep(60)
        if isinstance(host, str) and host.endswith(LOCAL):
            host = "127.0.0.1"
        return real(host, *args, **options)

    socket.getaddrinfo = look_up
    return daemon.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
