"""What the handler of a question may do besides answering, and how large its answer may be."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from anyio.lowlevel import checkpoint_if_cancelled

from lokid.chat import Event
from lokid.errors import InvalidParams
from lokid.rpc.messages import encode_response
from lokid.rpc.vectors import Framed
from lokid.server.event_frames import EventFrames
from lokid.server.requests import Running

if TYPE_CHECKING:
    from lokid.server.session import Session

MAX_ANSWER = 512 * 1024 * 1024
"""Bytes of one answer. 10,000 vectors of 3,072 numbers as lists are 146 MiB; what is larger would be held
twice over here, and lokictl reads no more either."""


class SessionCall:
    """Of one question of a connection."""

    __slots__ = ("_frames", "_running", "_session", "asker", "msgid")

    def __init__(self, session: Session, running: Running) -> None:
        self._session = session
        self._running = running
        self.msgid = running.msgid
        self._frames: EventFrames | None = None
        self.asker = running.asker

    def emit(self, events: Sequence[Event]) -> Awaitable[None] | None:
        if not events:
            return None
        if self._frames is None:
            self._frames = EventFrames(self.msgid)
        return self._session.send_events(self._frames, events)

    async def accepted(self) -> None:
        await checkpoint_if_cancelled()  # what was dropped is sent again, and must not be said to be accepted
        self._running.accepted = True
        await self._session.send_accepted(self.msgid)


def framed(msgid: int, result: object) -> bytes | bytearray:
    """The response. Raises InvalidParams for one that is too large."""
    frame = result.data if isinstance(result, Framed) else encode_response(msgid, None, result)
    if len(frame) > MAX_ANSWER:
        raise InvalidParams(
            f"the answer is larger than {MAX_ANSWER} bytes",
            hint="ask for fewer texts at a time, or for embeddings with encoding f32",
        )
    return frame
