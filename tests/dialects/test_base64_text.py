"""The pieces put together are the whole."""

from __future__ import annotations

import tracemalloc
from base64 import b64encode

import pytest

from lokid.dialects.base64_text import STEP, base64_text


@pytest.mark.parametrize("size", [0, 1, 2, 3, STEP - 1, STEP, STEP + 1, 3 * STEP + 2])
def test_the_text_is_that_of_one_call(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert base64_text(data[:size]) == b64encode(data[:size]).decode()


@pytest.mark.untraced
def test_a_large_text_grows_where_it_lies_and_is_never_made_twice() -> None:
    data = bytes(24 * STEP)
    tracemalloc.start()
    try:
        text = base64_text(data, "data:x;base64,")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text.startswith("data:x;base64,AAAA")
    assert peak < 1.3 * len(text), "put together at the end it is twice as much, and one long step"


def test_no_bytes_are_no_text() -> None:
    assert base64_text(None) == ""
