"""The response to ``embed``: what MessagePack libraries read is what the provider said."""

from __future__ import annotations

import struct
from array import array
from typing import Any, Literal

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.rpc.methods import EmbedResult
from lokid.rpc.shapes import check
from lokid.rpc.vectors import response

REST = {"usage": None, "cost_usd": 0.5, "model": "c:m"}
FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=300)


def read(vectors: list[bytes], encoding: Literal["list", "f32"], msgid: int = 7) -> dict[str, Any]:
    kind, answered, error, result = msgpack.unpackb(response(msgid, vectors, REST, encoding).data)
    assert (kind, answered, error) == (1, msgid, None)
    assert isinstance(result, dict)
    check(result, EmbedResult)
    return result


@given(st.lists(FLOATS, max_size=20), st.integers(0, 2**32 - 1))
def test_numbers_are_those_of_the_vectors(rows: list[list[float]], msgid: int) -> None:
    vectors = [struct.pack(f"<{len(row)}f", *row) for row in rows]
    assert read(vectors, "list", msgid) == {"embeddings": rows} | REST
    assert read(vectors, "f32", msgid) == {"embeddings": vectors} | REST


@pytest.mark.parametrize("length", [1, 15, 16, 3072, 65_536])
def test_of_any_length(length: int) -> None:
    vector = array("f", range(length))
    assert read([vector.tobytes()] * 3, "list")["embeddings"] == [vector.tolist()] * 3


def test_a_list_takes_a_quarter_more_than_its_bytes() -> None:
    vectors = [bytes(4 * 3072)] * 20
    longer = len(response(1, vectors, REST, "list").data) / len(response(1, vectors, REST, "f32").data)
    assert longer == pytest.approx(1.25, abs=0.01)
