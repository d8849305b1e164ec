"""What the running daemon says of itself. Asked by those who want to know which one runs, and start none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lokictl.link import Link, Lost, connect, heard, path_of_socket


def greet(on_wait: Callable[[], float | None] = lambda: None) -> Mapping[str, Any] | None:
    """``HelloResult``; None when no daemon runs. Raises ``Failure``, as ``Hangs``. ``on_wait``: as of
    ``Link.request``."""
    sock = connect(path_of_socket())
    if sock is None:
        return None
    greetings: list[Mapping[str, Any]] = []
    link = Link(sock, greetings.append)
    try:
        for _ in link.request("requests.list", {}, on_wait):
            pass
    except Lost:
        return None  # it went away while we asked
    finally:
        link.close()
    heard.update(method="hello", result=greetings[0])
    return greetings[0]
