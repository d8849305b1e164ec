"""What comes in on one connection, as messages, and how long that may take.

An idle connection may be silent for ever. Within a frame it may not: half a frame is memory that waits for
its rest, so silence ends the connection, and so does a drip.
"""

from __future__ import annotations

import socket
import time
from functools import lru_cache

import anyio

from lokid.rpc.connection import Connection, Limits
from lokid.rpc.large import LargeFrame
from lokid.rpc.messages import Message, ProtocolError
from lokid.runtime.network.inlet import Inlet
from lokid.server.intake import SMALL, Intake
from lokid.server.pace import Line
from lokid.server.peer import Connected
from lokid.server.selector import BEHIND, PROGRAM

READ = 64 * 1024
"""Bytes per read of a long text or image, which is stepped over: a frame of 64 MiB in about a thousand."""

LOOK = 16 * 1024
"""Bytes per read of all else: nearly all requests in one piece. Where every three bytes are a list of their
own, to look at so many takes 4 ms; after each read it is somebody else's turn."""

STEP = 2 * 1024
"""Bytes after which no other message is begun before others had their turn: three hundred of the smallest,
and a millisecond. A pipe full of them would be twenty."""

HEAVY_S = 0.001
"""Seconds: whose last long read took more to look at lets the others go first, until one takes less."""

LONGEST_S = 600.0
"""Seconds for a frame as a whole, however large: a frame of 64 MiB over a line of a megabit. What it takes
of the room for large ones is nobody else's meanwhile."""

FRAME_S = 30.0
"""Silence within a frame; both ends are on this machine, or behind a forwarded socket."""

SLOWEST = 16 * 1024
"""Bytes a second that a frame has to make after its first ``FRAME_S``: a line of 128 kbit/s."""


class Reader:
    """``read`` is one task's. ``release`` when nobody reads any more."""

    # Ten thousand idle connections have one each.
    __slots__ = ("_began", "_connection", "_held", "_inlet", "_intake", "_largest", "_last", "_line", "_sock")

    def __init__(
        self, sock: Connected, pid: int, largest: int, intake: Intake, line: Line, *, last: bool = False
    ) -> None:
        """``pid``: of the process at the other end. ``largest``: bytes of a frame. ``last``: whether the
        others always go first."""
        self._sock = sock
        self._inlet = Inlet(sock, self._received)
        self._connection = Connection(_limits(largest))
        self._intake = intake
        self._line = line
        self._largest = largest
        self._held = 0  # counted by the intake
        self._last = last
        PROGRAM[sock.fileno()] = pid
        if last:
            BEHIND.add(sock.fileno())
        self._began = 0.0  # when the frame did whose rest is to come

    async def read(self) -> list[Message | LargeFrame]:
        """The next messages, [] at the end. Raises ProtocolError, also Crowded; after one that follows whole
        messages, ``check`` does."""
        # All of it here: ten thousand idle connections wait in this line, and each call on the way to it
        # costs every one of them half a kilobyte.
        while True:
            # Waits first: after an answer there is rarely something yet, and a client that never pauses must
            # not keep the other connections from their turn.
            data = b""
            if self._connection.more:
                await self._line.turn()
            elif not (data := await (self._rest() if self._connection.held else self._inlet.next())):
                self._connection.eof()
                return []
            short = len(data) <= STEP
            found = self._connection.frames(data, SMALL, STEP) if short else self._frames(data)
            if self._connection.held or self._held:
                self._count(begins=bool(found) or self._connection.held == len(data))
            if found:
                return found

    def check(self) -> None:
        self._connection.check()

    def release(self) -> None:
        """Gives back what was held of a frame that is not read on."""
        self._connection.drop()
        self._intake.add(-self._held)
        self._held = 0

    async def drop(self) -> None:
        """Reads to the end and throws it away."""
        while await self._inlet.next():
            pass

    def close(self) -> None:
        """Before the socket is."""
        BEHIND.discard(self._sock.fileno())
        PROGRAM.pop(self._sock.fileno(), None)
        self._inlet.close()

    def _frames(self, data: bytes) -> list[Message | LargeFrame]:
        # Of the processor: on a busy machine everything takes long.
        began = time.thread_time()
        try:
            return self._connection.frames(data, SMALL, STEP)
        finally:
            if not self._last:
                move = BEHIND.add if time.thread_time() - began > HEAVY_S else BEHIND.discard
                move(self._sock.fileno())

    def _count(self, *, begins: bool) -> None:
        held = self._connection.held
        if begins:
            self._began = anyio.current_time()
        counted = held if held > SMALL else 0
        grows = counted > self._held
        self._intake.add(counted - self._held)
        self._held = counted
        if grows:
            self._intake.check(self._largest, self._connection.begun)

    async def _rest(self) -> bytes:
        """What there is more of a frame; raises ProtocolError for silence."""
        most = min(FRAME_S + self._connection.held / SLOWEST, LONGEST_S)
        left = self._began + most - anyio.current_time()
        with anyio.move_on_after(max(0.0, min(FRAME_S, left))):
            return await self._inlet.next()
        raise ProtocolError(
            f"the rest of a frame did not come: {FRAME_S:g} seconds of silence, less than {SLOWEST} bytes a"
            f" second, or {LONGEST_S:g} seconds in all"
        )

    def is_over(self) -> bool:
        """Whether the other side has closed its half, and nothing more of it waits here."""
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    def _received(self) -> bytes:
        """What is there, b"" at the end."""
        try:
            return self._sock.recv(READ if self._connection.ahead >= READ else LOOK)
        except (BlockingIOError, InterruptedError):
            raise
        except OSError:  # reset: a client that left without reading
            return b""


@lru_cache(maxsize=4)
def _limits(max_frame: int) -> Limits:
    """One for all connections: they are ten thousand, and the configuration says one thing at a time."""
    return Limits(max_frame=max_frame)
