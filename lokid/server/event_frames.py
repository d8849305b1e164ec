"""The events of one request as the notifications that its caller gets.

Nearly all of them are pieces of text, and of their bytes only the text differs: what stands before it is made
once for each request.
"""

from __future__ import annotations

from collections.abc import Iterable

from lokid.chat import Event, TextDelta, encode
from lokid.rpc.messages import encode_notification, encode_text

METHOD = "chat.event"


class EventFrames:
    """``msgid``: of the request."""

    __slots__ = ("_head", "_msgid")

    def __init__(self, msgid: int) -> None:
        self._msgid = msgid
        # The text stands last, and an empty one is one byte.
        self._head = self._any(TextDelta(""))[:-1]

    def joined(self, events: Iterable[Event]) -> bytes:
        head = self._head
        return b"".join(
            [
                head + encode_text(event.text) if type(event) is TextDelta else self._any(event)
                for event in events
            ]
        )

    def _any(self, event: Event) -> bytes:
        return encode_notification(METHOD, [self._msgid, encode.event(event)])
