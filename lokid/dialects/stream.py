"""What the decoders of all dialects share: bounds, events of a stream, one JSON text."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Generic, Protocol, TypeVar

from lokid.chat import Answer, Counted, Event, Usage
from lokid.dialects.halves import Halves
from lokid.dialects.untrusted import Unreadable, loads
from lokid.errors import IncompleteResponse, LokidError, ProviderFailed
from lokid.protocols.event_stream import BrokenStream, CutStream
from lokid.protocols.sse import MAX_EVENT, EventTooLarge, SSEEvent, SSEParser

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer, decompressed. The largest honest ones are batches of embeddings (2048 vectors of
3072 floats as text are about 60 MiB)."""

T = TypeVar("T")

M = TypeVar("M")
"""An event of a stream, as its parser gives it."""

A = TypeVar("A", bound="Accumulator")


class BrokenEvent(ProviderFailed):
    """An event whose data is no JSON."""


FREE = 1024 * 1024
"""Bytes of an answer whose values are not counted: they are 31 MB at most."""

MAX_VALUES = 256 * 1024 * 1024
"""Bytes of memory for the values of one answer, but for what is in its texts. The largest honest ones have
200: six million floats. Three bytes of JSON, ``[],``, make 72: 64 MiB of them would end the daemon."""

MAX_LISTS = 500_000
"""Lists and maps in one answer. Python's collector looks at all of them in one go, for which everybody waits
30 ms. The largest honest ones have 200,000: logprobs of 5,000 tokens, each with twenty others."""

MAX_EVENT_VALUES = 40 * 1024 * 1024
"""The same for one event of a stream that is larger than ``FREE``: as many as there are in one of that size.
A picture is one value."""

PICTURES = 16 * 1024 * 1024
"""Bytes of one event of a dialect that paints: pictures come whole in one. Those of 2048 pixels have 6 MB."""


