"""What the running daemon says of itself. Asked by those who want to know which one runs, and start none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lokictl import ending
from lokictl.link import Link, Lost, connect, heard, path_of_socket, peer


def greet(on_wait: Callable[[], float | None] = lambda: None) -> Mapping[str, Any] | None:
    """``HelloResult``, and ``process``: the daemon's number here, 0 if it has none. None when no daemon runs.
    Raises ``Failure``, as ``Hangs``. ``on_wait``: as of ``Link.request``."""
    sock = connect(path_of_socket())
    if sock is None:
        return None
    greetings: list[Mapping[str, Any]] = []
    link = Link(sock, greetings.append)
    try:
        for _ in link.request("requests.list", {}, on_wait):
            pass
        listening, _ = peer(sock)
    except Lost:
        return None  # it went away while we asked
    finally:
        link.close()
    hello = greetings[0]
    heard.update(method="hello", result=hello)
    return {**hello, "process": _process(hello["pid"], listening)}


def _process(said: int, listening: int) -> int:
    """``said``: its number in its own PID namespace, which another process may have in ours. ``listening``:
    who made the socket, in ours; of a service that is systemd."""
    if said == listening:
        return said
    return next((pid for pid in (said, listening) if pid and ending.is_lokid(pid)), 0)
