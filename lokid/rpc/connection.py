"""Bytes in, messages out. No I/O: whoever owns the socket feeds what it read.

Strategy: walk over the bytes of one frame without decoding anything, counting what decoding would
cost, and refuse at the first header that announces too much. Only a frame that is complete and within
all limits goes to msgpack, whole. (``msgpack.Unpacker`` builds objects while it waits: 1 MiB of 0x90
costs 85 MB there before any limit of ours sees it.)

Reading is linear however the bytes were cut: the walk stops where the bytes end and goes on there, and
the bodies of texts and binaries are stepped over, never looked at.
"""

from __future__ import annotations

from lokid.rpc.large import ARRAY, BIN, MAP, STR, LargeFrame, unpacked
from lokid.rpc.messages import Message, ProtocolError, parse

MIB = 1024 * 1024


class Limits:
    """What one frame may be.

    ``max_frame``: bytes. ``max_depth``: arrays and maps around a value, empty ones not counted.
    ``max_array``, ``max_map``: entries of one. ``max_objects``: values and keys in the whole frame.
    """

    __slots__ = ("max_array", "max_depth", "max_frame", "max_map", "max_objects")

    def __init__(
        self,
        # docs/rpc.md. Images travel inside; twenty of 3 MiB fit.
        max_frame: int = 64 * MIB,
        # A JSON Schema inside a tool inside a request: real ones stay below 30. msgpack writes at most 511
        # levels, Python's JSON encoder not quite 1,000.
        max_depth: int = 64,
        # Texts to embed in one request: 10,000 is usual, no provider takes more than a few thousand at once.
        max_array: int = 65_536,
        # Keys of one map; the widest in use is a tool's properties or a logit_bias, some hundreds.
        max_map: int = 4_096,
        # A full array, or a conversation with two hundred tools of 500 values each. The worst frame of so
        # many values is 12 MiB of Python objects and takes 70 ms (measured; tests/rpc/test_limits.py holds
        # it below 16 MiB). Beside that text counts: Python keeps a text with one emoji at 4 bytes a
        # character, so a whole frame of such text is 256 MiB.
        max_objects: int = 131_072,
    ) -> None:
        self.max_frame = max_frame
        self.max_depth = max_depth
        self.max_array = max_array
        self.max_map = max_map
        self.max_objects = max_objects


class TooLarge(ProtocolError):
    """A frame has more bytes than ``max_frame``."""


REQUESTS = Limits()
"""For the daemon: any program of the user may connect, some by mistake."""

ANSWERS = Limits(max_frame=512 * MIB, max_array=64 * MIB, max_objects=64 * MIB)
"""For a client that trusts its daemon. An answer of lokid has at most 512 MiB, and embeddings as lists are
one object of 9 bytes for each number."""


