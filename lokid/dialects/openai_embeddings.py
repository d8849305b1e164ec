"""OpenAI embeddings, and the compatible ones of others.

Reference: https://platform.openai.com/docs/api-reference/embeddings. A vector is little-endian float32
bytes everywhere in lokid, which is what ``encoding_format: base64`` carries.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lokid.chat import EmbedAnswer, EmbedRequest, Usage
from lokid.dialects.errors import in_place_of
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import count, counted, items, mapping
from lokid.dialects.vectors import matching
from lokid.errors import ProviderFailed


@dataclass(frozen=True, slots=True)
class Style:
    """How a server differs. ``encoding_format``: what is asked for; None sends nothing. ``dimensions``: the
    name of that parameter. ``input_type``: its name and the words for query and document; a server without
    one embeds both alike, and nothing is sent. ``more``: parameters that it always gets."""

    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: str = "dimensions"
    input_type: tuple[str, Mapping[str, str]] | None = field(default=None)
    more: Mapping[str, Any] = field(default_factory=dict)


def encode(request: EmbedRequest, model: str, style: Style) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "input": list(request.texts), **style.more}
    if request.dimensions is not None:
        body[style.dimensions] = request.dimensions
    if style.encoding_format:
        body["encoding_format"] = style.encoding_format
    if style.input_type and request.input_type:
        name, words = style.input_type
        body[name] = words[request.input_type]
    return body


def decoder(texts: int) -> WholeDecoder[EmbedAnswer]:
    """``texts``: how many vectors there must be."""
    return WholeDecoder(lambda value: read(value, texts), lambda value: _usage(mapping(value)))


def read(value: Any, texts: int) -> EmbedAnswer:
    """``{data: [{index, embedding}], usage}``; the index is the position where it is missing."""
    if refusal := in_place_of(value, "data"):
        raise refusal
    answer = mapping(value)
    rows = items(answer.get("data"))
    if len(rows) != texts:
        raise ProviderFailed(f"the provider answered {len(rows)} embeddings for {texts} texts")
    vectors: dict[int, bytes] = {}
    for position, row in enumerate(map(mapping, rows)):
        vectors[_index(row.get("index"), position)] = _vector(row.get("embedding"))
    if vectors.keys() != set(range(texts)):
        raise ProviderFailed("the provider answered two embeddings for one text")
    in_order = matching([vectors[index] for index in range(texts)], texts)
    return EmbedAnswer(in_order, _usage(answer))


def _index(told: Any, position: int) -> int:
    """As a number, or as text with one in it: a vector at another text's place would pass for its own."""
    if told is None:
        return position
    if type(told) is not bool and (number := str(told).removesuffix(".0")).isdecimal():
        return int(number[:9])
    raise ProviderFailed("the provider's answer does not say which text an embedding is of")


def _vector(value: Any) -> bytes:
    """Base64 of float32, or a list of numbers; llama.cpp nests the list once more."""
    try:
        if isinstance(value, str):
            packed = base64.b64decode(value, validate=True)
            if packed and len(packed) % 4 == 0:
                return packed
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
            value = value[0]
        if items(value):
            return struct.pack(f"<{len(value)}f", *value)
    except (binascii.Error, struct.error, OverflowError, ValueError):
        pass
    raise ProviderFailed("the provider's answer holds an embedding that is not a list of numbers")


def _usage(answer: Mapping[str, Any]) -> Usage | None:
    """Voyage reports only ``total_tokens``."""
    found = mapping(answer.get("usage"))
    tokens = count(found.get("prompt_tokens")) or count(found.get("total_tokens"))
    return Usage(input_tokens=tokens) if counted(found, "prompt_tokens", "total_tokens") else None
