"""The three messages of MessagePack-RPC and their bytes.

    request       [0, msgid, method, params]
    response      [1, msgid, error, result]
    notification  [2, method, params]

https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md. ``params`` is kept as it travels;
``shapes.named`` reads it.

Plain classes with slots: importing ``dataclasses`` and ``typing`` takes longer than starting Python does,
and lokictl loads this file.
"""

from __future__ import annotations

from msgpack import Packer, packb

MAX_MSGID = 2**32 - 1

SMALL = 4096
"""Bytes that a packer begins with; msgpack's own figure is 256 KiB, for each answer. It grows."""


class ProtocolError(Exception):
    """The other side does not speak MessagePack-RPC, or went over a limit; the connection is lost.

    ``msgid``: the request that the broken frame was, where its beginning could be read, so that a last
    response can say what was wrong. The message names no value of the frame.
    """

    def __init__(self, message: str, msgid: int | None = None) -> None:
        super().__init__(message)
        self.msgid = msgid


class _Message:
    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    __hash__ = None  # type: ignore[assignment]  # holds lists and maps


class Request(_Message):
    __slots__ = ("method", "msgid", "params")
    __match_args__ = ("msgid", "method", "params")

    def __init__(self, msgid: int, method: str, params: list[object]) -> None:
        self.msgid = msgid
        self.method = method
        self.params = params

    def __repr__(self) -> str:
        return f"Request({self.msgid}, {self.method!r})"  # params hold prompts


class Response(_Message):
    """``error`` is None or whatever the server makes of errors; then ``result`` is None."""

    __slots__ = ("error", "msgid", "result")
    __match_args__ = ("msgid", "error", "result")

    def __init__(self, msgid: int, error: object, result: object) -> None:
        self.msgid = msgid
        self.error = error
        self.result = result

    def __repr__(self) -> str:
        return f"Response({self.msgid}, {'result' if self.error is None else 'error'})"


class Notification(_Message):
    __slots__ = ("method", "params")
    __match_args__ = ("method", "params")

    def __init__(self, method: str, params: list[object]) -> None:
        self.method = method
        self.params = params

    def __repr__(self) -> str:
        return f"Notification({self.method!r})"


Message = Request | Response | Notification


def encode_request(msgid: int, method: str, params: object) -> bytes:
    """``params``: ``[]`` or ``[map]``."""
    return _pack([0, msgid, method, params])


def encode_response(msgid: int, error: object, result: object) -> bytes:
    return _pack([1, msgid, error, result])


def encode_notification(method: str, params: object) -> bytes:
    try:
        return _packer.pack([2, method, params])  # type: ignore[no-any-return]
    except UnicodeEncodeError:
        return _pack([2, method, params])


def encode_text(text: str) -> bytes:
    """One value of a message."""
    try:
        return _packer.pack(text)  # type: ignore[no-any-return]
    except UnicodeEncodeError:
        return _pack(text)


def parse(value: object) -> Message:
    """The message that one decoded frame is; raises ProtocolError."""
    kind = value[0] if isinstance(value, list) and value else None
    if type(kind) is not int:  # True and 1.0 equal 1
        kind = None
    match kind, value:
        case 0, [_, msgid, method, params]:
            return Request(_msgid(msgid), _method(method), _params(params))
        case 1, [_, msgid, error, result]:
            return Response(_msgid(msgid), error, result)
        case 2, [_, method, params]:
            return Notification(_method(method), _params(params))
        case ((0 | 1), _):
            raise ProtocolError("a request or response is an array of 4")
        case 2, _:
            raise ProtocolError("a notification is an array of 3")
        case _:
            raise ProtocolError("a message begins with 0 (request), 1 (response) or 2 (notification)")


def _msgid(value: object) -> int:
    if type(value) is int and 0 <= value <= MAX_MSGID:
        return value
    raise ProtocolError("a message id is a whole number from 0 to 4294967295")


def _method(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ProtocolError("a method's name is text")


def _params(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    raise ProtocolError("params is an array: [] or [map]")


def _pack(message: object) -> bytes:
    try:
        return Packer(default=_nearest, buf_size=SMALL).pack(message)  # type: ignore[no-any-return]
    except UnicodeEncodeError:
        # Half of a surrogate pair: a provider's JSON may hold one, UTF-8 cannot. It becomes "?"; asking
        # for that from the start would take the slower encoder for every text.
        return packb(message, default=_nearest, unicode_errors="replace")  # type: ignore[no-any-return]


def _nearest(value: object) -> object:
    """What MessagePack has no form for, and a provider's JSON may hold: whole numbers over 64 bits."""
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} has no MessagePack form")
    try:
        return float(value)  # what a JavaScript reader of that JSON would see
    except OverflowError:
        return str(value)


# For notifications, of which there is one for each token: making a packer takes twice as long as packing
# with it. It keeps a buffer as large as the largest of them; answers, which may be 512 MiB, get their own.
_packer = Packer(default=_nearest)
