"""What comes in on one connection, as messages, and how long that may take.

An idle connection may be silent for ever. Within a frame it may not: half a frame is memory that waits for
its rest, so silence ends the connection, and so does a drip.
"""

from __future__ import annotations

import anyio

from lokid.rpc.connection import Connection, Limits
from lokid.rpc.large import LargeFrame
from lokid.rpc.messages import Message, ProtocolError
from lokid.runtime.network.inlet import Inlet
from lokid.server.intake import SMALL, Intake
from lokid.server.peer import Connected

READ = 64 * 1024
"""Bytes per read: most requests in one piece, and a frame of 64 MiB in about a thousand. To look at so many
takes 30 ms at most (each byte a value of its own), and after each read it is somebody else's turn."""

FRAME_S = 30.0
"""Silence within a frame; both ends are on this machine, or behind a forwarded socket."""

SLOWEST = 16 * 1024
"""Bytes a second that a frame has to make after its first ``FRAME_S``: a line of 128 kbit/s."""


class Reader:
    """``read`` is one task's. ``release`` when nobody reads any more."""

    # Ten thousand idle connections have one each.
    __slots__ = ("_began", "_connection", "_held", "_inlet", "_intake", "_largest", "_sock")

    def __init__(self, sock: Connected, limits: Limits, intake: Intake) -> None:
        self._sock = sock
        self._inlet = Inlet(sock, self._received)
        self._connection = Connection(limits)
        self._intake = intake
        self._largest = limits.max_frame
        self._held = 0  # counted by the intake
        self._began = 0.0  # when the frame did whose rest is to come

    async def read(self) -> list[Message | LargeFrame]:
        """The next messages, [] at the end. Raises ProtocolError, also Crowded; after one that follows whole
        messages, ``check`` does."""
        # All of it here: ten thousand idle connections wait in this line, and each call on the way to it
        # costs every one of them half a kilobyte.
        while True:
            # Waits first: after an answer there is rarely something yet, and a client that never pauses must
            # not keep the other connections from their turn.
            data = await (self._rest() if self._connection.held else self._inlet.next())
            if not data:
                self._connection.eof()
                return []
            found = self._connection.frames(data, SMALL)
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
        self._inlet.close()

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
        left = self._began + FRAME_S + self._connection.held / SLOWEST - anyio.current_time()
        with anyio.move_on_after(max(0.0, min(FRAME_S, left))):
            return await self._inlet.next()
        raise ProtocolError(
            f"the rest of a frame did not come: {FRAME_S:g} seconds of silence, or less than {SLOWEST} bytes"
            " a second"
        )

    def _received(self) -> bytes:
        """What is there, b"" at the end."""
        try:
            return self._sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            raise
        except OSError:  # reset: a client that left without reading
            return b""
