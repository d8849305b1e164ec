"""A task's wait that ends within a callback of the event loop, not in the turn behind it.

A future tells the loop that its task may go on, and the loop gets there in its next turn. For who waits for a
socket that turn is empty: the callback that saw the bytes has done nothing else. Without it an event that
comes alone takes one turn, not two (129 calls of functions, not 149), and a question looks at the sockets
twice, not three times.

``Wait`` has of a future what asyncio's tasks ask one for (``asyncio.isfuture``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, Protocol


class Loop(Protocol):
    """Of asyncio's kind."""

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context) -> object: ...

    def create_future(self) -> Any: ...


class Wait:
    """Awaited by one task, once. Cancelling works as with a future."""

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_done", "_loop", "_step")

    _step: Callable[[Wait], object]
    _context: Context

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._done = False
        self._cancelled: Any = None  # a future that was; it knows what to raise

    def end(self) -> None:
        """The task goes on here and now. Only for a callback of the loop: within a task no other can run."""
        self._done = True
        self._context.run(self._step, self)

    def end_soon(self) -> None:
        """In the next turn; for everybody else."""
        self._done = True
        self._loop.call_soon(self._step, self, context=self._context)

    # --- what a task does with it

    def __await__(self) -> Generator[Wait, None, None]:
        self._asyncio_future_blocking = True
        yield self

    def get_loop(self) -> Loop:
        return self._loop

    def add_done_callback(self, step: Callable[[Wait], object], *, context: Context) -> None:
        self._step = step
        self._context = context

    def done(self) -> bool:
        return self._done

    def cancel(self, msg: str | None = None) -> bool:
        if self._done:
            return False
        self._cancelled = self._loop.create_future()
        self._cancelled.cancel(msg)  # a text of AnyIO's, which knows its own cancellations by it
        self.end_soon()
        return True

    def result(self) -> None:
        if self._cancelled is not None:
            self._cancelled.result()