class Connection:
    """One direction of one connection.

    After a ProtocolError it stays broken: every further call raises it again.
    """

    __slots__ = ("_broken", "_buffer", "_walk", "more")

    def __init__(self, limits: Limits = REQUESTS) -> None:
        self._buffer = bytearray()
        self._walk = _Walk(limits)
        self._broken: ProtocolError | None = None
        self.more = False
        """There may be whole messages in what was fed already: ``frames(b"", ...)`` gives them."""

    @property
    def ahead(self) -> int:
        """Bytes still to come that are stepped over: the rest of a long text or block."""
        return max(0, self._walk.position - len(self._buffer))

    @property
    def held(self) -> int:
        """Bytes of a frame whose rest is still to come."""
        return len(self._buffer)

    @property
    def begun(self) -> int | None:
        """The id of the request whose rest is still to come, where its beginning can be read."""
        return _msgid_at(self._buffer, 0)

    def drop(self) -> None:
        """Forgets the frame whose rest is still to come; nothing is read afterwards."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes, in order; raises ProtocolError. ``frames`` is the same
        for those who do not want to wait for large ones.

        When a broken frame follows whole ones in the same ``data``, those come first (a ``hello`` says in
        which form its client wants errors), and the next call raises: ``check`` does it at once.
        """
        return [one.decode() if isinstance(one, LargeFrame) else one for one in self.frames(data, None)]

    def frames(self, data: bytes, inline: int | None, step: int | None = None) -> list[Message | LargeFrame]:
        """As ``feed``; frames of more than ``inline`` bytes are left to be decoded (None: none are). What
        begins ``step`` bytes behind the first one is left for the next call, see ``more``."""
        self.check()
        messages: list[Message | LargeFrame] = []
        try:
            self._read(data, messages, inline, step)
        except ProtocolError as error:
            # A new one: the first holds its traceback and with it the whole frame.
            self._broken = type(error)(str(error), error.msgid)
            self._buffer.clear()
            if not messages:
                raise
        return messages

    def check(self) -> None:
        """Raises the ProtocolError that broke the connection, if one did."""
        if self._broken is not None:
            raise self._broken

    def eof(self) -> None:
        """The other side sent its last byte; raises ProtocolError if that was inside a frame."""
        self.check()
        if self._buffer:
            raise ProtocolError(
                f"the connection ended inside a frame, after {len(self._buffer)} of its bytes"
            )

    def _read(
        self, data: bytes, messages: list[Message | LargeFrame], inline: int | None, step: int | None
    ) -> None:
        # Most frames arrive whole and alone: those are read where they lie.
        source: bytes | bytearray = data
        if self._buffer:
            self._buffer += data
            source = self._buffer
        begin = 0
        most = len(source) if step is None else step
        try:
            while begin < min(most, len(source)) and (end := self._walk.end_of_frame(source, begin)):
                if inline is None or end - begin <= inline:
                    messages.append(_decode(source, begin, end))
                elif begin == 0 and end == len(source):  # alone, as large ones are: without a copy
                    messages.append(LargeFrame(source, self._walk.objects, _msgid_at(source, 0)))
                    self._buffer = bytearray()
                    self.more = False
                    return
                else:
                    messages.append(
                        LargeFrame(source[begin:end], self._walk.objects, _msgid_at(source, begin))
                    )
                begin = end
        except ProtocolError as error:
            error.msgid = _msgid_at(source, begin)
            raise
        self.more = most <= begin < len(source)
        if source is data:
            self._buffer += data[begin:]
        else:
            del self._buffer[:begin]


def _decode(source: bytes | bytearray, begin: int, end: int) -> Message:
    # The views are closed before the buffer changes its size, which it could not otherwise.
    with memoryview(source) as whole, whole[begin:end] as frame:
        return parse(unpacked(frame))


def _msgid_at(source: bytes | bytearray, begin: int) -> int | None:
    """The id of the request that begins there, if its first bytes are those of one."""
    head = bytes(source[begin : begin + 7])
    if len(head) < 3 or not head.startswith(b"\x94\x00"):
        return None
    if head[2] <= 0x7F:
        return head[2]
    size = {0xCC: 1, 0xCD: 2, 0xCE: 4}.get(head[2], 0)
    return int.from_bytes(head[3 : 3 + size], "big") if 0 < size <= len(head) - 3 else None


# What a first byte says, by https://github.com/msgpack/msgpack/blob/master/spec.md.
# Size in bytes of a value that is complete in itself, its first byte included; 0 for all others.
_SIZE = bytes(
    1 if byte <= 0x7F or byte >= 0xE0 or byte in (0x80, 0x90)  # small whole numbers, empty map and array
    else byte - 0xA0 + 1 if 0xA0 <= byte <= 0xBF  # short text
    else {
        0xC0: 1, 0xC2: 1, 0xC3: 1,  # nil, false, true
        0xCA: 5, 0xCB: 9,  # float
        0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9,  # unsigned
        0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9,  # signed
    }.get(byte, 0)
    for byte in range(256)
)  # fmt: skip
# Bytes of the length that follows the first byte.
_TEXT = {**BIN, **STR}
_OPENS_MESSAGE = {0x93, 0x94, *ARRAY}

# A list of doubles (embeddings) is stepped over in slices. Below 16 a slice costs more than it saves;
# more than 256 would be looked at again and again in a list that is only partly doubles.
_SHORTEST_RUN = 16
_LONGEST_RUN = 256


