"""Vectors of embeddings: little-endian float32 bytes everywhere in lokid."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite
from typing import Any

from lokid.dialects.untrusted import items
from lokid.errors import ProviderFailed


def pack(value: Any) -> bytes:
    """``value``: a list of numbers, from a provider."""
    try:
        if items(value):
            return struct.pack(f"<{len(value)}f", *value)
    except (struct.error, OverflowError):
        pass
    raise ProviderFailed("the provider's answer holds an embedding that is not a list of numbers")


def matching(vectors: Sequence[bytes], texts: int) -> tuple[bytes, ...]:
    """``vectors``, if there is one for each of ``texts``, of one length and with finite numbers."""
    if len(vectors) != texts:
        raise ProviderFailed(f"the provider answered {len(vectors)} embeddings for {texts} texts")
    if len({len(vector) for vector in vectors}) > 1:
        raise ProviderFailed("the provider answered embeddings of different lengths")
    # A sum of float32 never leaves the range of a double: it is finite if they all are.
    if not all(isfinite(sum(struct.unpack(f"<{len(vector) // 4}f", vector))) for vector in vectors):
        raise ProviderFailed("the provider's answer holds an embedding with a number that is not finite")
    return tuple(vectors)
