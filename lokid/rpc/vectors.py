"""The response to ``embed``, packed straight from the bytes of its vectors. As values of Python the numbers
of 8,000 vectors are 750 MiB, and to pack them takes a second in which nobody else is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgpack import Packer

_FLOAT32 = b"\xca"


class Framed:
    """A whole response. ``data``: as it is sent."""

    __slots__ = ("data",)

    def __init__(self, data: bytearray) -> None:
        self.data = data


def response(
    msgid: int, vectors: Sequence[bytes], rest: Mapping[str, object], encoding: Literal["list", "f32"]
) -> Framed:
    """``{embeddings, **rest}``. ``vectors``: little-endian float32. ``f32`` leaves them so; ``list`` makes
    arrays of numbers, a quarter larger. Nothing in it holds up other threads for long."""
    packer = Packer(autoreset=False)
    out = bytearray()

    def put() -> None:
        out.extend(packer.bytes())
        packer.reset()

    packer.pack_array_header(4)
    packer.pack(1)
    packer.pack(msgid)
    packer.pack(None)
    packer.pack_map_header(1 + len(rest))
    for key, value in rest.items():
        packer.pack(key)
        packer.pack(value)
    packer.pack("embeddings")
    packer.pack_array_header(len(vectors))
    for vector in vectors:
        if encoding == "f32":
            packer.pack(vector)
            put()
        else:
            packer.pack_array_header(len(vector) // 4)
            put()
            out.extend(_numbers(vector))
    put()
    return Framed(out)


def _numbers(vector: bytes) -> bytearray:
    """Each as a type byte and its four bytes, the most significant first."""
    packed = bytearray(_FLOAT32) * (len(vector) // 4 * 5)
    for place in range(4):
        packed[4 - place :: 5] = vector[place::4]
    return packed