def _run(source: bytes | bytearray, position: int, left: int) -> int:
    """How many of the next ``left`` values can be stepped over together, as doubles of 9 bytes."""
    count = min(left, _LONGEST_RUN, (len(source) - position) // 9)
    heads = source[position : position + 9 * count : 9]
    return count if count >= _SHORTEST_RUN and heads.count(0xCB) == count else 0


_ONE_BYTE = bytes(byte for byte in range(256) if _SIZE[byte] == 1)


def _ones(source: bytes | bytearray, position: int, left: int) -> int:
    """How many of the next ``left`` values can be stepped over together, as they are one byte each: at least
    the first. A frame of nothing else takes a tenth of the time, for which the event loop waits."""
    near = source[position : position + min(left, _LONGEST_RUN)]
    return len(near) - len(near.lstrip(_ONE_BYTE))


class _Walk:
    """Finds where a frame ends. ``position`` counts from the frame's beginning and may lie behind the
    bytes that are there: the body of a long text is still to come."""

    __slots__ = ("_left", "_limits", "_objects", "_outer", "objects", "position")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.objects = 0  # in the last whole frame
        self._restart()

    def _restart(self) -> None:
        self.position = 0
        self._objects = 1  # announced so far
        self._left = 1  # values still to come in the innermost array or map
        self._outer: list[int] = []  # the same for those around it

    def end_of_frame(self, source: bytes | bytearray, begin: int) -> int:
        """Index behind the frame that begins at ``begin``, or 0 if bytes are missing; raises
        ProtocolError. Called again with more bytes it goes on where it stopped."""
        size = len(source)
        position = begin + self.position
        left, outer = self._left, self._outer
        if position == begin and source[begin] not in _OPENS_MESSAGE:
            raise ProtocolError("a message is an array of 3 or 4; this is not MessagePack-RPC")
        while left and position < size:
            first = source[position]
            if first == 0xCB and left >= _SHORTEST_RUN and (doubles := _run(source, position, left)):
                position += 9 * doubles
                left -= doubles
            elif step := _SIZE[first]:
                values = 1 if step > 1 or left < _SHORTEST_RUN else _ones(source, position, left)
                position += step * values
                left -= values
            else:
                body, count = self._header(source, position, first)
                if not body:
                    break  # the length itself is not all there
                position = body
                left -= 1
                if count:
                    outer.append(left)
                    left = count
            while not left and outer:
                left = outer.pop()
        if position - begin > self._limits.max_frame:
            raise TooLarge(f"a frame is larger than {self._limits.max_frame / MIB:g} MiB")
        if not left and position <= size:
            self.objects = self._objects
            self._restart()
            return position
        self.position = position - begin
        self._left = left
        return 0

    def _header(self, source: bytes | bytearray, position: int, first: int) -> tuple[int, int]:
        """Where to go on and how many values follow, for a first byte that does not say its own size;
        (0, 0) if bytes of the length are missing. Raises ProtocolError."""
        if first <= 0x9F:
            is_map, length, position = first < 0x90, first & 0x0F, position + 1
        elif (width := _TEXT.get(first) or ARRAY.get(first) or MAP.get(first)) is None:
            raise ProtocolError(
                "the byte 0xc1 means nothing in MessagePack"
                if first == 0xC1
                else "extension types are not used here; from Neovim, send a buffer's number, not the buffer"
            )
        else:
            behind = position + 1 + width
            if behind > len(source):
                return 0, 0
            length = int.from_bytes(source[position + 1 : behind], "big")
            if first in _TEXT:
                return behind + length, 0
            is_map, position = first in MAP, behind
        self._admit(length, is_map)
        return position, 2 * length if is_map else length

    def _admit(self, length: int, is_map: bool) -> None:
        """Counts an array or map before anything of it is there; raises ProtocolError."""
        limits = self._limits
        if not self._outer and self._objects == 1 and length not in (3, 4):
            raise ProtocolError("a message is an array of 3 or 4; this is not MessagePack-RPC")
        if len(self._outer) >= limits.max_depth:
            raise ProtocolError(f"arrays and maps are nested deeper than {limits.max_depth}")
        most = limits.max_map if is_map else limits.max_array
        if length > most:
            raise ProtocolError(f"{'a map has' if is_map else 'an array has'} more than {most} entries")
        self._objects += 2 * length if is_map else length
        if self._objects > limits.max_objects:
            raise ProtocolError(f"a frame holds more than {limits.max_objects} values")