class Meter:
    """Counts the bytes of one answer, and what is to be made of them. ``whole``: its values are all there at
    once. Of a stream it is those of one event (`event_json`); what stays of them ``Kept`` counts.
    """

    def __init__(self, limit: int = MAX_ANSWER, *, whole: bool = True) -> None:
        self._left = self._limit = limit
        self._values = MAX_VALUES
        self._lists = MAX_LISTS
        self._whole = whole

    def count(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise ProviderFailed(f"the provider's answer is larger than {self._limit} bytes")
        if self._whole and self._limit - self._left > FREE:
            self._values -= _values(data)
            self._lists -= _lists(data)
            if self._values < 0 or self._lists < 0:
                raise ProviderFailed(_TOO_MANY)


_TOO_MANY = "the provider's answer has more values than any honest one"


def _values(data: bytes) -> int:
    """Bytes of memory for what this JSON says, at most, but for its texts. A map with one entry takes three
    times as much as one without, or a list."""
    entries, numbers, quotes = data.count(b":"), data.count(b","), data.count(b'"')
    return 64 * _lists(data) + 112 * entries + 32 * numbers + 32 * quotes


def _lists(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


class Parser(Protocol[M]):
    """Bytes in, events out. ``held``: bytes of one that is not complete. Raises ``EventTooLarge`` or
    ``BrokenStream``, after what came before."""

    @property
    def held(self) -> int: ...

    def feed(self, data: bytes) -> list[M]: ...

    def close(self) -> list[M]: ...


class Accumulator(ABC):
    """One answer while it comes, of a stream or whole. ``ended``: its terminal marker came."""

    ended = False

    @property
    @abstractmethod
    def begun(self) -> bool:
        """A part of it has come, which is paid for."""

    @property
    @abstractmethod
    def told(self) -> Usage | None:
        """What the provider has counted so far."""

    @property
    def final(self) -> bool:
        """``told`` is of all that the answer will be."""
        return True

    def priced(self, error: LokidError) -> None:
        """Behind a part of it an error is no refusal, whatever it says: that part costs."""
        error.refused = error.refused and not self.begun

    @contextmanager
    def paid_for(self) -> Iterator[None]:
        """Around what may raise an error that ``priced`` is for."""
        try:
            yield
        except LokidError as error:
            self.priced(error)
            raise

    @abstractmethod
    def close(self) -> Answer:
        """The answer. Raises ``IncompleteResponse`` without its end, and what its parts come to."""


class EventDecoder(ABC, Generic[M, A]):
    """The decoders of streams, as ``lokid.providers.base.Decoder`` says. ``_take``: adds what an event means
    to the list, and to ``_answer``.

    An error in the middle of a network read comes out only after what came before it: ``feed`` returns
    those events, and the next call raises; nothing else is expected then, as behind the terminal marker.
    """

    late: Sequence[Event] = ()

    def __init__(self, parser: Parser[M], meter: Meter, answer: A) -> None:
        self._parser = parser
        self._meter = meter
        self._answer = answer
        self._halves = Halves()
        self._failure: LokidError | None = None

    @property
    def held(self) -> int:
        return self._parser.held

    @property
    def ended(self) -> bool:
        return self._failure is not None or self._answer.ended

    @property
    def counted(self) -> Counted | None:
        told = self._answer.told
        return None if told is None else _counted(told, self._answer.final)

    def feed(self, data: bytes) -> list[Event]:
        if self._failure:
            raise self._failure
        out: list[Event] = []
        try:
            self._meter.count(data)
            self._take_all(self._parser.feed(data), out)
        except (EventTooLarge, BrokenStream) as error:
            self._failure = _broken(error)
        except LokidError as error:
            self._failure = error
        if self._failure and not out:
            raise self._failure
        return out

    def close(self) -> Answer:
        self._end()
        return self._answer.close()

    def _end(self) -> None:
        """Takes an unfinished last event, unless it was cut in its middle. Raises what ``feed`` owed."""
        if self._failure:
            raise self._failure
        try:
            unfinished = self._parser.close()
        except CutStream:
            raise cut_off() from None
        except (EventTooLarge, BrokenStream) as error:
            raise _broken(error) from error
        out: list[Event] = []
        self.late = out
        with suppress(BrokenEvent):
            self._take_all(unfinished, out)

    def _take_all(self, events: list[M], out: list[Event]) -> None:
        try:
            for event in events:
                self._take(event, out)
        except LokidError as error:
            self._answer.priced(error)
            raise

    @abstractmethod
    def _take(self, event: M, out: list[Event]) -> None: ...

    def _json(self, data: str) -> Any:
        """What an event says."""
        if len(data) > FREE and _values(data.encode()) > MAX_EVENT_VALUES:
            raise ProviderFailed(_TOO_MANY)
        try:
            return loads(self._halves.joined(data))
        except ValueError:
            raise BrokenEvent("the provider sent an event that is not JSON", refused=True) from None


class SSEDecoder(EventDecoder[SSEEvent, A]):
    """Of server-sent events."""

    def __init__(self, answer: A, max_event: int = MAX_EVENT) -> None:
        super().__init__(SSEParser(max_event), Meter(whole=False), answer)


def _counted(told: Usage, final: bool) -> Counted:
    """Nobody asks without a token: of a total alone nothing is known."""
    return Counted(told, final and any((*told.read, *told.written)))


def cut_off() -> IncompleteResponse:
    return IncompleteResponse(
        "the provider's stream ended before the answer was complete",
        hint="ask again; what arrived so far may be cut in the middle",
    )


def _broken(error: EventTooLarge | BrokenStream) -> ProviderFailed:
    failure = ProviderFailed(f"the provider's stream is broken: {error}")
    failure.__cause__ = error
    return failure


_json = re.compile(rb"\s*(?:[{\[]|\Z)").match


class WholeDecoder(Generic[T]):
    """Reads an answer that is one JSON text; ``read`` makes it of the JSON value, ``told`` what its provider
    counted for it, also where it is none.

    A text that does not parse was cut on its way, or is no answer: both are ``IncompleteResponse``
    if it began like JSON, else the provider's failure.
    """

    ended = False
    """Nothing but the end of the body says so."""

    held = 0
    """Its values are made at the end."""

    late = ()
    """It has no events."""

    counted: Counted | None = None

    def __init__(
        self, read: Callable[[Any], T], told: Callable[[Any], Usage | None] = lambda _: None
    ) -> None:
        self._read = read
        self._told = told
        self._meter = Meter()
        self._body = bytearray()

    def feed(self, data: bytes) -> list[Event]:
        self._meter.count(data)
        self._body += data
        return []

    def close(self) -> T:
        begins_as_json = _json(self._body) is not None
        text = self._body.decode(errors="replace")
        self._body.clear()  # the values need its room
        try:
            value = loads(text)
        except Unreadable as error:
            raise ProviderFailed(f"the provider's answer cannot be read: {error}") from None
        except ValueError:
            if begins_as_json:
                raise IncompleteResponse("the provider's answer ended before it was complete") from None
            raise ProviderFailed("the provider's answer is not JSON", refused=True) from None
        del text
        told = self._told(value)
        self.counted = None if told is None else _counted(told, final=True)
        answer = self._read(value)
        if told is not None and getattr(answer, "usage", told) is None:
            self.counted = Counted(told, final=False)  # of the input alone
        return answer
