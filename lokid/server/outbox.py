"""What waits to be written to one connection.

A cancelled ``send()`` leaves half a frame on the wire (measured on asyncio and trio), so none is ever
awaited: bytes leave by non-blocking system calls, and what the kernel does not take stays here, whole and
in order, for the one writer task, which exists only while something waits. Cancelling a task that waits
for room loses nothing but its own frame, which was not queued yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice

import anyio
from anyio.abc import TaskGroup

from lokid.server.peer import Connected

LIMIT = 256 * 1024
"""Bytes queued before senders wait. The kernel holds about as much again; together some thousand events,
a second of the fastest model. More would only delay the moment at which a slow reader stops the provider.
The queue can pass it by one frame, since a frame is never split between senders."""

STALL_S = 60.0
"""A reader that takes nothing for a minute while the queue is full is stalled: its requests end, so that
nobody pays for tokens that nobody reads."""

STRIKES = 10
"""Minutes after which a stalled reader is given up. Until then it may come back to a pager that was left
open, and read what there is and why there is no more."""

GATHER = 64
"""Frames per system call; IOV_MAX is 1024, but 64 events fill most socket buffers."""

CLOSE_S = 1.0
"""For the writer to leave when it was cancelled: one turn of the event loop, unless that is busy."""


def _nobody(_: str) -> None:
    """Whom a closed outbox tells."""


def _nowhere(_: int) -> None:
    """Where nobody counts."""


class Outbox:
    """``send`` queues a whole frame; ``tasks`` runs the writer.

    When the other side takes nothing any more it is ``stalled``, and ``on_stalled`` is called; the session
    cancels the requests, whose last words are queued all the same. When it is gone, or stalled for long, the
    outbox is dead: it drops what it holds, senders return at once, ``dead`` says why, and ``on_dead`` is
    called with it. ``count`` is told of bytes beyond the limit, as more or fewer of them wait.
    """

    # Ten thousand idle connections have one each: no dictionary, and events only while somebody waits.
    __slots__ = (
        "_count",
        "_counted",
        "_frames",
        "_limit",
        "_moved",
        "_on_dead",
        "_on_stalled",
        "_queued",
        "_size",
        "_sock",
        "_stall_s",
        "_tasks",
        "_writer",
        "dead",
        "stalled",
    )

    def __init__(
        self,
        sock: Connected,
        tasks: TaskGroup,
        on_dead: Callable[[str], None],
        on_stalled: Callable[[str], None] = lambda _: None,
        *,
        limit: int = LIMIT,
        stall_s: float = STALL_S,
        count: Callable[[int], None] = _nowhere,
    ) -> None:
        self._sock = sock
        self._tasks = tasks
        self._on_dead = on_dead
        self._on_stalled = on_stalled
        self._limit = limit
        self._stall_s = stall_s
        self._count = count
        self._counted = 0
        self._frames: list[bytes | bytearray | memoryview] = []
        self._size = 0  # bytes in _frames
        self._queued = 0  # bytes ever queued
        self._writer: anyio.CancelScope | None = None  # of the task that writes, while there is one
        self._moved: anyio.Event | None = None  # for those who wait: there is less than before
        self.dead: str | None = None
        self.stalled = False

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    async def send(self, frame: bytes | bytearray, *, last: bool = False) -> None:
        """Returns when ``frame`` is queued or written; waits while the queue is full. ``last``: of a request,
        which does not wait for a reader that is stalled.

        Cancelling it while it waits drops the frame whole.
        """
        while self._size >= self._limit and not (last and self.stalled):
            await self._wait()
        self._put(frame)

    def put(self, frame: bytes | bytearray) -> Awaitable[None] | None:
        """``send`` without a coroutine where there is room, which is nearly always; what is given otherwise
        is to be awaited."""
        if self._size >= self._limit:
            return self.send(frame)
        self._put(frame)
        return None

    def _put(self, frame: bytes | bytearray) -> None:
        if self.dead is not None:
            return
        self._queued += len(frame)
        rest: bytes | bytearray | memoryview = frame
        if not self._frames:
            # The usual case, and the fast one: the reader keeps up, no task is woken.
            try:
                sent = self._sock.send(frame)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self._die("the client is gone")
                return
            if sent == len(frame):
                return
            rest = memoryview(frame)[sent:]
        self._frames.append(rest)
        self._size += len(rest)
        self._weigh()
        if self._writer is None:
            self._writer = anyio.CancelScope()
            self._tasks.start_soon(self._write_all, self._writer)

    async def flushed(self) -> None:
        """Returns when the kernel has everything that was queued before this call, or the outbox is dead."""
        target = self._queued
        while self._queued - self._size < target and self.dead is None:
            await self._wait()

    async def close(self) -> None:
        """Afterwards nobody uses the socket any more; what still waits is dropped."""
        if self.dead is None:
            self.dead = "the connection is closed"
        with anyio.move_on_after(CLOSE_S, shield=True):
            while self._writer is not None:
                self._writer.cancel()
                await self._wait()
        self._frames.clear()
        self._size = 0
        self._weigh()
        # The session's, which holds this: it goes at once, and not when the collector comes.
        self._on_dead = self._on_stalled = _nobody

    async def _write_all(self, scope: anyio.CancelScope) -> None:
        """Until nothing waits or the outbox is dead."""
        try:
            with scope:
                strikes = 0
                while self._frames:
                    with anyio.move_on_after(self._stall_s) as patience:
                        await anyio.wait_writable(self._sock)
                    if not patience.cancelled_caught:
                        strikes = 0
                        self.stalled = False
                        self._write()
                    elif self._size >= self._limit:
                        strikes += 1
                        self._strike(strikes)
        finally:
            self._writer = None
            self._tell()

    def _strike(self, strikes: int) -> None:
        why = f"the client took nothing for {strikes * self._stall_s:g} seconds"
        if strikes >= STRIKES:
            self._die(why)
        elif strikes == 1:
            self.stalled = True
            self._on_stalled(why)
            self._tell()

    def _write(self) -> None:
        try:
            sent = self._sock.sendmsg(list(islice(self._frames, GATHER)))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._die("the client is gone")
            return
        self._size -= sent
        self._weigh()
        whole = 0
        while sent and sent >= len(self._frames[whole]):
            sent -= len(self._frames[whole])
            whole += 1
        if sent:
            self._frames[whole] = memoryview(self._frames[whole])[sent:]
        del self._frames[:whole]
        self._tell()

    def _die(self, why: str) -> None:
        self.dead = why
        self._frames.clear()
        self._size = 0
        self._weigh()
        self._tell()
        self._on_dead(why)

    def _weigh(self) -> None:
        beyond = max(0, self._size - self._limit)
        if beyond != self._counted:
            self._count(beyond - self._counted)
            self._counted = beyond

    async def _wait(self) -> None:
        if self._moved is None:
            self._moved = anyio.Event()
        await self._moved.wait()

    def _tell(self) -> None:
        if self._moved is not None:
            moved, self._moved = self._moved, None
            moved.set()
