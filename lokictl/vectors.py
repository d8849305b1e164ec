"""Vectors as they travel with ``encoding: "f32"``: little-endian, four bytes a number."""

from __future__ import annotations

import array
import sys


def floats(data: bytes) -> list[float]:
    numbers = array.array("f", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
