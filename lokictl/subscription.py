"""What changes in the daemon, for who wants to know it as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lokictl.failure import Failure
from lokictl.link import Link, Lost, dial, may_start


def events(
    topics: Sequence[str] | None = None,
    *,
    start: bool = False,
    on_hello: Callable[[Mapping[str, Any]], None] = lambda _: None,
    on_wait: Callable[[Link], None] | None = lambda _: None,
    name: str | None = None,
) -> Iterator[Mapping[str, Any]]:
    """How everything of ``topics`` (None: all) is now, then each change (``EventMap``). Raises ``Failure``:
    no daemon, a topic that does not exist, the daemon ended. ``on_wait`` is called before each wait for a
    change; without one it ends with what is so now."""
    link = Link(dial(start=start and may_start()), on_hello)
    try:
        params = {} if topics is None else {"topics": list(topics)}
        result = yield from link.request("events.subscribe", params, lambda: None, name)  # type: ignore[misc]
        yield from result["now"]
        if on_wait is not None:
            yield from link.follow(on_wait)
    except Lost:
        raise Failure("daemon_unavailable", "lokid has ended", "lokictl daemon start") from None
    finally:
        link.close()
